"""Golden values: what PyTorch 2.13 computes, written down for the C tests.

    pip install torch==2.13.0
    python tests/golden/generate.py              writes the .txt files beside this script
    python tests/golden/generate.py --check      compares them with what PyTorch computes now; exit 1 if it differs

They pin down semantics: kinks, ties, infinities, NaN, reductions, the order of an optimizer's steps. Precision has its
own oracles: some of PyTorch's values cancel (gelu far below 0), so compare |a - b| with 1e-12 max(1, |b|) or the like,
and zeros without their sign. Everything is f64.

The files, read by tests/support/golden.h
-----------------------------------------
    # a comment, also an empty line
    [maximum]                                    a record: its name, unique in the file
    op = maximum                                 a text
    x0[2,3] = 0 -0 0x1.8p+0 -inf nan 12          an array: shape, then its elements in row-major order
    lr[] = 0x1.999999999999ap-4                  an array of rank 0

One line holds one text or array. Numbers are decimal integers, C's hexadecimal floats (exact), inf, -inf, nan. None is
subnormal, so flush-to-zero changes nothing. Indices and conditions are written as the numbers they are; which arrays
they are follows from the op.

elementwise.txt  reductions.txt  contractions.txt  views.txt  losses.txt
    op               the op's name without bg_, one word for each builder
    x0, x1, x2       inputs, in the builder's order
    y                output
    dy               cotangent of the output; left out, with the gradients, for comparisons
    dx0, dx1, dx2    gradients; left out for inputs that have none (indices, conditions)
    and the op's parameters, by name:
      sum mean max logsumexp          axes[n], dropped from the result; all axes are listed one by one
      softmax log_softmax             axis[]
      matmul linear                   none; linear has w as x1, [out, in], and b as x2 if there is a bias
      slice                           axis[], start[], stop[], step[]
      concat                          axis[]; inputs x0, x1, ..
      permute                         axes[n]
      reshape broadcast               shape[n]
      gather_class                    none; x1 is the class of each row
      *_loss                          reduction = none | mean | sum; x1 is the target
      where_sqrt                      none; where(x0 > 0, sqrt(x0), 0)
    note             where it is there: what the record shows

training.txt: full-batch gradient descent for 20 steps on a network of 5 inputs, 7 tanh units and k outputs
    loss             one of the four losses, by the op's name in losses.txt
    reduction        mean or sum; none: the loss trained on is sum(weights * loss), for the record's weights
    w1 [7, 5], b1 [7], w2 [k, 7], b2 [k]        before the first step
    x [n, 5], target, weights (with none)
    lr[20], momentum[], weight_decay[], nesterov[]
    losses[20]       before the first update, .. before the last
    final_w1, final_b1, final_w2, final_b2      after the last
"""
import argparse
import math
import pathlib
import random
import sys

import torch
import torch.nn.functional as F

INF, NAN = math.inf, math.nan
SMALLEST_NORMAL = 2.0 ** -1022
HERE = pathlib.Path(__file__).resolve().parent


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


# ---- elementwise.txt ----

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, INF, -INF, NAN]
ORDINARY = [0.015625, -0.015625, 0.75, -1.25, 2.0, -2.5, 3.0, -4.0, 7.5, -7.5]
UNARY = {
    "neg": (torch.neg, []),
    "square": (torch.square, [1e200, -1e200]),
    "sqrt": (torch.sqrt, [4.0, 1e300]),
    "exp": (torch.exp, [-700.0, 700.0, 710.0, -800.0]),
    "log": (torch.log, [math.e, 1e300, 1e-300]),
    "expm1": (torch.expm1, [1e-9, -1e-9, 700.0, 710.0, -800.0]),
    "log1p": (torch.log1p, [1e-9, -1e-9, 1e300]),
    "erf": (torch.erf, [1e-9, -1e-9, 5.0, -5.0, 30.0]),
    "abs": (torch.abs, [1e300, -1e300]),
    "sign": (torch.sign, [1e-300, -1e-300]),
    "relu": (torch.relu, [1e-300, -1e-300, 1e300]),
    "tanh": (torch.tanh, [20.0, -20.0, 1e-9, -1e-9]),
    "sigmoid": (torch.sigmoid, [40.0, -40.0, 200.0, -200.0, 800.0, -800.0]),
    "softplus": (F.softplus, [19.5, 20.0, 20.5, 200.0, -20.0, -200.0, -800.0]),
    "gelu": (F.gelu, [6.0, -6.0, 12.0, -12.0]),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), [6.0, -6.0, 12.0, -12.0]),
}
PAIR_EDGES = [-INF, -2.0, -0.5, -0.0, 0.0, 0.75, 2.0, 3.0, INF, NAN]
BINARY = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "maximum": torch.maximum,
          "minimum": torch.minimum}
