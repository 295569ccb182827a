"""Linear algebra as JAX computes it: python tests/interop/linalg.py [FOLDER]   (default: tests/golden)

The golden values of linear algebra, which the library's tests read, are PyTorch's. Here JAX computes the value and the
gradients of each of those records from the same operands and cotangents, in f64, and they must agree within 1e-10,
relative to the largest element where that is above 1. Then come the inputs for which PyTorch, JAX or the library differ:
what each of the two gives, and which is right and why. Needs jax and torch; no part of the test runs.
"""
import math
import pathlib
import sys

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np
import torch

jax.config.update("jax_enable_x64", True)
jnp_linalg = jnp.linalg
HERE = pathlib.Path(__file__).resolve().parent
FOLDER = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "golden"
TOLERANCE = 1e-10


# ---- Records ----

def number(text):
    return float.fromhex(text) if "x" in text else float(text)


def read_records(path):
    """Name and fields of each record: texts, and arrays by their names; generate.py explains the format."""
    fields = None
    for line in path.read_text().splitlines():
        if line.startswith("["):
            name, fields = line[1:-1], {}
        elif line.startswith("#") or not line.strip():
            if fields:
                yield name, fields
            fields = None
        elif fields is not None:
            key, _, value = line.partition(" =")
            if key.endswith("]"):
                key, _, shape = key[:-1].partition("[")
                shape = tuple(int(n) for n in shape.split(",") if n)
                fields[key] = np.array([number(word) for word in value.split()]).reshape(shape)
            else:
                fields[key] = value.strip()
    if fields:
        yield name, fields


def flag(fields, name):
    return bool(fields.get(name, np.zeros(()))[()])


# ---- The routines in JAX; f: the record's fields ----

def transposed(a):
    return jnp.swapaxes(a, -1, -2)


def symmetric(a):
    return (a + transposed(a)) / 2


def eye(n):
    return jnp.eye(n, dtype=jnp.float64)


def column_of(f, b):
    """A right side of rank 1 as a column."""
    return b[:, None] if b.ndim == 1 else b


def like(b, x):
    return x[..., 0] if b.ndim == 1 else x


def with_batch(function, a, b):
    """function of a and b with their batches broadcast, which some of JAX's functions do not do."""
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return function(jnp.broadcast_to(a, batch + a.shape[-2:]), jnp.broadcast_to(b, batch + b.shape[-2:]))


def cholesky(f, a):
    return jnp_linalg.cholesky(a, upper=flag(f, "upper"))


def cholesky_solve(f, factor, b):
    upper = flag(f, "upper")
    factor = jnp.triu(factor) if upper else jnp.tril(factor)
    return with_batch(lambda l, b: jsl.cho_solve((l, not upper), b), factor, b)


def solve_triangular(f, a, b):
    upper, turned = flag(f, "upper"), flag(f, "transposed")
    if flag(f, "right"):  # x · op(a) = b is op(a)ᵀ · xᵀ = bᵀ
        x = with_batch(lambda a, b: jsl.solve_triangular(a, b, trans=0 if turned else 1, lower=not upper,
                                                         unit_diagonal=flag(f, "unit")), a, transposed(b))
        return transposed(x)
    return with_batch(lambda a, b: jsl.solve_triangular(a, b, trans=int(turned), lower=not upper,
                                                        unit_diagonal=flag(f, "unit")), a, b)


def lu(f, a):
    m, n = a.shape[-2:]
    k, part = min(m, n), int(f["part"][()])
    packed, _, permutation = jax.lax.linalg.lu(a)
    if part == 2:
        return permutation.astype(jnp.float64)
    lower = jnp.tril(packed[..., :, :k], -1) + jnp.eye(m, k)
    return (lower, jnp.triu(packed[..., :k, :]))[part]


def solve(f, a, b):
    return like(b, with_batch(jnp_linalg.solve, a, column_of(f, b)))


def lu_solve(f, a, b):
    return like(b, with_batch(lambda a, b: jnp.vectorize(lambda a, b: jsl.lu_solve(jsl.lu_factor(a), b),
                                                         signature="(n,n),(n,r)->(n,r)")(a, b)
                              if b.size else b, a, column_of(f, b)))


