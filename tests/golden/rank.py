"""Medians and other ranks, places in sorted numbers, sums that leave out NaN."""
import torch

from records import INF, NAN, case, tensor, uniform


def rank():
    records = {}
    x = uniform(95, 3, 4, 5)
    for axis in (0, 1, 2):
        records[f"median_along_{axis}"] = case("median_along", lambda v: v.median(axis).values, x, axis=axis)
        records[f"median_along_indices_{axis}"] = case("median_along_indices", lambda v: v.median(axis).indices, x,
                                                       axis=axis, gradient=False)
        for k in (1, 3):
            records[f"kthvalue_{axis}_{k}"] = case("kthvalue", lambda v: v.kthvalue(k, axis).values, x, k=k, axis=axis)
            records[f"kthvalue_indices_{axis}_{k}"] = case(
                "kthvalue_indices", lambda v: v.kthvalue(k, axis).indices, x, k=k, axis=axis, gradient=False)
    holes = tensor([[1, NAN, 3, NAN], [4, 2, -INF, INF], [NAN, NAN, NAN, NAN], [1, -2, 4, 5]])
    records["median_along_nan"] = case("median_along", lambda v: v.median(1).values, holes, axis=1)
    records["median_along_indices_nan"] = case("median_along_indices", lambda v: v.median(1).indices, holes, axis=1,
                                               gradient=False)
    records["kthvalue_nan"] = case("kthvalue", lambda v: v.kthvalue(3, 1).values, holes[1:2], k=3, axis=1)
    for name, values in (("even", [4, 1, 3, 2]), ("odd", [[5, 1, 4], [2, 3, 6], [9, 8, 7]]), ("ties", [2, 1, 2, 2, 7]),
                         ("nan", [1, NAN, 3, NAN, 2]), ("one", [4]), ("empty", [])):
        records[f"median_{name}"] = case("median", lambda v: v.median(), tensor(values).to(torch.float64))
    sorted_numbers = tensor([[-INF, -1, 0, 0, 2, 5], [1, 1, 1, 3, 4, INF]])
    values = tensor([[0, -3, 2, 2.5, 7], [1, NAN, 3, -INF, INF]])
    for right in (0, 1):
        records[f"searchsorted_{right}"] = case(
            "searchsorted", lambda s, v: torch.searchsorted(s, v, right=bool(right)), sorted_numbers, values,
            right=right, gradient=False)
        records[f"bucketize_{right}"] = case("bucketize", lambda v, s: torch.bucketize(v, s, right=bool(right)), values,
                                             sorted_numbers[0], right=right, gradient=False)
    for axes in ((0,), (1,), (0, 1)):
        suffix = "_".join(map(str, axes))
        finite = tensor([[1, NAN, 3], [4, 2, NAN], [NAN, NAN, 0.5]])
        for name, function in (("nansum", torch.nansum), ("nanmean", torch.nanmean)):
            records[f"{name}_{suffix}"] = case(name, lambda v: function(v, dim=axes), finite, axes=tensor(axes))
    records["nansum_none"] = case("nansum", lambda v: torch.nansum(v, dim=1), holes[2:3], axes=tensor([1]))
    records["nanmean_none"] = case("nanmean", lambda v: torch.nanmean(v, dim=1), holes[2:3], axes=tensor([1]),
                                   gradient=False)
    return records


FILES = {"rank.txt": rank}