COMPARISONS = {"equal": torch.eq, "not_equal": torch.ne, "less": torch.lt, "less_equal": torch.le,
               "greater": torch.gt, "greater_equal": torch.ge}


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


def elementwise():
    records = {}
    for name, (function, extra) in UNARY.items():
        x = tensor(EDGES + ORDINARY + extra)
        check_edges(name, function, x)
        records[name] = case(name, function, x)
    left, right = (grid.reshape(-1) for grid in torch.meshgrid(tensor(PAIR_EDGES), tensor(PAIR_EDGES), indexing="ij"))
    for name, function in BINARY.items():
        check_edges(name, function, left, right)
        records[name] = case(name, function, left, right, note="all pairs of edge values")
        records[name + "_broadcast"] = case(name, function, uniform(1, 2, 1, 4), uniform(2, 3, 1))
        records[name + "_scalar"] = case(name, function, uniform(3, 2, 3), tensor(0.75))
    for name, function in COMPARISONS.items():
        records[name] = case(name, function, left, right, gradient=False)
    condition = tensor([1, 0, 1, 0, 1, 0, 1, 0])
    a, b = tensor([1, 2, INF, 4, NAN, 6, -INF, 8]), tensor([-1, -2, -3, INF, -5, NAN, -7, -INF])
    where = lambda c, p, q: torch.where(c != 0, p, q)
    records["where"] = case("where", where, condition, a, b, constant=(0,), note="the branch not taken is not read")
    records["where_broadcast"] = case("where", where, tensor([[1], [0]]), uniform(4, 3), uniform(5, 2, 3),
                                      constant=(0,))
    x = tensor([-1.0, 0.0, 1.0, 4.0])
    records["where_sqrt"] = case(
        "where_sqrt", lambda v: torch.where(v > 0, torch.sqrt(v), torch.zeros_like(v)), x,
        note="where(x > 0, sqrt(x), 0): the gradient of the branch not taken is 0 * inf or 0 * nan, and so NaN")
    return records


# ---- reductions.txt ----

REDUCTIONS = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "logsumexp": torch.logsumexp}
SOFTMAXES = {"softmax": torch.softmax, "log_softmax": torch.log_softmax}
SPREAD = tensor([[1000, 1001, 999, 1000.5], [-1000, 0, 1000, 0], [-INF, 0, 1, -INF], [3, 3, 3, 3]])
INFINITE = tensor([[INF, 0, 1], [NAN, 0, 1]])


