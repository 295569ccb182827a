"""What the modules of golden values share: the format of a record, numbers that are the same on every machine, and the
record of one op with its gradient. generate.py explains the format."""
import math
import random

import torch

INF, NAN = math.inf, math.nan
SMALLEST_NORMAL = 2.0 ** -1022


# ---- The format ----

def number(value):
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value != 0 and abs(value) < SMALLEST_NORMAL:
        raise ValueError(f"{value} is subnormal")
    if value == int(value) and abs(value) < 1e6:
        return "-0" if value == 0 and math.copysign(1, value) < 0 else str(int(value))
    mantissa, exponent = value.hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent


def parse_number(text):
    return float.fromhex(text) if "x" in text else float(text)


def tensor(values):
    if isinstance(values, torch.Tensor):
        return values.detach()
    return torch.tensor(values, dtype=torch.float64)


def record_lines(name, fields):
    yield f"[{name}]"
    for key, value in fields.items():
        if value is None:
            continue
        if isinstance(value, str):
            yield f"{key} = {value}"
        else:
            array = tensor(value)
            shape = ",".join(str(n) for n in array.shape)
            numbers = " ".join(number(v) for v in array.reshape(-1).tolist())
            yield f"{key}[{shape}] = {numbers}".rstrip()
    yield ""


def file_text(title, records):
    lines = [f"# {title}", "# Written by generate.py, whose docstring explains the format.", ""]
    for name, fields in records.items():
        lines.extend(record_lines(name, fields))
    return "\n".join(lines)


# ---- Inputs: short numbers, the same on every machine ----

def uniform(seed, *shape, low=-2.0, high=2.0):
    """Multiples of 1/64, drawn by Python's own generator, which is the same in every version."""
    draw = random.Random(seed)
    count = math.prod(shape)
    return tensor([round(draw.uniform(low, high) * 64) / 64 for _ in range(count)]).reshape(shape)


def classes(seed, rows, count):
    draw = random.Random(seed)
    return tensor([draw.randrange(count) for _ in range(rows)])


# ---- One op with its gradient ----

def case(op, function, *inputs, constant=(), gradient=True, note=None, **parameters):
    """The record of one call of `function`. Inputs whose number is in `constant` get no gradient."""
    leaves = [tensor(x).clone().requires_grad_(gradient and i not in constant) for i, x in enumerate(inputs)]
    y = function(*leaves)
    fields = {"op": op, "note": note, **parameters}
    fields.update({f"x{i}": x for i, x in enumerate(leaves)})
    fields["y"] = y.to(torch.float64)
    if gradient:
        dy = uniform(f"cotangent of {op}", *y.shape, low=0.5, high=2.0)
        free = [i for i in range(len(leaves)) if i not in constant]
        fields["dy"] = dy
        for i, dx in zip(free, torch.autograd.grad(y, [leaves[i] for i in free], dy)):
            fields[f"dx{i}"] = dx
    return fields


def check_edges(name, function, *inputs):
    """Edge inputs are golden only where PyTorch's vector code and its scalar code, for single elements, agree."""
    def value_and_gradients(*xs):
        leaves = [x.clone().requires_grad_() for x in xs]
        y = function(*leaves)
        return torch.stack([y, *torch.autograd.grad(y, leaves, torch.ones_like(y))])
    whole = value_and_gradients(*inputs)
    single = torch.cat([value_and_gradients(*[x[i:i + 1] for x in inputs]) for i in range(len(inputs[0]))], 1)
    if not torch.allclose(whole, single, rtol=1e-12, atol=0, equal_nan=True):
        raise ValueError(f"{name}: vector and scalar code differ:\n{whole}\n{single}")
