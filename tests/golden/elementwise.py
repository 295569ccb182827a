"""Elementwise ops, at edge values and ordinary ones."""
import math

import torch
import torch.nn.functional as F

from records import INF, NAN, case, check_edges, tensor, uniform


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
    "floor": (torch.floor, []), "ceil": (torch.ceil, []), "round": (torch.round, [2.5]), "trunc": (torch.trunc, []),
    "exp2": (torch.exp2, [-1000.0, 1023.0, 1025.0]),
    "erfc": (torch.erfc, [1e-9, 5.0, -5.0, 30.0]),
    "log2": (torch.log2, [8.0, 1e300]), "log10": (torch.log10, [1000.0, 1e300]),
    "sin": (torch.sin, [1e6]), "cos": (torch.cos, [1e6]), "tan": (torch.tan, [1e6]),
    "asin": (torch.asin, []), "acos": (torch.acos, []), "atan": (torch.atan, [1e300]),
    "sinh": (torch.sinh, [1e-9, 30.0]), "cosh": (torch.cosh, [30.0]),
    "asinh": (torch.asinh, [1e-9]), "acosh": (torch.acosh, [1e9]), "atanh": (torch.atanh, [1e-9]),
    "reciprocal": (torch.reciprocal, []), "rsqrt": (torch.rsqrt, [4.0]),
    "is_nan": (torch.isnan, []), "is_finite": (torch.isfinite, []), "is_inf": (torch.isinf, []),
    "logsigmoid": (F.logsigmoid, [200.0, -200.0]), "selu": (F.selu, [200.0, -200.0]), "silu": (F.silu, []),
    "mish": (F.mish, []), "relu6": (F.relu6, [6.0, 6.5]), "hardsigmoid": (F.hardsigmoid, [-3.5, 3.5]),
    "hardswish": (F.hardswish, [-3.5, 3.5]), "softsign": (F.softsign, []), "tanhshrink": (F.tanhshrink, []),
}
NO_GRADIENT = {"is_nan", "is_inf", "is_finite", "hardsigmoid"}  # the last: PyTorch multiplies by 1/6 in f32
# Where the graph's own rule is another one than PyTorch's: at infinities the parts of a formula give NaN.
ONLY_FINITE = {"tan", "asin", "acos", "asinh", "acosh", "atanh", "sinh", "cosh", "reciprocal", "rsqrt", "silu", "mish",
               "softsign", "exp2", "selu", "hardsigmoid", "hardswish", "tanhshrink", "logsigmoid", "sin", "cos", "atan",
               "relu6"}
PARAMETERS = {
    "elu": (F.elu, {"alpha": 0.75}), "celu": (F.celu, {"alpha": 1.5}),
    "hardtanh": (lambda x, low, high: F.hardtanh(x, low, high), {"low": -1.0, "high": 2.0}),
    "leaky_relu": (lambda x, slope: F.leaky_relu(x, slope), {"slope": 0.125}),
    "threshold": (lambda x, threshold, value: F.threshold(x, threshold, value), {"threshold": 0.5, "value": -3.0}),
    "hardshrink": (lambda x, **p: F.hardshrink(x, p["lambda"]), {"lambda": 0.75}),
    "softshrink": (lambda x, **p: F.softshrink(x, p["lambda"]), {"lambda": 0.75}),
    "clamp": (lambda x, low, high: torch.clamp(x, low, high), {"low": -0.5, "high": 2.0}),
    "nan_to_num": (lambda x, nan, positive, negative: torch.nan_to_num(x, nan, positive, negative),
                   {"nan": 1.0, "positive": 2.0, "negative": -2.0}),
    "pow_scalar": (lambda x, exponent: torch.pow(x, exponent), {"exponent": 3.0}),
}
PAIR_EDGES = [-INF, -2.0, -0.5, -0.0, 0.0, 0.75, 2.0, 3.0, INF, NAN]
BINARY = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "maximum": torch.maximum,
          "minimum": torch.minimum}