def reductions():
    records = {}
    edges = tensor([[1, INF, INF, 2], [1, -INF, 2, 3], [-INF, -INF, -INF, -INF], [1, NAN, 2, NAN]])
    ties = tensor([[[1, 3, 2, 3], [0, -1, -1, -2], [5, 5, 5, 5]], [[-4, 3, -4, 0], [1, 1, 0, 1], [2, 5, -3, 5]]])

    def add(name, suffix, x, axes, **options):
        records[f"{name}_{suffix}"] = case(name, lambda v: REDUCTIONS[name](v, dim=axes), x, axes=tensor(axes),
                                           **options)

    for name in REDUCTIONS:
        for axes in [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)]:
            add(name, "_".join(map(str, axes)), ties if name == "max" else uniform(11, 2, 3, 4), axes)
        add(name, "one", uniform(12, 3, 1), (1,))
    for name in ("sum", "mean", "max"):
        add(name, "edges", edges, (1,))
    for name in ("sum", "mean"):
        add(name, "empty", torch.zeros(2, 0, dtype=torch.float64), (1,))
    add("logsumexp", "spread", SPREAD, (1,))
    add("logsumexp", "infinite", INFINITE, (1,))
    add("logsumexp", "all_minus_infinity", tensor([[-INF, -INF, -INF]]), (1,), gradient=False,
        note="PyTorch's gradient is not recorded: the library defines it as 0")

    for name, function in SOFTMAXES.items():
        inputs = {f"axis_{axis}": (uniform(13, 2, 3, 5, low=-4, high=4), axis) for axis in range(3)}
        inputs |= {"spread": (SPREAD, 1), "one": (uniform(14, 3, 1), 1), "infinite": (INFINITE, 1),
                   "all_minus_infinity": (tensor([[-INF, -INF, -INF]]), 1)}
        for suffix, (x, axis) in inputs.items():
            records[f"{name}_{suffix}"] = case(name, lambda v: function(v, axis), x, axis=axis)
    return records


# ---- contractions.txt ----

def contractions():
    shapes = {
        "plain": ((3, 4), (4, 5)),
        "row_by_column": ((1, 6), (6, 1)),
        "column_by_row": ((4, 1), (1, 3)),
        "batched": ((2, 3, 4), (2, 4, 2)),
        "shared_right": ((2, 3, 4), (4, 2)),
        "shared_left": ((3, 4), (2, 4, 2)),
        "broadcast_both": ((2, 1, 3, 4), (3, 4, 2)),
        "no_terms": ((2, 0), (0, 3)),
        "no_rows": ((0, 3), (3, 2)),
        "vector_left": ((3,), (2, 3, 4)),
        "vector_right": ((2, 4, 3), (3,)),
        "vectors": ((5,), (5,)),
    }
    records = {}
    for name, (left, right) in shapes.items():
        records[f"matmul_{name}"] = case("matmul", torch.matmul, uniform(21, *left), uniform(22, *right))
    for name, shape in {"vector": (4,), "matrix": (3, 4), "batch": (2, 3, 4), "no_rows": (0, 4)}.items():
        x, w, b = uniform(23, *shape), uniform(24, 5, 4), uniform(25, 5)
        records[f"linear_{name}"] = case("linear", F.linear, x, w, b)
        records[f"linear_{name}_no_bias"] = case("linear", F.linear, x, w)
    return records


# ---- views.txt ----

def views():
    records = {}
    x = uniform(31, 3, 5, 4)
    for axis, start, stop, step in [(0, 1, 3, 1), (1, 0, 5, 2), (1, 1, 4, 3), (2, 2, 2, 1)]:
        def cut(v):
            return v[tuple(slice(start, stop, step) if a == axis else slice(None) for a in range(v.dim()))]
        records[f"slice_{axis}_{start}_{stop}_{step}"] = case("slice", cut, x, axis=axis, start=start, stop=stop,
                                                              step=step)
    joined = {0: [(2, 3), (1, 3)], 1: [(2, 1), (2, 3), (2, 2)], 2: [(2, 2, 1), (2, 2, 0), (2, 2, 2)]}
    for axis, shapes in joined.items():
        parts = [uniform(32 + i, *shape) for i, shape in enumerate(shapes)]
        records[f"concat_{axis}"] = case("concat", lambda *p: torch.cat(p, axis), *parts, axis=axis)
    for permutation in [(1, 0, 2), (2, 0, 1), (0, 2, 1)]:
        records["permute_" + "_".join(map(str, permutation))] = case(
            "permute", lambda v: v.permute(permutation), uniform(35, 2, 3, 4), axes=tensor(permutation))
    for shape in [(6, 4), (24,), (2, 1, 12)]:
        records["reshape_" + "_".join(map(str, shape))] = case(
            "reshape", lambda v: v.reshape(shape), uniform(36, 2, 3, 4), shape=tensor(shape))
    for source, shape in [((3, 1), (3, 4)), ((4,), (2, 3, 4)), ((1, 2, 1), (3, 2, 2)), ((), (2, 2))]:
        records["broadcast_" + "_".join(map(str, shape))] = case(
            "broadcast", lambda v: v.expand(shape), uniform(37, *source), shape=tensor(shape))
    records["gather_class"] = case("gather_class", lambda v, c: v.gather(-1, c.long()[..., None])[..., 0],
                                   uniform(38, 2, 3, 4), classes(39, 6, 4).reshape(2, 3), constant=(1,))
    return records


