"""Sum, mean, max; softmax, log-softmax, logsumexp."""
import torch

from records import INF, NAN, case, tensor, uniform


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


FILES = {"reductions.txt": reductions}
