"""Matrix products and linear layers."""
import torch
import torch.nn.functional as F

from records import case, uniform


def contractions():
    shapes = {
        "plain": ((3, 4), (4, 5)),
        "row_by_column": ((1, 6), (6, 1)),
        "column_by_row": ((4, 1), (1, 3)),
        "batched": ((2, 3, 4), (2, 4, 2)),
        "shared_right": ((2, 3, 4), (4, 2)),
        "shared_left": ((3, 4), (2, 4, 2)),
        "broadcast_both": ((2, 1, 3, 4), (3, 4, 2)),
        "no_terms": ((2, 0), (0, 3)),
        "no_rows": ((0, 3), (3, 2)),
        "vector_left": ((3,), (2, 3, 4)),
        "vector_right": ((2, 4, 3), (3,)),
        "vectors": ((5,), (5,)),
    }
    records = {}
    for name, (left, right) in shapes.items():
        records[f"matmul_{name}"] = case("matmul", torch.matmul, uniform(21, *left), uniform(22, *right))
    for name, shape in {"vector": (4,), "matrix": (3, 4), "batch": (2, 3, 4), "no_rows": (0, 4)}.items():
        x, w, b = uniform(23, *shape), uniform(24, 5, 4), uniform(25, 5)
        records[f"linear_{name}"] = case("linear", F.linear, x, w, b)
        records[f"linear_{name}_no_bias"] = case("linear", F.linear, x, w)
    return records


FILES = {"contractions.txt": contractions}