# ---- losses.txt and training.txt ----

LOSSES = {
    "l1_loss": F.l1_loss,
    "l2_loss": F.mse_loss,
    "bce_with_logits_loss": F.binary_cross_entropy_with_logits,
    "cross_entropy_loss": lambda logits, target, reduction: F.cross_entropy(logits, target.long(), reduction=reduction),
}


def losses():
    logits = tensor([[100, -100, 0, -0.0, 1.5], [-800, 800, 40, -40, -1.5]])
    zeros, ones = torch.zeros_like(logits), torch.ones_like(logits)
    inputs = {
        "l1_loss": {"": (uniform(41, 3, 4), uniform(42, 3, 4)),
                    "_kink": (tensor([[0, -0.0, 2, -3, 1e300]]), tensor([[0, 0, 2, -3, -1]]))},
        "l2_loss": {"": (uniform(43, 3, 4), uniform(44, 3, 4)),
                    "_edges": (tensor([[0, 2, -3, 1e100]]), tensor([[0, 2, 3, -1]]))},
        "bce_with_logits_loss": {"": (uniform(45, 3, 4, low=-4, high=4), uniform(46, 3, 4, low=0, high=1)),
                                 "_zeros": (logits, zeros), "_ones": (logits, ones)},
        "cross_entropy_loss": {"": (uniform(47, 6, 4, low=-4, high=4), classes(48, 6, 4)),
                               "_spread": (tensor([[1000, 0, -1000], [0, 1000, -1000], [-INF, 2, 1], [7, 7, 7]]),
                                           tensor([0, 0, 1, 2]))},
    }
    records = {}
    for name, function in LOSSES.items():
        for suffix, (prediction, target) in inputs[name].items():
            for reduction in ("none", "mean", "sum"):
                records[f"{name}{suffix}_{reduction}"] = case(
                    name, lambda p, t: function(p, t, reduction=reduction), prediction, target, reduction=reduction,
                    constant=(1,) if name == "cross_entropy_loss" else ())
    return records


SAMPLES, STEPS = 6, 20


def curve(loss, reduction, seed, lr, momentum=0.9, weight_decay=0.0, nesterov=False):
    outputs = 3 if loss == "cross_entropy_loss" else 2
    initial = {"w1": uniform(seed + 1, 7, 5, low=-0.45, high=0.45),
               "b1": uniform(seed + 2, 7, low=-0.45, high=0.45),
               "w2": uniform(seed + 3, outputs, 7, low=-0.38, high=0.38),
               "b2": uniform(seed + 4, outputs, low=-0.38, high=0.38)}
    x = uniform(seed + 5, SAMPLES, 5)
    target = {"l1_loss": uniform(seed + 6, SAMPLES, outputs), "l2_loss": uniform(seed + 6, SAMPLES, outputs),
              "bce_with_logits_loss": classes(seed + 6, SAMPLES * outputs, 2).reshape(SAMPLES, outputs),
              "cross_entropy_loss": classes(seed + 6, SAMPLES, outputs)}[loss]
    weights = None
    if reduction == "none":
        weights = uniform(seed + 7, *target.shape, low=0.02, high=0.25)

    w1, b1, w2, b2 = (p.clone().requires_grad_() for p in initial.values())
    optimizer = torch.optim.SGD([w1, b1, w2, b2], lr=0.0, momentum=momentum, weight_decay=weight_decay,
                                nesterov=nesterov)
    history = []
    for rate in lr:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        prediction = F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2)
        value = LOSSES[loss](prediction, target, reduction=reduction)
        if weights is not None:
            value = (weights * value).sum()
        value.backward()
        optimizer.step()
        history.append(value.item())
    return {"loss": loss, "reduction": reduction, **initial, "x": x, "target": target, "weights": weights,
            "lr": tensor(lr), "momentum": momentum, "weight_decay": weight_decay, "nesterov": float(nesterov),
            "losses": tensor(history), "final_w1": w1, "final_b1": b1, "final_w2": w2, "final_b2": b2}


