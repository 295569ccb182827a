"""LU, what is solved with it, inverses and determinants."""
import torch

from records import case, uniform


def regular(seed, *shape):
    """Away from singular, with pivots that are not where they lie."""
    m, n = shape[-2:]
    return torch.roll(uniform(seed, *shape) / 4 + 2 * torch.eye(m, n, dtype=torch.float64), 1, -2)


def positive(seed, *shape):
    x = uniform(seed, *shape)
    return (x + x.mT) / 8 + 2 * torch.eye(shape[-1], dtype=torch.float64)


def permutation_of(a):
    """The row of a that is row i of the product of the factors."""
    p = torch.linalg.lu(a)[0]
    return torch.argmax(p.mT, -1).to(torch.float64)


def lu():
    records = {}
    shapes = {"one": (1, 1), "square": (4, 4), "wide": (3, 5), "tall": (5, 3), "batch": (2, 3, 3), "nothing": (0, 0)}
    for name, shape in shapes.items():
        a = regular("lu", *shape)
        records[f"lu_{name}_lower"] = case("lu", lambda a: torch.linalg.lu(a)[1], a, part=0)
        records[f"lu_{name}_upper"] = case("lu", lambda a: torch.linalg.lu(a)[2], a, part=1)
        if shape[-1] > 0:
            records[f"lu_{name}_permutation"] = case("lu", permutation_of, a, gradient=False, part=2)
    systems = {"matrix": ((3, 3), (3, 2)), "vector": ((4, 4), (4,)), "batch": ((2, 3, 3), (2, 3, 2)),
               "shared": ((3, 3), (2, 3, 1)), "broadcast": ((2, 1, 3, 3), (4, 3, 2)), "nothing": ((0, 0), (0, 2))}
    for name, (a, b) in systems.items():
        for op in ("solve", "lu_solve"):
            records[f"{op}_{name}"] = case(op, torch.linalg.solve, regular("a", *a), uniform("b", *b))
        for upper in (0, 1):
            # PyTorch has no such function; the gradient is that along symmetric matrices.
            def solve(a, b):
                column = b if b.dim() > 1 else b[:, None]
                x = torch.cholesky_solve(column, torch.linalg.cholesky(a, upper=bool(upper)), upper=bool(upper))
                return x if b.dim() > 1 else x[:, 0]
            records[f"solve_spd_{name}_{upper}"] = case("solve_spd", solve, positive("a", *a), uniform("b", *b),
                                                        upper=upper)
    for name, shape in {"one": (1, 1), "matrix": (4, 4), "batch": (2, 3, 3), "nothing": (0, 0)}.items():
        a = regular("square", *shape)
        records[f"inv_{name}"] = case("inv", torch.linalg.inv, a)
        records[f"det_{name}"] = case("det", torch.linalg.det, a)
        records[f"slogdet_{name}"] = case("slogdet", lambda a: torch.linalg.slogdet(a)[1], a, sign=0)
        records[f"slogdet_{name}_sign"] = case("slogdet", lambda a: torch.linalg.slogdet(a)[0], a, gradient=False,
                                               sign=1)
        records[f"logdet_{name}"] = case("logdet", torch.logdet, positive("logdet", *shape))
        for upper in (0, 1):
            records[f"logdet_spd_{name}_{upper}"] = case("logdet_spd", torch.logdet, positive("spd", *shape),
                                                         upper=upper)
    records["slogdet_singular"] = case("slogdet", lambda a: torch.linalg.slogdet(a)[1], torch.ones(2, 2).double(),
                                       gradient=False, sign=0)
    bands = {"one": ((1,), (1, 2)), "two": ((2,), (2,)), "five": ((5,), (5, 2)), "batch": ((2, 4), (2, 4, 3)),
             "shared": ((3,), (2, 3, 1)), "nothing": ((0,), (0, 1))}
    for name, (n, b) in bands.items():
        beside = (*n[:-1], max(n[-1] - 1, 0))
        def solve_bands(lower, diagonal, upper, b):
            a = torch.diag_embed(diagonal)
            if a.shape[-1] > 1:
                a = a + torch.diag_embed(lower, -1) + torch.diag_embed(upper, 1)
            else:
                # A gradient of nothing is nothing, as long as there is a way to it.
                a = a + (lower.sum() + upper.sum())
            return torch.linalg.solve(a, b)
        for exchanged in (0, 1):
            diagonal = uniform("diagonal", *n) / 4 if exchanged and n[-1] % 2 == 0 else uniform("diagonal", *n) / 4 + 5
            records[f"solve_tridiagonal_{name}_{exchanged}"] = case(
                "solve_tridiagonal", solve_bands, uniform("lower", *beside) / 4 + 3, diagonal,
                uniform("upper", *beside) / 4 + 3, uniform("b", *b))
    for exponent in (-3, -1, 0, 1, 2, 5, 11):
        for name, shape in {"matrix": (3, 3), "batch": (2, 2, 2)}.items():
            records[f"matrix_power_{name}_{exponent}"] = case(
                "matrix_power", lambda a: torch.linalg.matrix_power(a, exponent) + 0 * a.sum(),
                regular("power", *shape) / 2, exponent=exponent)
    distributions = {"one": ((3,), (3,), (3, 3)), "samples": ((4, 3), (3,), (3, 3)),
                     "mixture": ((4, 1, 2), (3, 2), (3, 2, 2)), "nothing": ((0,), (0,), (0, 0))}
    for name, (x, mean, l) in distributions.items():
        factor = (uniform("factor", *l) / 4 + 2 * torch.eye(l[-1], dtype=torch.float64)).tril()

        def distance(x, mean, l):
            d = x - mean
            z = torch.linalg.solve_triangular(l.tril(), d[..., None], upper=False)[..., 0]
            return torch.linalg.vector_norm(z, dim=-1)

        def density(x, mean, l):
            return torch.distributions.MultivariateNormal(mean, scale_tril=l, validate_args=False).log_prob(x)
        records[f"mahalanobis_{name}"] = case("mahalanobis", distance, uniform("x", *x), uniform("mean", *mean), factor)
        if l[-1] > 0:
            records[f"gaussian_log_density_{name}"] = case("gaussian_log_density", density, uniform("x", *x),
                                                           uniform("mean", *mean), factor)
    return records


FILES = {"lu.txt": lu}