def solve_spd(f, a, b):
    upper = flag(f, "upper")
    factor = jnp_linalg.cholesky(a, upper=upper)
    return like(b, with_batch(lambda l, b: jsl.cho_solve((l, not upper), b), factor, column_of(f, b)))


def slogdet(f, a):
    sign, logabs = jnp_linalg.slogdet(a)
    return sign if flag(f, "sign") else logabs


def logdet(f, a):
    return jnp.log(jnp_linalg.det(a))


def logdet_spd(f, a):
    return 2 * jnp.sum(jnp.log(jnp.diagonal(jnp_linalg.cholesky(symmetric(a)), axis1=-2, axis2=-1)), -1)


def solve_tridiagonal(f, lower, diagonal, upper, b):
    """With the full matrix: jax.lax.linalg.tridiagonal_solve does not exchange rows."""
    n = diagonal.shape[-1]
    if n == 0:
        return b
    batch = jnp.broadcast_shapes(diagonal.shape[:-1], lower.shape[:-1], upper.shape[:-1])
    a = jnp.zeros(batch + (n, n)).at[..., jnp.arange(n), jnp.arange(n)].set(diagonal)
    a = a.at[..., jnp.arange(1, n), jnp.arange(n - 1)].set(lower).at[..., jnp.arange(n - 1), jnp.arange(1, n)].set(upper)
    return solve(f, a, b)


def matrix_power(f, a):
    exponent = int(f["exponent"][()])
    return jnp_linalg.matrix_power(a, exponent) + 0 * a


def whitened(x, mean, factor):
    d = x - mean
    batch = jnp.broadcast_shapes(d.shape[:-1], factor.shape[:-2])
    d = jnp.broadcast_to(d, batch + d.shape[-1:])
    factor = jnp.broadcast_to(factor, batch + factor.shape[-2:])
    return jsl.solve_triangular(jnp.tril(factor), d[..., None], lower=True)[..., 0] if d.size else d


def mahalanobis(f, x, mean, factor):
    z = whitened(x, mean, factor)
    return jnp.sqrt(jnp.sum(z * z, -1)) if z.size else jnp.sum(z, -1)


def gaussian_log_density(f, x, mean, factor):
    z = whitened(x, mean, factor)
    scale = jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)), -1)
    return -0.5 * (jnp.sum(z * z, -1) + x.shape[-1] * math.log(2 * math.pi)) - scale


def qr(f, a):
    mode = "complete" if flag(f, "complete") else "reduced"
    return jnp_linalg.qr(a, mode)[int(f["part"][()])] ** 2


def lstsq(f, a, b):
    """Through the QR factorisation, whose derivatives JAX has."""
    ridge = float(f.get("ridge", 0))
    right = column_of(f, b)
    if ridge > 0:
        n = a.shape[-1]
        a = jnp.concatenate([a, jnp.broadcast_to(math.sqrt(ridge) * eye(n), a.shape[:-2] + (n, n))], -2)
        right = jnp.concatenate([right, jnp.zeros(right.shape[:-2] + (n, right.shape[-1]))], -2)
    q, r = jnp_linalg.qr(a)
    return like(b, with_batch(lambda r, c: jsl.solve_triangular(r, c), r, transposed(q) @ right))


def pinv(f, a):
    tolerance = f.get("tolerance")
    return jnp_linalg.pinv(a, None if tolerance is None else float(tolerance))


def joined(u, s, vt):
    """u · diag(log(1 + s)) · vt, in which the signs of the vectors cancel."""
    return (u * jnp.log1p(s)[..., None, :]) @ vt


def svd(f, a):
    part = int(f["part"][()])
    factors = jnp_linalg.svd(a, full_matrices=False)
    return joined(*factors) if part == 3 else factors[part] ** (1 if part == 1 else 2)


def polar(f, a):
    u, s, vt = jnp_linalg.svd(a, full_matrices=False)
    return (transposed(vt) * s[..., None, :]) @ vt if flag(f, "part") else u @ vt


def matrix_norm(f, a):
    order = ("fro", "nuc", 2, jnp.inf, 1)[int(f["kind"][()])]
    return jnp_linalg.norm(a, order, axis=(-2, -1))


