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

    for axes in [(0,), (1,), (0, 2), (0, 1, 2)]:
        suffix = "_".join(map(str, axes))
        x, whole = uniform(15, 2, 3, 4), tensor(axes)
        records[f"min_{suffix}"] = case("min", lambda v: torch.amin(v, dim=axes), ties, axes=whole)
        records[f"keep_{suffix}"] = case("keep", lambda v: torch.sum(v, dim=axes, keepdim=True), x, axes=whole)
        for correction in (0, 1):
            for name, function in (("var", torch.var), ("std", torch.std)):
                records[f"{name}_{suffix}_{correction}"] = case(
                    name, lambda v: function(v, dim=axes, correction=correction), x, axes=whole, correction=correction)
        for p in (1, 2, 3, 1.5, INF):
            records[f"norm_{suffix}_{p}"] = case("norm", lambda v: torch.linalg.vector_norm(v, ord=p, dim=axes), x,
                                                 axes=whole, p=p)
        records[f"norm_{suffix}_0"] = case("norm", lambda v: torch.linalg.vector_norm(v, ord=0, dim=axes), ties,
                                           axes=whole, p=0, gradient=False)
        bits = (ties > 0).to(torch.float64)
        for name, function in (("any", torch.any), ("all", torch.all), ("count_nonzero", torch.count_nonzero)):
            records[f"{name}_{suffix}"] = case(name, lambda v: function(v != 0, dim=axes), bits, axes=whole,
                                               gradient=False)
    for axis in range(3):
        records[f"prod_{axis}"] = case("prod", lambda v: torch.prod(v, axis), uniform(16, 2, 3, 4),
                                       axes=tensor([axis]))
    # In PyTorch's order along the first axis, where it does not multiply in lanes.
    far = tensor([[1e200, 1e-200, 2, 1], [1e-200, 1e-200, 0, 1], [1e200, 1e200, 0, 0.5], [1e-200, 1e200, 3, 4]])
    records["prod_far"] = case("prod", lambda v: torch.prod(v, 0), far, axes=tensor([0]), gradient=False)
    for n in (1, 2, 3):
        for correction in sorted({0, 1, n, n + 1}):
            for name, function in (("var", torch.var), ("std", torch.std)):
                for suffix, x in (("", tensor([1, 2, 4][:n])), ("_equal", tensor([3] * n))):
                    records[f"{name}_of_{n}_{correction}{suffix}"] = case(
                        name, lambda v: function(v, dim=0, correction=correction), x, axes=tensor([0]),
                        correction=correction)
    records["prod_zeros"] = case("prod", lambda v: torch.prod(v, 1),
                                 tensor([[2, 0, 3, 4], [0, 5, 0, 1], [1, 2, 3, 4]]), axes=tensor([1]))

    for name, function in SOFTMAXES.items():
        inputs = {f"axis_{axis}": (uniform(13, 2, 3, 5, low=-4, high=4), axis) for axis in range(3)}
        inputs |= {"spread": (SPREAD, 1), "one": (uniform(14, 3, 1), 1), "infinite": (INFINITE, 1),
                   "all_minus_infinity": (tensor([[-INF, -INF, -INF]]), 1)}
        for suffix, (x, axis) in inputs.items():
            records[f"{name}_{suffix}"] = case(name, lambda v: function(v, axis), x, axis=axis)
    return records


FILES = {"reductions.txt": reductions}
