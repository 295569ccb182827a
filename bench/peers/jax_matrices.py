"""Routines of linear algebra in JAX."""
import jax
import jax.numpy as jnp


def cholesky(variant):
    # Symmetrizing the operand is an average with its transpose, which this one does not need.
    return lambda a: (jax.lax.linalg.cholesky(a, symmetrize_input=variant == "symmetrized"),)


def solve(variant):
    if variant == "plain":
        return lambda a, b: (jnp.linalg.solve(a, b),)
    return lambda a, b: (jax.scipy.linalg.lu_solve(jax.scipy.linalg.lu_factor(a), b),)


def eigh(x, y):
    def evaluate(a):
        v, w = jax.lax.linalg.eigh(a, symmetrize_input=False)
        v = v.mT
        return (jnp.square(w) * (v @ x).squeeze(-1) * (v @ y).squeeze(-1)).sum(),
    return evaluate


def svd(x, y):
    def evaluate(a):
        u, s, vt = jnp.linalg.svd(a, full_matrices=False)
        return (s ** 3 * (u.mT @ x).squeeze(-1) * (vt @ y).squeeze(-1)).sum(),
    return evaluate


def triangular(a, b):
    return jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=True),


ROUTINES = {
    "cholesky": cholesky,
    "solve": solve,
    "lu": lambda variant: lambda a: (jax.lax.linalg.lu(a)[0],),
    "solve_triangular": lambda variant: triangular,
    "qr": lambda variant: lambda a: tuple(jnp.linalg.qr(a)),
    "inv": lambda variant: lambda a: (jnp.linalg.inv(a),),
    "slogdet": lambda variant: lambda a: tuple(jnp.linalg.slogdet(a))[1:],
}
SPECTRAL = {"eigh": eigh, "svd": svd}


def matrices(workload, variant):
    jax.config.update("jax_enable_x64", workload.is_f64)
    operands = [jnp.asarray(array) for _, array in workload.parameters()]
    cotangents = [jnp.asarray(array) for array in workload.cotangents()]

    def evaluate(operands, cotangents):
        if workload.routine in SPECTRAL:
            function = SPECTRAL[workload.routine](*cotangents)
            cotangents = [jnp.ones((), operands[0].dtype)]
        else:
            function = ROUTINES[workload.routine](variant)
        results, pull = jax.vjp(function, *operands)
        gradients = pull(tuple(cotangents))
        if workload.routine in ("cholesky", "eigh"):
            gradients = [(da + da.mT) / 2 for da in gradients]
        return sum(jnp.vdot(y, c) for y, c in zip(results, cotangents)), gradients

    return evaluate, (operands, cotangents)
