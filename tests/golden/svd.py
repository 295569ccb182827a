"""QR and singular value decompositions, and least squares."""
import math

import torch

from records import case, uniform


def full_rank(seed, *shape):
    """A matrix of full rank of short numbers."""
    return uniform(seed, *shape) / 4 + 2 * torch.eye(*shape[-2:], dtype=torch.float64)


RECTANGLES = {"one": (1, 1), "square": (4, 4), "tall": (5, 3), "wide": (3, 5), "batch": (2, 4, 3), "nothing": (0, 0)}
SYSTEMS = {"square": ((3, 3), (3, 2)), "tall": ((5, 3), (5, 2)), "vector": ((2, 4, 3), (2, 4, 1))}


def qr():
    """Signs of the columns of q are those of LAPACK: squares do not have them."""
    records = {}
    for name, shape in RECTANGLES.items():
        for part in (0, 1):
            records[f"qr_{name}_{part}"] = case("qr", lambda a: torch.linalg.qr(a)[part] ** 2, full_rank("qr", *shape),
                                                part=part, complete=0)
    # PyTorch refuses the gradient of r too.
    for part in (0, 1):
        records[f"qr_complete_{part}"] = case("qr", lambda a: torch.linalg.qr(a, "complete")[part] ** 2,
                                              full_rank("qr", 5, 3), gradient=False, part=part, complete=1)
    for name, (a, b) in SYSTEMS.items():
        records[f"lstsq_{name}"] = case("lstsq", lambda a, b: torch.linalg.lstsq(a, b, driver="gels")[0],
                                        full_rank("lstsq", *a), uniform("right", *b))
    for name, (a, b) in {**SYSTEMS, "wide": ((3, 5), (3, 2))}.items():
        def ridge(a, b):
            return torch.linalg.solve(a.mT @ a + 2.5 * torch.eye(a.shape[-1], dtype=torch.float64), a.mT @ b)
        records[f"lstsq_ridge_{name}"] = case("lstsq", ridge, uniform("ridge", *a), uniform("right", *b), ridge=2.5)
    return records


def distinct(seed, *shape):
    """A matrix with singular values far from each other and from 0."""
    m, n = shape[-2:]
    values = 2 * torch.arange(1, n + 1, dtype=torch.float64)
    return uniform(seed, *shape) / 4 + torch.eye(m, n, dtype=torch.float64) * values


def joined(a):
    """u · diag(log(1 + s)) · vt, in which the signs of the vectors cancel."""
    u, s, vt = torch.linalg.svd(a, full_matrices=False)
    return (u * torch.log1p(s).unsqueeze(-2)) @ vt


def part_of_svd(a, part):
    """u, s or vt without signs."""
    return joined(a) if part == 3 else torch.linalg.svd(a, full_matrices=False)[part] ** (1 if part == 1 else 2)


def polar(a, part):
    u, s, vt = torch.linalg.svd(a, full_matrices=False)
    return (vt.mT * s.unsqueeze(-2)) @ vt if part else u @ vt


def pinv_solve(a, b, **options):
    """The shortest of the minimisers by the pseudo-inverse, of which PyTorch has the gradient at any rank."""
    return torch.linalg.pinv(a, **options) @ b


NORMS = {"frobenius": "fro", "nuclear": "nuc", "spectral": 2, "row_sums": math.inf, "column_sums": 1}


def svd():
    records = {}
    for name, shape in RECTANGLES.items():
        for part in range(4):
            records[f"svd_{name}_{part}"] = case("svd", lambda a: part_of_svd(a, part), distinct("svd", *shape),
                                                 part=part)
        records[f"svdvals_{name}"] = case("svdvals", torch.linalg.svdvals, distinct("svd", *shape))
        records[f"pinv_{name}"] = case("pinv", torch.linalg.pinv, distinct("pinv", *shape))
        for kind, (norm, order) in enumerate(NORMS.items()):
            if name != "nothing":
                records[f"{norm}_{name}"] = case("matrix_norm", lambda a: torch.linalg.matrix_norm(a, order),
                                                 distinct("norm", *shape), kind=kind)
        if name != "nothing":
            records[f"cond_{name}"] = case("cond", torch.linalg.cond, distinct("cond", *shape))
        records[f"matrix_rank_{name}"] = case("matrix_rank", torch.linalg.matrix_rank, distinct("rank", *shape),
                                              gradient=False)
        if shape[-2] >= shape[-1]:
            for part in (0, 1):
                records[f"polar_{name}_{part}"] = case("polar", lambda a: polar(a, part), distinct("polar", *shape),
                                                       part=part)
    # Of rank 2.
    deficient = full_rank("left", 5, 2) @ full_rank("right", 2, 4)
    records["matrix_rank_deficient"] = case("matrix_rank", torch.linalg.matrix_rank, deficient, gradient=False)
    records["pinv_deficient"] = case("pinv", lambda a: torch.linalg.pinv(a, rtol=1e-8), deficient, tolerance=1e-8)
    records["lstsq_deficient"] = case("lstsq_by_svd", lambda a, b: pinv_solve(a, b, rtol=1e-8), deficient,
                                      uniform("right side", 5, 2), tolerance=1e-8)
    for name, (a, b) in {**SYSTEMS, "wide": ((3, 5), (3, 2))}.items():
        records[f"lstsq_by_svd_{name}"] = case("lstsq_by_svd", pinv_solve, distinct("lstsq", *a), uniform("right", *b))
    return records


FILES = {"qr.txt": qr, "svd.txt": svd}
