"""Flips, rolls, padding, repetitions, parts, axes, triangles, diagonals, grids, constants."""
import torch
import torch.nn.functional as F

from records import INF, NAN, case, tensor, uniform

MODES = ["constant", "reflect", "replicate", "circular"]


def ints(*values):
    return torch.tensor(values, dtype=torch.float64)


def torch_pad(x, mode, before, after, value):
    """F.pad takes the last axis first, and the other modes want axes in front that they do not touch."""
    pairs = [n for pair in reversed(list(zip(before, after))) for n in pair]
    if mode == "constant":
        return F.pad(x, pairs, mode, value)
    untouched = next(i for i in range(len(before)) if before[i] or after[i])
    front = x.shape[:untouched]
    return F.pad(x.reshape(1, -1, *x.shape[untouched:]), pairs[:2 * (x.dim() - untouched)], mode).reshape(
        *front, *[n + before[i] + after[i] for i, n in enumerate(x.shape) if i >= untouched])


def padding(records):
    for mode, shape, before, after in [
            ("constant", (3,), (2,), (1,)), ("constant", (2, 3), (1, 0), (0, 2)), ("constant", (2, 4), (0, -1), (1, -2)),
            ("constant", (0, 2), (1, 0), (1, 0)), ("constant", (1, 2, 3), (0, -1, 2), (1, 0, -1)),
            ("reflect", (5,), (4,), (2,)), ("reflect", (2, 3), (0, 1), (0, 2)), ("reflect", (2, 3, 3), (0, 2, 1), (0, 0, 2)),
            ("replicate", (3,), (2,), (4,)), ("replicate", (1, 2), (0, 3), (0, 0)), ("replicate", (2, 3, 3), (0, 2, 1), (0, 0, 2)),
            ("circular", (4,), (4,), (1,)), ("circular", (2, 3), (0, 1), (0, 3)), ("circular", (2, 3, 3), (0, 2, 1), (0, 1, 2))]:
        x, value = uniform(f"pad {mode} {shape}", *shape), 1.5 if mode == "constant" else 0.0
        records[f"pad_{mode}_" + "_".join(map(str, shape + before))] = case(
            "pad", lambda v: torch_pad(v, mode, before, after, value), x, mode=ints(MODES.index(mode)).reshape(()),
            before=ints(*before), after=ints(*after), value=tensor(value) if value else None)


def one(records, op, function, *shape, **parameters):
    name = "_".join([op, *map(str, shape), *(str(v) for v in parameters.values())])
    name = name.replace(" ", "").replace("(", "").replace(")", "").replace(",", "_")
    fields = {k: ints(*v) if isinstance(v, tuple) else tensor(float(v)) for k, v in parameters.items()}
    records[name] = case(op, lambda x: function(x, *parameters.values()), uniform(name, *shape), **fields)


def joined(parts, axis):
    return torch.cat(list(reversed(parts)), axis)


