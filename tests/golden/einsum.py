"""einsum."""
import torch

from records import case, uniform

EQUATIONS = {
    "product": ("ij,jk->ik", (3, 4), (4, 2)),
    "implicit": ("ij,jk", (3, 4), (4, 2)),
    "implicit_order": ("ba,bc", (2, 3), (2, 4)),
    "capitals": ("aB,ac", (2, 3), (2, 4)),
    "right_transposed": ("ij,kj->ik", (3, 4), (2, 4)),
    "result_transposed": ("ij,jk->ki", (3, 4), (4, 2)),
    "batched": ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    "attention": ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 2, 2, 4)),
    "shared": ("bij,jk->bik", (2, 3, 4), (4, 2)),
    "shared_left": ("ij,bjk->bik", (3, 4), (2, 4, 2)),
    "channels": ("bcn,co->bon", (2, 3, 4), (3, 2)),
    "two_sums": ("abc,cbd->ad", (2, 3, 4), (4, 3, 2)),
    "outer": ("i,j->ij", (3,), (4,)),
    "dot": ("i,i", (5,), (5,)),
    "rows": ("bi,bi->b", (3, 4), (3, 4)),
    "pointwise": ("ij,ji->ij", (2, 3), (3, 2)),
    "sum": ("ijk->j", (2, 3, 2)),
    "trace": ("ii", (3, 3)),
    "diagonal": ("ii->i", (3, 3)),
    "two_diagonals": ("iijj->ji", (2, 2, 3, 3)),
    "diagonal_and_product": ("ii,ij->j", (3, 3), (3, 2)),
    "ellipsis": ("...ij,...jk->...ik", (2, 1, 2, 3), (3, 3, 2)),
    "ellipsis_last": ("i...,i...->i...", (2, 3), (2, 2, 3)),
    "ellipsis_implicit": ("...i,...i", (2, 3), (3,)),
    "ellipsis_summed": ("...i->i", (2, 3)),
    "blanks": (" i j , j k -> k i ", (2, 3), (3, 2)),
    "ones": ("ij,jk->ik", (3, 1), (4, 2)),
    "no_terms": ("ij,jk->ik", (2, 0), (0, 2)),
    "scalar": (",ij->ji", (), (2, 3)),
    "chain": ("ij,jk,kl->il", (2, 3), (3, 2), (2, 4)),
    "bilinear": ("bi,oij,bj->bo", (2, 3), (2, 3, 2), (2, 2)),
    "ring": ("ab,bc,cd,da->", (2, 3), (3, 2), (2, 2), (2, 2)),
}


def einsum():
    records = {}
    for name, (equation, *shapes) in EQUATIONS.items():
        inputs = [uniform(f"einsum {i}", *shape) for i, shape in enumerate(shapes)]
        records[f"einsum_{name}"] = case("einsum", lambda *xs: torch.einsum(equation, *xs), *inputs, equation=equation)
    return records


FILES = {"einsum.txt": einsum}