def weights_of(values):
    return values ** 2 + jnp.arange(1, values.shape[-1] + 1)


def eigh(f, a):
    w, v = jnp_linalg.eigh(symmetric(a), UPLO="U" if flag(f, "upper") else "L")
    return (v * weights_of(w)[..., None, :]) @ transposed(v)


def lyapunov(f, a, c):
    a = symmetric(a)
    n = a.shape[-1]
    left = jnp.einsum("...ij,kl->...ikjl", a, eye(n)) + jnp.einsum("...lk,ij->...ikjl", a, eye(n))
    system = left.reshape(*a.shape[:-2], n * n, n * n)
    return with_batch(jnp_linalg.solve, system, c.reshape(*c.shape[:-2], n * n, 1)).reshape(
        *jnp.broadcast_shapes(a.shape[:-2], c.shape[:-2]), n, n)


def function_of(function):
    def of_matrix(f, a):
        w, v = jnp_linalg.eigh(symmetric(a))
        return (v * function(f, w)[..., None, :]) @ transposed(v)
    return of_matrix


def matrix_exp(f, a):
    return jsl.expm(a, max_squarings=32) if a.size else a


ROUTINES = {
    "cholesky": cholesky,
    "cholesky_solve": cholesky_solve,
    "solve_triangular": solve_triangular,
    "lu": lu,
    "solve": solve,
    "lu_solve": lu_solve,
    "solve_spd": solve_spd,
    "inv": lambda f, a: jnp_linalg.inv(a),
    "det": lambda f, a: jnp_linalg.det(a),
    "slogdet": slogdet,
    "logdet": logdet,
    "logdet_spd": logdet_spd,
    "solve_tridiagonal": solve_tridiagonal,
    "matrix_power": matrix_power,
    "mahalanobis": mahalanobis,
    "gaussian_log_density": gaussian_log_density,
    "qr": qr,
    "lstsq": lstsq,
    "pinv": pinv,
    "lstsq_by_svd": lambda f, a, b: like(b, pinv(f, a) @ column_of(f, b)),
    "svd": svd,
    "svdvals": lambda f, a: jnp_linalg.svdvals(a),
    "polar": polar,
    "matrix_norm": matrix_norm,
    "cond": lambda f, a: jnp_linalg.cond(a),
    "matrix_rank": lambda f, a: jnp_linalg.matrix_rank(a),
    "eigh": eigh,
    "lyapunov": lyapunov,
    "symmetric_sqrt": function_of(lambda f, w: jnp.sqrt(w)),
    "symmetric_inverse_sqrt": function_of(lambda f, w: 1 / jnp.sqrt(w)),
    "symmetric_log": function_of(lambda f, w: jnp.log(w)),
    "symmetric_power": function_of(lambda f, w: w ** float(f["exponent"])),
    "symmetric_exp": lambda f, a: matrix_exp(f, symmetric(a)),
    "matrix_exp": matrix_exp,
}


# ---- Comparison ----

def distance(got, expected):
    """The largest difference, relative to the largest element where that is above 1; equal infinities are no distance."""
    got, expected = np.asarray(got, dtype=np.float64), np.asarray(expected)
    if got.shape != expected.shape:
        return math.inf
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0, np.abs(got - expected))
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(1.0, finite.max(initial=0.0))
    worst = apart.max(initial=0.0)
    return math.inf if math.isnan(worst) else worst / scale


def compare(fields):
    inputs = [jnp.asarray(fields[f"x{i}"]) for i in range(4) if f"x{i}" in fields]
    routine = ROUTINES[fields["op"]]
    if "dy" not in fields:
        return {"y": distance(routine(fields, *inputs), fields["y"])}
    y, pull = jax.vjp(lambda *x: routine(fields, *x), *inputs)
    apart = {"y": distance(y, fields["y"])}
    for i, dx in enumerate(pull(jnp.asarray(fields["dy"]).reshape(y.shape))):
        if f"dx{i}" in fields:
            apart[f"dx{i}"] = distance(dx, fields[f"dx{i}"])
    return apart


# ---- Where the two differ from each other, or from the library ----

