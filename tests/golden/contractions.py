"""Products of vectors, matrices and tensors."""
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
    pairs = {
        "one": ((3, 4), (4, 2), (1,), (0,)),
        "two": ((2, 3, 4), (4, 2, 3), (1, 2), (2, 0)),
        "none": ((2,), (3, 2), (), ()),
        "all": ((2, 3), (3, 2), (0, 1), (1, 0)),
        "negative": ((2, 3), (2, 3), (-1,), (-1,)),
    }
    for name, (left, right, x_axes, y_axes) in pairs.items():
        records[f"tensordot_{name}"] = case(
            "tensordot", lambda x, y: torch.tensordot(x, y, (x_axes, y_axes)), uniform(26, *left), uniform(27, *right),
            x_axes=list(x_axes), y_axes=list(y_axes))
    records["outer"] = case("outer", torch.outer, uniform(28, 3), uniform(29, 4))
    records["dot"] = case("dot", torch.dot, uniform(28, 5), uniform(29, 5))
    for name, (left, right) in {"vectors": ((4,), (4,)), "matrices": ((2, 4), (3, 4)), "scalar": ((), (2, 3)),
                                "batch": ((2, 2, 3), (2, 3))}.items():
        records[f"inner_{name}"] = case("inner", torch.inner, uniform(30, *left), uniform(31, *right))
    for name, (left, right) in {"matrices": ((2, 3), (3, 2)), "vectors": ((2,), (3,)), "mixed": ((2, 2, 2), (3,)),
                                "scalar": ((), (2, 2))}.items():
        records[f"kron_{name}"] = case("kron", torch.kron, uniform(32, *left), uniform(33, *right))
    for name, lead in {"vector": (), "matrix": (3,), "batch": (2, 3)}.items():
        x, y, w, b = uniform(34, *lead, 2), uniform(35, *lead, 3), uniform(36, 4, 2, 3), uniform(37, 4)
        records[f"bilinear_{name}"] = case("bilinear", F.bilinear, x, y, w, b)
        records[f"bilinear_{name}_no_bias"] = case("bilinear", F.bilinear, x, y, w)
    for name, shapes in {"two": ((2, 3), (3, 4)), "three": ((3, 4), (4, 2), (2, 3)), "vectors": ((3,), (3, 2), (2,)),
                         "row": ((3,), (3, 2), (2, 4)), "four": ((3, 1), (1, 3), (3, 1), (1, 2))}.items():
        records[f"multi_dot_{name}"] = case("multi_dot", lambda *xs: torch.linalg.multi_dot(xs),
                                            *[uniform(f"chain {i}", *s) for i, s in enumerate(shapes)])
    for name, (left, right, axis) in {"vectors": ((3,), (3,), 0), "rows": ((4, 3), (4, 3), 1),
                                      "columns": ((3, 2), (3, 2), 0), "broadcast": ((2, 1, 3), (1, 2, 3), -1)}.items():
        records[f"cross_{name}"] = case("cross", lambda x, y: torch.linalg.cross(x, y, dim=axis), uniform(38, *left),
                                        uniform(39, *right), axis=axis)
    records["trace"] = case("trace", torch.trace, uniform(40, 3, 3))
    records["trace_wide"] = case("trace", torch.trace, uniform(40, 2, 4))
    return records


FILES = {"contractions.txt": contractions}
