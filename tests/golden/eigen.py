"""Eigenvalues and vectors of symmetric matrices, and Lyapunov's equation."""
import torch

from records import case, uniform

SQUARES = {"one": (1, 1), "matrix": (4, 4), "batch": (2, 3, 3), "nothing": (0, 0), "no_batch": (0, 2, 2)}


def symmetric_part(x):
    return (x + x.mT) / 2


def spread(seed, *shape):
    """A matrix of short numbers, whose symmetric part has eigenvalues far from each other and from 0."""
    return uniform(seed, *shape) / 4 + torch.diag(3 * torch.arange(1, shape[-1] + 1, dtype=torch.float64))


def eigh(x, upper):
    """v · diag(1 + w², 2 + w², ..) · vᵀ, in which the signs of the vectors cancel."""
    w, v = torch.linalg.eigh(symmetric_part(x), UPLO="U" if upper else "L")
    return (v * (w ** 2 + torch.arange(1, w.shape[-1] + 1, dtype=torch.float64)).unsqueeze(-2)) @ v.mT


def lyapunov(x, c):
    """a · y + y · a = c as one system of n² equations."""
    a = symmetric_part(x)
    n = a.shape[-1]
    eye = torch.eye(n, dtype=torch.float64)
    left = torch.einsum("...ij,kl->...ikjl", a, eye) + torch.einsum("...lk,ij->...ikjl", a, eye)
    system = left.reshape(*a.shape[:-2], n * n, n * n)
    batch = torch.broadcast_shapes(a.shape[:-2], c.shape[:-2])
    right = c.expand(*batch, n, n).reshape(*batch, n * n, 1)
    return torch.linalg.solve(system.expand(*batch, n * n, n * n), right).reshape(*batch, n, n)


def records():
    made = {}
    for name, shape in SQUARES.items():
        for upper in (0, 1):
            made[f"eigh_{name}_{upper}"] = case("eigh", lambda x: eigh(x, upper), spread("eigh", *shape), upper=upper)
    for name, (a, c) in {"one": ((1, 1), (1, 1)), "matrix": ((4, 4), (4, 4)), "batch": ((2, 3, 3), (2, 3, 3)),
                         "shared": ((3, 3), (2, 3, 3)), "right": ((2, 3, 3), (3, 3))}.items():
        made[f"lyapunov_{name}"] = case("lyapunov", lyapunov, spread("lyapunov", *a), uniform("right", *c))
    return made


FILES = {"eigen.txt": records}
