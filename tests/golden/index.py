"""Elements chosen by indices."""
import torch
import torch.nn.functional as F

from records import case, classes, uniform


def index():
    records = {}
    x = uniform(71, 3, 4, 2)
    for axis, shape in ((0, (5, 4, 2)), (1, (3, 2, 2)), (2, (3, 4, 3))):
        count = shape[0] * shape[1] * shape[2]
        at = classes(72, count, x.shape[axis]).reshape(shape)
        records[f"gather_{axis}"] = case("gather", lambda v, i: v.gather(axis, i.long()), x, at, axis=axis,
                                         constant=(1,))
        records[f"scatter_add_{axis}"] = case("scatter_add", lambda v, i, s: v.scatter_add(axis, i.long(), s), x, at,
                                              uniform(73, *shape), axis=axis, constant=(1,))
        records[f"index_select_{axis}"] = case("index_select", lambda v, i: v.index_select(axis, i.long()), x,
                                               classes(74, 5, x.shape[axis]), axis=axis, constant=(1,))
        records[f"index_add_{axis}"] = case(
            "index_add", lambda v, i, s: v.index_add(axis, i.long(), s), x, classes(74, 5, x.shape[axis]),
            uniform(77, *[5 if a == axis else n for a, n in enumerate(x.shape)]), axis=axis, constant=(1,))
    corner = classes(78, 10, 3).reshape(5, 2, 1)
    records["gather_corner"] = case("gather", lambda v, i: v.gather(0, i.long()), x, corner, axis=0, constant=(1,))
    for name, axis, shape in (("rows", 0, (5, 1, 2)), ("columns", -1, (1, 4, 3)), ("both", 1, (1, 3, 1))):
        count = shape[0] * shape[1] * shape[2]
        at = classes(81, count, x.shape[axis]).reshape(shape)
        records[f"take_along_{name}"] = case(
            "take_along", lambda v, i: torch.take_along_dim(v, i.long(), axis), x, at, axis=axis, constant=(1,))
    records["take_along_spread"] = case(
        "take_along", lambda v, i: torch.take_along_dim(v, i.long(), 1), uniform(82, 1, 4, 1),
        classes(83, 12, 4).reshape(3, 2, 2), axis=1, constant=(1,))
    records["scatter_add_corner"] = case(
        "scatter_add", lambda v, i, s: v.scatter_add(0, i.long(), s[:5, :, :1]), x, corner, uniform(79, 6, 2, 2),
        axis=0, constant=(1,))
    at = classes(75, 6, 5).reshape(2, 3)
    for padding in (-1, 2):
        records[f"embedding_{padding}"] = case(
            "embedding", lambda t, i: F.embedding(i.long(), t, None if padding < 0 else padding), uniform(76, 5, 3),
            at, padding=padding, constant=(1,))
    records["one_hot"] = case("one_hot", lambda i: F.one_hot(i.long(), 5), at, classes=5, gradient=False)
    return records


FILES = {"index.txt": index}
