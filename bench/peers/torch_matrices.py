"""Routines of linear algebra in PyTorch."""
import torch


def lu(variant):
    if variant == "packed":
        return lambda a: (torch.linalg.lu_factor(a)[0],)
    return lambda a: torch.linalg.lu(a)[1:]


def eigh(x, y):
    def evaluate(a):
        w, v = torch.linalg.eigh(a)
        return (w.square() * (v.mT @ x).squeeze(-1) * (v.mT @ y).squeeze(-1)).sum(),
    return evaluate


def svd(x, y):
    def evaluate(a):
        u, s, vt = torch.linalg.svd(a, full_matrices=False)
        return (s ** 3 * (u.mT @ x).squeeze(-1) * (vt @ y).squeeze(-1)).sum(),
    return evaluate


ROUTINES = {
    "cholesky": lambda a: (torch.linalg.cholesky(a),),
    "solve": lambda a, b: (torch.linalg.solve(a, b),),
    "solve_triangular": lambda a, b: (torch.linalg.solve_triangular(a, b, upper=False),),
    "qr": lambda a: torch.linalg.qr(a),
    "inv": lambda a: (torch.linalg.inv(a),),
    "slogdet": lambda a: torch.linalg.slogdet(a)[1:],
}
SPECTRAL = {"eigh": eigh, "svd": svd}


def matrices(workload, variant, compiled):
    operands = [torch.from_numpy(array).requires_grad_() for _, array in workload.parameters()]
    cotangents = [torch.from_numpy(array) for array in workload.cotangents()]
    if workload.routine in SPECTRAL:
        function = SPECTRAL[workload.routine](*cotangents)
        cotangents = [torch.ones((), dtype=operands[0].dtype)]
    else:
        function = lu(variant) if workload.routine == "lu" else ROUTINES[workload.routine]
    # The ones on the diagonal of a lower factor do not count.
    ones = 0
    if variant == "parts":
        ones = cotangents[0].diagonal(dim1=-2, dim2=-1).sum()
        cotangents *= 2
    function = torch.compile(function) if compiled else function

    def evaluate():
        results = function(*operands)
        gradients = torch.autograd.grad(results, operands, cotangents)
        with torch.no_grad():
            value = sum(torch.dot(y.flatten(), c.flatten()) for y, c in zip(results, cotangents)) - ones
        return value, gradients

    return evaluate
