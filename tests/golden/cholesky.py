"""Triangular systems and the Cholesky factorisation."""
import torch

from records import case, uniform


def positive(seed, *shape):
    """A symmetric positive definite matrix of short numbers."""
    x = uniform(seed, *shape)
    return (x + x.mT) / 8 + 2 * torch.eye(shape[-1], dtype=torch.float64)


def regular(seed, *shape):
    return uniform(seed, *shape) / 4 + 2 * torch.eye(shape[-1], dtype=torch.float64)


def cholesky():
    records = {}
    for name, shape in {"one": (1, 1), "matrix": (4, 4), "batch": (2, 3, 3), "nothing": (0, 0)}.items():
        for upper in (0, 1):
            records[f"cholesky_{name}_{upper}"] = case(
                "cholesky", lambda a: torch.linalg.cholesky(a, upper=bool(upper)), positive("cholesky", *shape),
                upper=upper)
    for name, (a, b) in {"matrix": ((3, 3), (3, 2)), "batch": ((2, 3, 3), (2, 3, 1))}.items():
        for upper in (0, 1):
            # PyTorch reads one triangle and yet gives the other a gradient; what is not read has none.
            records[f"cholesky_solve_{name}_{upper}"] = case(
                "cholesky_solve",
                lambda l, b: torch.cholesky_solve(b, l.triu() if upper else l.tril(), upper=bool(upper)),
                regular("factor", *a), uniform("right", *b), upper=upper)
    for name, (a, b) in {"matrix": ((3, 3), (3, 2)), "batch": ((2, 3, 3), (2, 3, 2)), "shared": ((3, 3), (2, 3, 1))}.items():
        for bits in range(16):
            upper, transposed, unit, right = bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3 & 1
            side = (*b[:-2], b[-1], b[-2]) if right else b
            records[f"solve_triangular_{name}_{bits}"] = case(
                "solve_triangular",
                lambda a, b: torch.linalg.solve_triangular(a.mT if transposed else a, b, upper=bool(upper ^ transposed),
                                                           left=not right, unitriangular=bool(unit)),
                regular("triangular", *a), uniform("right", *side), upper=upper, transposed=transposed, unit=unit,
                right=right)
    return records


FILES = {"cholesky.txt": cholesky}
