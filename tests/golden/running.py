"""Running extremes and logarithms of sums, differences of neighbours."""
import torch

from records import INF, NAN, case, tensor, uniform


def running():
    records = {}
    ties = tensor([[1, 3, 2, 3, 3], [0, -1, -1, -2, 4], [5, 5, 5, 5, 5], [2, NAN, 1, NAN, 7], [-INF, 0, INF, INF, 1]])
    for axis in (0, 1, 2):
        x = uniform(91, 2, 3, 4)
        records[f"logcumsumexp_{axis}"] = case("logcumsumexp", lambda v: torch.logcumsumexp(v, axis), x, axis=axis)
        for name, function in (("cummax", torch.cummax), ("cummin", torch.cummin)):
            records[f"{name}_{axis}"] = case(name, lambda v: function(v, axis).values, x, axis=axis)
    for name, function in (("cummax", torch.cummax), ("cummin", torch.cummin)):
        records[f"{name}_ties"] = case(name, lambda v: function(v, 1).values, ties, axis=1)
        records[f"{name}_indices"] = case(f"{name}_indices", lambda v: function(v, 1).indices, ties, axis=1,
                                          gradient=False)
    far = tensor([[-1000, 1000, 0, -INF], [-INF, -INF, 3, 800], [0, 1e-20, -50, 50]])
    records["logcumsumexp_far"] = case("logcumsumexp", lambda v: torch.logcumsumexp(v, 1), far, axis=1, gradient=False)
    for times in (0, 1, 2, 4):
        records[f"diff_{times}"] = case("diff", lambda v: torch.diff(v, n=times, dim=1), uniform(92, 2, 4, 2), axis=1,
                                        times=times)
    return records


FILES = {"running.txt": running}