def torch_answer(function, *inputs):
    """The gradients of the sum of cotangents times the value; or what was raised."""
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
    try:
        y = function(*leaves)
        y = y.sum() if y.dim() else y
        return [x.grad.numpy() for x in leaves] if y.backward() is None else None
    except (RuntimeError, torch.linalg.LinAlgError) as error:
        return type(error).__name__


def jax_answer(function, *inputs):
    try:
        return [np.asarray(g) for g in jax.grad(lambda *x: jnp.sum(function(*x)), tuple(range(len(inputs))))(
            *[jnp.asarray(x, dtype=jnp.float64) for x in inputs])]
    except Exception as error:  # JAX raises what its own code happens to
        return type(error).__name__


def verdict(answer, right):
    if isinstance(answer, str):
        return "raises " + answer
    gradient = answer[0]
    if right is not None and np.allclose(gradient, right, rtol=1e-9, atol=1e-9):
        return "right"
    if not np.isfinite(gradient).all():
        return "nan" if np.isnan(gradient).any() else "inf"
    return np.array2string(gradient, precision=4, separator=", ", suppress_small=True).replace("\n", "")


RANK_2 = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]]  # two rows are multiples
SYMMETRIC_2 = [[2.0, 0.5], [0.0, 3.0]]  # of which the lower triangle is a matrix, and the upper another one
ONES_2 = [[1.0, 1.0], [1.0, 1.0]]
EYE_3 = np.eye(3).tolist()


