"""Elements put where indices say, and counted by them."""
import torch

from records import case, classes, tensor, uniform


def last_wins(v, i, s, axis):
    """PyTorch leaves open which of several sources wins: one after the other."""
    i = i.long()
    s = s[tuple(slice(n) for n in i.shape)]
    for j in range(i.shape[axis]):
        v = v.scatter(axis, i.narrow(axis, j, 1), s.narrow(axis, j, 1))
    return v


def scatter():
    records = {}
    x = uniform(81, 3, 4, 2)
    for axis, shape in ((0, (5, 4, 2)), (1, (3, 2, 2)), (2, (3, 4, 3)), (0, (4, 2, 1))):
        at = classes(82, shape[0] * shape[1] * shape[2], x.shape[axis]).reshape(shape)
        source = uniform(83, *[n + 1 if shape[1] == 2 else n for n in shape])
        records[f"scatter_{axis}_{shape[0]}"] = case("scatter", lambda v, i, s: last_wins(v, i, s, axis), x, at, source,
                                                     axis=axis, constant=(1,))
    mask = tensor([[1, 0, 0, 1], [0, 1, 1, 0], [1, 1, 0, 0]])
    records["masked_scatter"] = case("masked_scatter", lambda v, m, s: v.masked_scatter(m != 0, s), uniform(84, 3, 4),
                                     mask, uniform(85, 2, 4), constant=(1,))
    records["masked_scatter_rows"] = case("masked_scatter", lambda v, m, s: v.masked_scatter(m != 0, s),
                                          uniform(86, 2, 4), mask[0], uniform(87, 5), constant=(1,))
    at = classes(88, 9, 5)
    records["bincount"] = case("bincount", lambda i: torch.bincount(i.long(), minlength=6), at, classes=6,
                               gradient=False)
    records["bincount_weights"] = case(
        "bincount", lambda i, w: torch.zeros(6, dtype=w.dtype).index_add(0, i.long(), w), at, uniform(89, 9), classes=6,
        constant=(0,), note="torch.bincount itself has no gradient for the weights")
    return records


FILES = {"scatter.txt": scatter}
