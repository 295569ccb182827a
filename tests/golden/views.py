"""Slice, concat, permute, reshape, broadcast, gather_class."""
import torch

from records import case, classes, tensor, uniform


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


FILES = {"views.txt": views}