def training():
    records = {}
    for i, loss in enumerate(LOSSES):
        for reduction in ("mean", "sum", "none"):
            # The gradient of a sum is larger by the number of elements: at the same rate it would diverge.
            lr = [0.01 if reduction == "sum" else 0.1] * STEPS
            records[f"{loss}_{reduction}"] = curve(loss, reduction, 100 * (i + 1), lr)
    constant, changing = [0.1] * STEPS, [0.1] * 7 + [0.02] * 7 + [0.05] * 6
    variants = {
        "no_momentum": {"momentum": 0.0},
        "nesterov": {"nesterov": True},
        "weight_decay": {"weight_decay": 0.05},
        "nesterov_weight_decay": {"nesterov": True, "weight_decay": 0.05},
    }
    for suffix, options in variants.items():
        records[f"l2_loss_mean_{suffix}"] = curve("l2_loss", "mean", 200, constant, **options)
    records["l2_loss_mean_lr_changes"] = curve("l2_loss", "mean", 200, changing)
    return records


# ---- Writing and checking ----

FILES = {
    "elementwise.txt": ("Elementwise ops, at edge values and ordinary ones.", elementwise),
    "reductions.txt": ("Sum, mean, max; softmax, log-softmax, logsumexp.", reductions),
    "contractions.txt": ("Matrix products and linear layers.", contractions),
    "views.txt": ("Slice, concat, permute, reshape, broadcast, gather_class.", views),
    "losses.txt": ("Losses and their gradients.", losses),
    "training.txt": ("Loss curves of 20 steps of gradient descent.", training),
}


def same_number(a, b, scale):
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-12 * max(abs(b), min(scale, 1.0))


def same_line(a, b):
    """Equal but for the last bits of numbers: other processors take other paths through PyTorch's kernels."""
    if a == b:
        return True
    (left, _, numbers_a), (right, _, numbers_b) = a.partition(" = "), b.partition(" = ")
    if left != right or not left.endswith("]"):
        return False
    first, second = ([parse_number(word) for word in line.split()] for line in (numbers_a, numbers_b))
    scale = max((abs(q) for q in second if math.isfinite(q)), default=0.0)
    return len(first) == len(second) and all(same_number(p, q, scale) for p, q in zip(first, second))


def differences(path, text):
    if not path.exists():
        return [f"{path.name}: missing"]
    old, new = path.read_text().splitlines(), text.splitlines()
    if len(old) != len(new):
        return [f"{path.name}: {len(old)} lines, now {len(new)}"]
    return [f"{path.name}:{i}: differs" for i, (a, b) in enumerate(zip(old, new), 1) if not same_line(a, b)]


def main():
    parser = argparse.ArgumentParser(description="Writes the golden values beside this script.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare with the files that are there")
    check = parser.parse_args().check
    if not torch.__version__.startswith("2.13."):
        sys.exit(f"generate.py: PyTorch 2.13 defines the golden values, this is {torch.__version__}")
    torch.set_num_threads(1)
    wrong = []
    for name, (title, records) in FILES.items():
        text = file_text(title, records())
        if check:
            wrong += differences(HERE / name, text)
        else:
            (HERE / name).write_text(text)
            print(f"{name}: {len(text)} bytes")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