def rearrange():
    records = {}
    for shape, axes in [((5,), (0,)), ((2, 3), (1,)), ((2, 3), (0, -1)), ((2, 3), ()), ((0, 3), (0, 1)), ((2, 1, 3), (0, 2))]:
        one(records, "flip", torch.flip, *shape, axes=axes)
    for shape, shift, axis in [((5,), 2, 0), ((5,), -7, 0), ((5,), 5, 0), ((2, 3), 1, -1), ((3, 2), 1, 0), ((0, 3), 1, 0)]:
        one(records, "roll", lambda x, s, a: torch.roll(x, s, a), *shape, shift=shift, axis=axis)
    padding(records)
    for shape, repeats in [((), (2,)), ((3,), (2,)), ((3,), (2, 2)), ((2, 3), (2,)), ((2, 3), (1, 2)), ((2, 3), (2, 0)), ((1, 2), (3, 1, 2))]:
        one(records, "tile", torch.tile, *shape, repeats=repeats)
        if len(repeats) >= len(shape):
            one(records, "repeat", lambda x, r: x.repeat(r), *shape, repeats=repeats)
    for shape, times, axis in [((3,), 2, 0), ((2, 3), 3, 0), ((2, 3), 2, -1), ((2, 3), 0, 1), ((1, 2, 2), 2, 1)]:
        one(records, "repeat_interleave", lambda x, n, a: torch.repeat_interleave(x, n, a), *shape, times=times, axis=axis)
    for axis in (0, 1, -1):
        records[f"stack_{axis}"] = case("stack", lambda *xs: torch.stack(xs, axis), uniform(1, 2, 3), uniform(2, 2, 3),
                                        uniform(3, 2, 3), axis=tensor(float(axis)))
    records["stack_scalars"] = case("stack", lambda *xs: torch.stack(xs, 0), tensor(1.5), tensor(-2.0), axis=tensor(0.0))
    for shape, sizes, axis in [((5,), (2, 3), 0), ((2, 4), (1, 0, 3), 1), ((3, 2), (3,), 0)]:
        one(records, "split", lambda x, s, a: joined(torch.split(x, s, a), a), *shape, sizes=sizes, axis=axis)
    for shape, chunks, axis in [((6,), 3, 0), ((5,), 4, 0), ((5,), 2, 0), ((2, 3), 4, 1), ((2, 4), 2, -1)]:
        one(records, "chunk", lambda x, n, a: joined(torch.chunk(x, n, a), a), *shape, chunks=chunks, axis=axis)
    for shape, axis, start, count in [((5,), 0, 1, 3), ((2, 3), 1, -2, 2), ((2, 3), 0, 2, 0)]:
        one(records, "narrow", torch.narrow, *shape, axis=axis, start=start, count=count)
    for shape, axis, index in [((3,), 0, 1), ((2, 3), 0, -1), ((2, 3), -1, 2)]:
        one(records, "select", torch.select, *shape, axis=axis, index=index)
    for shape, axes in [((1, 2, 1), (0,)), ((1, 2, 1), (0, 1, 2)), ((2, 3), (1,)), ((1,), (0,))]:
        one(records, "squeeze", torch.squeeze, *shape, axes=axes)
    for shape, axis in [((), 0), ((3,), 1), ((2, 3), -1), ((2, 3), -3)]:
        one(records, "unsqueeze", torch.unsqueeze, *shape, axis=axis)
    for shape, first, last in [((), 0, -1), ((2, 3, 2), 0, 1), ((2, 3, 2), 1, -1), ((2, 0), 0, 1)]:
        one(records, "flatten_axes", torch.flatten, *shape, first=first, last=last)
    for shape, axis, sizes in [((6,), 0, (2, -1)), ((2, 6), 1, (3, 2)), ((2, 6), -1, (1, 6))]:
        one(records, "unflatten", torch.unflatten, *shape, axis=axis, sizes=sizes)
    for shape, source, target in [((2, 3, 2), 0, 2), ((2, 3, 2), -1, 0), ((2, 3), 1, 1)]:
        one(records, "movedim", torch.movedim, *shape, **{"from": source, "to": target})
    for op, function in (("tril", torch.tril), ("triu", torch.triu)):
        for shape, diagonal in [((3, 3), 0), ((2, 4), 1), ((4, 2), -1), ((2, 2, 3), 0), ((2, 3), 9), ((2, 3), -9)]:
            one(records, op, function, *shape, diagonal=diagonal)
        x = tensor([[1.0, NAN, INF], [NAN, 2.0, -INF], [INF, NAN, 3.0]])
        records[op + "_edges"] = case(op, function, x, note="what is left out may be NaN", diagonal=tensor(0.0))
    for shape, offset, a, b in [((3, 3), 0, 0, 1), ((2, 4), 1, 0, 1), ((4, 2), -1, 0, 1), ((2, 3, 4), 0, 0, 2),
                                ((2, 3, 4), 1, -1, 1), ((3, 3), 3, 0, 1)]:
        one(records, "diagonal", torch.diagonal, *shape, offset=offset, axis_1=a, axis_2=b)
    for shape, offset in [((3,), 0), ((2,), 1), ((2,), -2), ((2, 3), 0), ((0,), 1)]:
        one(records, "diag_embed", torch.diag_embed, *shape, offset=offset)
    records["meshgrid"] = case("meshgrid", lambda *xs: torch.stack(torch.meshgrid(*xs, indexing="ij")),
                               uniform(1, 2), uniform(2, 3), uniform(3, 2))
    one(records, "full", lambda x, s, v: x * torch.full([int(n) for n in s], v, dtype=x.dtype), 2, 3, shape=(2, 3), value=-0.75)
    for start, stop, step in [(0, 5, 1), (1, 2, 0.25), (3, -1, -1.5), (0, 1, 0.3), (2, 2, 1)]:
        y = torch.arange(start, stop, step, dtype=torch.float64)
        one(records, "arange", lambda x, *_: x * y, len(y), start=start, stop=stop, step=step)
    for start, stop, n in [(0, 1, 5), (-1, 2, 7), (3, 1, 4), (1, 9, 1), (0, 1, 0)]:
        y = torch.linspace(start, stop, n, dtype=torch.float64)
        one(records, "linspace", lambda x, *_: x * y, n, start=start, stop=stop, n=n)
    for rows, columns in [(2, 2), (2, 3), (3, 1)]:
        one(records, "eye", lambda x, m, n: x * torch.eye(m, n, dtype=x.dtype), rows, columns, rows=rows, columns=columns)
    return records


FILES = {"rearrange.txt": rearrange}
