"""QR and singular value decompositions, and least squares."""
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


FILES = {"qr.txt": qr}
