"""Functions of symmetric matrices, and the exponential of any."""
import torch

from eigen import SQUARES, spread, symmetric_part
from records import case, uniform


def function_of(f, x):
    w, v = torch.linalg.eigh(symmetric_part(x))
    return (v * f(w).unsqueeze(-2)) @ v.mT


def records():
    made = {}
    functions = {"symmetric_sqrt": torch.sqrt, "symmetric_inverse_sqrt": torch.rsqrt, "symmetric_log": torch.log}
    for name, shape in SQUARES.items():
        for op, f in functions.items():
            made[f"{op}_{name}"] = case(op, lambda x: function_of(f, x), spread(op, *shape))
        for exponent in (-2.5, -1, 0, 0.5, 1, 2, 3.5, 20):
            made[f"symmetric_power_{exponent}_{name}"] = case(
                "symmetric_power", lambda x: function_of(lambda w: w ** exponent, x), spread("power", *shape) / 4,
                exponent=float(exponent))
        # By scaling and squaring, with which equal eigenvalues are no different.
        made[f"symmetric_exp_{name}"] = case("symmetric_exp", lambda x: torch.matrix_exp(symmetric_part(x)),
                                             uniform("symmetric exp", *shape))
        for size in (1 / 256, 1 / 16, 1, 8):
            made[f"matrix_exp_{size}_{name}"] = case("matrix_exp", torch.matrix_exp, uniform("exp", *shape) * size)
    made["symmetric_exp_equal"] = case("symmetric_exp", lambda x: torch.matrix_exp(symmetric_part(x)),
                                       2 * torch.eye(3, dtype=torch.float64), note="equal eigenvalues")
    return made


FILES = {"symmetric.txt": records}
