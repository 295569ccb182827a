"""Normalisation."""
import torch
import torch.nn.functional as F

from records import case, tensor, uniform


def affine(shape, weight, bias):
    return ([uniform(5, *shape, low=0.5, high=1.5)] if weight else []) + ([uniform(6, *shape)] if bias else [])


def split(rest, weight, bias):
    """weight, bias and what follows them, of the inputs behind x."""
    rest = list(rest)
    return rest.pop(0) if weight else None, rest.pop(0) if bias else None, rest


def over_axes(op, shape, axes, weight=False, bias=False, eps=1e-5):
    rank = len(shape)
    axes = sorted(axis % rank for axis in axes)
    order = [i for i in range(rank) if i not in axes] + axes
    sizes = [shape[i] for i in axes]

    def function(v, *rest):
        w, b, _ = split(rest, weight, bias)
        v = v.permute(order)
        y = F.rms_norm(v, sizes, w, eps) if op == "rms_norm" else F.layer_norm(v, sizes, w, b, eps)
        return y.permute([order.index(i) for i in range(rank)])

    return case(op, function, uniform(3, *shape), *affine(sizes, weight, bias),
                axes=tensor([float(a) for a in axes]), weight=float(weight), bias=float(bias), eps=float(eps))


def by_channels(op, shape, weight=False, bias=False, eps=1e-5, groups=0, evaluation=False):
    def function(v, *rest):
        w, b, running = split(rest, weight, bias)
        if op == "group_norm":
            return F.group_norm(v, groups, w, b, eps)
        mean, var = running if evaluation else (None, None)
        if op == "instance_norm":
            return F.instance_norm(v, mean, var, w, b, use_input_stats=not evaluation, eps=eps)
        return F.batch_norm(v, mean, var, w, b, training=not evaluation, eps=eps)

    c = shape[1]
    running = [uniform(7, c), uniform(8, c, low=0.5, high=2.0)] if evaluation else []
    last = 1 + weight + bias
    return case(op, function, uniform(4, *shape), *affine([c], weight, bias), *running,
                constant=(last, last + 1) if evaluation else (), weight=float(weight), bias=float(bias),
                eps=float(eps), groups=float(groups), evaluation=float(evaluation))


def response(shape, size, alpha=1e-4, beta=0.75, k=1.0):
    return case("local_response_norm", lambda v: F.local_response_norm(v, size, alpha, beta, k), uniform(9, *shape),
                size=float(size), alpha=float(alpha), beta=float(beta), k=float(k))


def normalization():
    records = {
        "layer_norm": over_axes("layer_norm", (3, 5), (-1,)),
        "layer_norm_affine": over_axes("layer_norm", (2, 3, 4), (-1,), True, True),
        "layer_norm_weight": over_axes("layer_norm", (4, 3), (-1,), True, False, eps=0.1),
        "layer_norm_many_rows": over_axes("layer_norm", (32, 2), (-1,), True, True, eps=0.1),
        "layer_norm_two_axes": over_axes("layer_norm", (2, 3, 4), (-2, -1), True, True),
        "layer_norm_first_axis": over_axes("layer_norm", (4, 3), (0,), True, True),
        "layer_norm_middle_axis": over_axes("layer_norm", (2, 3, 2), (1,), True, True),
        "layer_norm_one_element": over_axes("layer_norm", (3, 1), (-1,), True, True),
        "layer_norm_vector": over_axes("layer_norm", (17,), (0,)),
        "layer_norm_eps_0": over_axes("layer_norm", (2, 4), (-1,), eps=0),
        "rms_norm": over_axes("rms_norm", (3, 5), (-1,)),
        "rms_norm_weight": over_axes("rms_norm", (2, 3, 4), (-1,), True, eps=1e-6),
        "rms_norm_two_axes": over_axes("rms_norm", (2, 3, 4), (1, 2), True),
        "rms_norm_first_axis": over_axes("rms_norm", (3, 2), (0,), True),
        "group_norm": by_channels("group_norm", (2, 4, 3), groups=2),
        "group_norm_affine": by_channels("group_norm", (2, 6, 2, 2), True, True, groups=3),
        "group_norm_one": by_channels("group_norm", (2, 3, 2), True, True, eps=1e-2, groups=1),
        "group_norm_each": by_channels("group_norm", (1, 2, 5), True, False, groups=2),
        "group_norm_flat": by_channels("group_norm", (3, 4), True, True, groups=2),
        "instance_norm": by_channels("instance_norm", (2, 3, 4)),
        "instance_norm_affine": by_channels("instance_norm", (2, 2, 2, 3), True, True),
        "instance_norm_3d": by_channels("instance_norm", (1, 2, 2, 1, 3), True, True, eps=1e-3),
        "instance_norm_evaluation": by_channels("instance_norm", (2, 3, 4), True, True, evaluation=True),
        "batch_norm": by_channels("batch_norm", (4, 3)),
        "batch_norm_affine": by_channels("batch_norm", (5, 2), True, True),
        "batch_norm_1d": by_channels("batch_norm", (2, 3, 4), True, True),
        "batch_norm_2d": by_channels("batch_norm", (2, 2, 3, 2), True, True, eps=1e-3),
        "batch_norm_3d": by_channels("batch_norm", (1, 2, 2, 2, 2), False, True),
        "batch_norm_weight": by_channels("batch_norm", (3, 2), True, False),
        "batch_norm_evaluation": by_channels("batch_norm", (2, 3), True, True, evaluation=True),
        "batch_norm_evaluation_2d": by_channels("batch_norm", (1, 2, 2, 2), False, False, evaluation=True, eps=1e-3),
        "batch_norm_one_evaluation": by_channels("batch_norm", (1, 3), True, True, evaluation=True),
        "local_response_norm": response((2, 5, 3), 3),
        "local_response_norm_even": response((1, 4, 2, 2), 2, alpha=0.5, beta=0.5, k=2),
        "local_response_norm_wide": response((1, 3, 2), 9, alpha=0.3, beta=1.5),
        "local_response_norm_one": response((2, 2, 2), 1, alpha=1, beta=0.75, k=0.5),
    }
    return records


FILES = {"normalization.txt": normalization}
