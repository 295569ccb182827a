"""Running sums and products."""
import torch

from records import case, tensor, uniform


def scan():
    records = {}
    for axis in range(3):
        x = uniform(51, 2, 3, 4)
        records[f"cumsum_{axis}"] = case("cumsum", lambda v: torch.cumsum(v, axis), x, axis=axis)
        records[f"cumprod_{axis}"] = case("cumprod", lambda v: torch.cumprod(v, axis), x, axis=axis)
    zeros = tensor([[2, 0, 3, 4, -1], [0, 5, 0, 1, 2]])
    records["cumprod_zeros"] = case("cumprod", lambda v: torch.cumprod(v, 1), zeros, axis=1)
    far = tensor([[1e200, 1e-200, 1e200, 1e-200, 3], [1e-200, 1e-200, 1e200, 1e200, 1]])
    records["cumprod_far"] = case("cumprod", lambda v: torch.cumprod(v, 1), far, axis=1, gradient=False)
    return records


FILES = {"scan.txt": scan}