def cofactors(a):
    a = np.asarray(a)
    n = len(a)
    return np.array([[(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(n)]
                     for i in range(n)])


def torch_scaled_vectors(a):
    w, v = torch.linalg.eigh(a)
    return (v * torch.exp(w)) @ v.mT


def jax_scaled_vectors(a):
    w, v = jnp_linalg.eigh(a, symmetrize_input=False)
    return (v * jnp.exp(w)) @ transposed(v)


def torch_svd_polar(a):
    u, _, vt = torch.linalg.svd(a)
    return (u @ vt)[0, 1]


def jax_svd_polar(a):
    u, _, vt = jnp_linalg.svd(a)
    return (u @ vt)[0, 1]


# name: PyTorch's function, JAX's, the operands, the right gradient (None: there is none), what the library does
DIFFERENCES = {
    "cholesky_solve: the triangle of the factor that is not read":
        (lambda l: torch.cholesky_solve(torch.ones(2, 1).double(), l), lambda l: jsl.cho_solve((l, True), jnp.ones((2, 1))),
         [[[2.0, 0.7], [0.5, 3.0]]], [[-11 / 48, 0.0], [-1 / 12, -1 / 24]], "right: the value does not depend on it"),
    "cholesky: one triangle is read, or the mean of both":
        (torch.linalg.cholesky, jnp_linalg.cholesky, [SYMMETRIC_2], None,
         "one triangle, as PyTorch; JAX takes (a + aT) / 2, which is another matrix here"),
    "cholesky of a matrix that is not positive definite":
        (torch.linalg.cholesky, jnp_linalg.cholesky, [[[1.0, 2.0], [2.0, 1.0]]], None, "a status that names the minor"),
    "det of a matrix of rank n - 1":
        (torch.linalg.det, jnp_linalg.det, [RANK_2], cofactors(RANK_2), "the cofactors"),
    "det of a matrix of rank n - 2":
        (torch.linalg.det, jnp_linalg.det, [np.ones((3, 3)).tolist()], np.zeros((3, 3)), "the cofactors, all 0"),
    "det of zeros [3, 3]":
        (torch.linalg.det, jnp_linalg.det, [np.zeros((3, 3)).tolist()], np.zeros((3, 3)), "the cofactors, all 0"),
    "det of a matrix [0, 0]":
        (torch.linalg.det, jnp_linalg.det, [np.zeros((0, 0))], np.zeros((0, 0)), "1, with an empty gradient"),
    "slogdet of a singular matrix":
        (lambda a: torch.linalg.slogdet(a)[1], lambda a: jnp_linalg.slogdet(a)[1], [ONES_2], None,
         "-inf; the gradient is a status"),
    "logdet of a negative determinant, whose value is nan in both":
        (torch.logdet, lambda a: jnp.log(jnp_linalg.det(a)), [[[1.0, 2.0], [2.0, 1.0]]], None, "a status"),
    "inv of a singular matrix":
        (torch.linalg.inv, jnp_linalg.inv, [ONES_2], None, "a status that names matrix and pivot"),
    "solve with a singular matrix":
        (lambda a: torch.linalg.solve(a, torch.ones(2, 1).double()), lambda a: jnp_linalg.solve(a, jnp.ones((2, 1))),
         [ONES_2], None, "a status that names matrix and pivot"),
    "eigh: exp of equal eigenvalues by their vectors":
        (torch_scaled_vectors, jax_scaled_vectors, [EYE_3], math.e * np.ones((3, 3)),
         "bg_eigh: a status; bg_symmetric_exp: right"),
    "eigh: the sum of equal eigenvalues":
        (torch.linalg.eigvalsh, jnp_linalg.eigvalsh, [EYE_3], np.eye(3), "right"),
    "svd: u · vt of equal singular values":
        (torch_svd_polar, jax_svd_polar, [EYE_3], np.array([[0, 0.5, 0], [-0.5, 0, 0], [0, 0, 0]]),
         "bg_svd: a status; bg_polar: right"),
    "nuclear norm of a matrix of rank 1":
        (lambda a: torch.linalg.matrix_norm(a, "nuc"), lambda a: jnp_linalg.norm(a, "nuc"), [ONES_2], None,
         "a subgradient, as both"),
    "nuclear norm of zeros":
        (lambda a: torch.linalg.matrix_norm(a, "nuc"), lambda a: jnp_linalg.norm(a, "nuc"), [np.zeros((2, 2)).tolist()],
         None, "a subgradient, as both"),
    "frobenius norm of zeros":
        (lambda a: torch.linalg.matrix_norm(a), lambda a: jnp_linalg.norm(a), [np.zeros((2, 2)).tolist()],
         np.zeros((2, 2)), "0"),
    "pinv of a matrix of rank 1":
        (torch.linalg.pinv, jnp_linalg.pinv, [ONES_2], -0.25 * np.ones((2, 2)), "right, of constant rank"),
    "qr of a wide matrix":
        (lambda a: torch.linalg.qr(a)[1] ** 2, lambda a: jnp_linalg.qr(a)[1] ** 2,
         [[[1.0, 0.0, 2.0], [0.0, 2.0, 1.0]]], np.array([[2.0, 0.0, 4.0], [0.0, 4.0, 2.0]]) , "right"),
    "matrix_exp of a norm of 1e6":
        (torch.matrix_exp, jsl.expm, [[[-1e6, 0.0], [0.0, -1e6]]], np.zeros((2, 2)), "right"),
}


def show_differences():
    print("\ngradients at inputs of which there is more to say")
    for name, (in_torch, in_jax, inputs, right, ours) in DIFFERENCES.items():
        answers = torch_answer(in_torch, *inputs), jax_answer(in_jax, *inputs)
        print(f"{name}\n    PyTorch: {verdict(answers[0], right)}; JAX: {verdict(answers[1], right)}; "
              f"the library: {ours}")


def main():
    by_op, wrong, without = {}, [], []
    for path in sorted(FOLDER.glob("*.txt")):
        for name, fields in read_records(path):
            op = fields.get("op")
            if op in ROUTINES:
                try:
                    apart = compare(fields)
                except (IndexError, TypeError, ValueError) as error:
                    if all(fields[f"x{i}"].size for i in range(4) if f"x{i}" in fields):
                        raise
                    without.append(f"[{name}] {type(error).__name__}")
                    continue
                count, worst = by_op.get(op, (0, 0.0))
                by_op[op] = (count + 1, max(worst, *apart.values()))
                wrong += [f"{path.name} [{name}] {key}: {value:.3g}" for key, value in apart.items()
                          if not value <= TOLERANCE]
    print(f"{'op':24}{'records':>8}  largest difference")
    for op, (count, worst) in by_op.items():
        print(f"{op:24}{count:8}  {worst:.1e}")
    print(f"{'all':24}{sum(c for c, _ in by_op.values()):8}  {max(w for _, w in by_op.values()):.1e}")
    if without:
        print("of nothing, for which JAX has no answer: " + ", ".join(without))
    show_differences()
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
