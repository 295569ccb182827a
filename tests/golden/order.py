"""Order along an axis: extremes, sorting, largest elements."""
import torch

from records import case, tensor, uniform


def order():
    records = {}
    ties = tensor([[1, 3, 2, 3], [0, -1, -1, -2], [5, 5, 5, 5]])
    for axis in (0, 1):
        for name, x in (("", uniform(61, 4, 5)), ("_ties", ties)):
            suffix = f"{axis}{name}"
            for op, function in (("argmax", torch.argmax), ("argmin", torch.argmin)):
                records[f"{op}_{suffix}"] = case(op, lambda v: function(v, axis), x, axis=axis, gradient=False)
            records[f"max_along_{suffix}"] = case("max_along", lambda v: torch.max(v, axis).values, x, axis=axis)
            records[f"min_along_{suffix}"] = case("min_along", lambda v: torch.min(v, axis).values, x, axis=axis)
            for descending in (0, 1):
                records[f"argsort_{suffix}_{descending}"] = case(
                    "argsort", lambda v: torch.argsort(v, dim=axis, descending=bool(descending), stable=True), x, axis=axis,
                    descending=descending, gradient=False)
                records[f"sort_{suffix}_{descending}"] = case(
                    "sort", lambda v: torch.sort(v, dim=axis, descending=bool(descending), stable=True).values, x,
                    axis=axis, descending=descending)
        for smallest in (0, 1):
            records[f"topk_{axis}_{smallest}"] = case(
                "topk", lambda v: torch.topk(v, 3, axis, largest=not smallest).values, uniform(65, 4, 5), k=3,
                axis=axis, smallest=smallest)
    return records


FILES = {"order.txt": order}
