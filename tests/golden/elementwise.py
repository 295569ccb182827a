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


FILES = {"elementwise.txt": elementwise}