COMPARISONS = {"equal": torch.eq, "not_equal": torch.ne, "less": torch.lt, "less_equal": torch.le,
               "greater": torch.gt, "greater_equal": torch.ge}


def elementwise():
    records = {}
    for name, (function, extra) in UNARY.items():
        x = tensor(EDGES + ORDINARY + extra)
        if name in ONLY_FINITE:
            x = x[torch.isfinite(x)]
        if name == "acosh":
            x = x[x >= 1]
        if name in NO_GRADIENT:
            records[name] = case(name, function, x, gradient=False)
            continue
        check_edges(name, function, x)
        records[name] = case(name, function, x)
    finite = tensor(EDGES + ORDINARY)
    finite = finite[torch.isfinite(finite)]
    for name, (function, parameters) in PARAMETERS.items():
        x = tensor(EDGES + ORDINARY) if name == "nan_to_num" else finite
        records[name] = case(name, lambda v: function(v, **parameters), x, **parameters)
    records["cast"] = case("cast", lambda v: v.to(torch.int64), finite, gradient=False, note="to i64 and back")
    for axis in range(3):
        records[f"glu_{axis}"] = case("glu", lambda v: F.glu(v, axis), uniform(6, 2, 4, 6), axis=axis)
    records["prelu"] = case("prelu", F.prelu, uniform(7, 2, 3, 4), tensor([0.25, -0.5, 2.0]))
    records["prelu_one"] = case("prelu", F.prelu, uniform(8, 6), tensor([0.25]))
    records["lerp"] = case("lerp", torch.lerp, uniform(9, 2, 5), uniform(10, 2, 5),
                           tensor([[-1, 0.25, 0.5, 0.75, 2], [0, 1, 0.4, 0.6, -0.5]]))
    left, right = (grid.reshape(-1) for grid in torch.meshgrid(tensor(PAIR_EDGES), tensor(PAIR_EDGES), indexing="ij"))
    for name, function in BINARY.items():
        check_edges(name, function, left, right)
        records[name] = case(name, function, left, right, note="all pairs of edge values")
        records[name + "_broadcast"] = case(name, function, uniform(1, 2, 1, 4), uniform(2, 3, 1))
        records[name + "_scalar"] = case(name, function, uniform(3, 2, 3), tensor(0.75))
    finite_left, finite_right = (grid.reshape(-1) for grid in torch.meshgrid(
        tensor([-2.5, -1.0, -0.0, 0.0, 0.75, 2.0, 3.0]), tensor([-2.0, -0.5, 0.25, 1.0, 3.0]), indexing="ij"))
    for name, function in {"pow": torch.pow, "atan2": torch.atan2, "hypot": torch.hypot, "fmod": torch.fmod,
                           "remainder": torch.remainder, "xlogy": torch.xlogy, "logaddexp": torch.logaddexp}.items():
        records[name] = case(name, function, finite_left, finite_right, note="all pairs of some numbers")
        records[name + "_broadcast"] = case(name, function, uniform(1, 2, 1, 4, low=0.5), uniform(2, 3, 1, low=0.5))
    for name, function in {"fmax": torch.fmax, "fmin": torch.fmin}.items():
        records[name] = case(name, function, left, right, note="all pairs of edge values")
    truth = tensor([0, 0, 1, 1]), tensor([0, 1, 0, 1])
    for name, function in {"logical_and": torch.logical_and, "logical_or": torch.logical_or,
                           "logical_xor": torch.logical_xor}.items():
        records[name] = case(name, function, *truth, gradient=False)
    records["logical_not"] = case("logical_not", torch.logical_not, truth[1], gradient=False)
    records["masked_fill"] = case("masked_fill", lambda v, m: v.masked_fill(m != 0, 0.75), uniform(3, 2, 4),
                                  tensor([1, 0, 0, 1]), constant=(1,), value=0.75)
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


FILES = {"elementwise.txt": elementwise}
