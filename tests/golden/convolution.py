"""Convolution and its transpose."""
import torch
import torch.nn.functional as F

from records import case, tensor, uniform

FORWARD = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def record(op, functions, x, weight, bias, stride=1, dilation=1, padding=0, output_padding=0, groups=1, same=False):
    rank = len(x) - 2
    each = lambda value: list(value) if isinstance(value, tuple) else [value] * rank
    options = {"stride": each(stride), "dilation": each(dilation), "groups": groups,
               "padding": "same" if same else each(padding)}
    if op == "conv_transpose":
        options["output_padding"] = each(output_padding)
    inputs = [uniform(81, *x), uniform(82, *weight)] + ([uniform(83, bias)] if bias else [])
    return case(op, lambda *v: functions[rank](*v, **options), *inputs, stride=tensor(each(stride)),
                dilation=tensor(each(dilation)), padding=tensor(each(0 if same else padding)),
                output_padding=tensor(each(output_padding)), groups=groups, same=float(same))


def convolution():
    conv = lambda *a, **o: record("conv", FORWARD, *a, **o)
    back = lambda *a, **o: record("conv_transpose", TRANSPOSED, *a, **o)
    return {
        "conv_1d": conv((2, 3, 7), (4, 3, 3), 4),
        "conv_1d_strided": conv((2, 3, 8), (4, 3, 3), 0, stride=2, padding=1),
        "conv_1d_dilated": conv((1, 2, 9), (2, 2, 3), 2, dilation=2, padding=2),
        "conv_1d_same_even": conv((1, 1, 4), (1, 1, 2), 0, same=True),
        "conv_2d": conv((2, 2, 4, 5), (3, 2, 3, 3), 3, padding=1),
        "conv_2d_mixed": conv((1, 3, 5, 4), (2, 3, 2, 3), 2, stride=(1, 2), dilation=(2, 1), padding=(1, 0)),
        "conv_2d_groups": conv((1, 4, 4, 4), (6, 2, 3, 3), 6, padding=1, groups=2),
        "conv_2d_depthwise": conv((1, 3, 4, 4), (3, 1, 3, 3), 0, padding=1, stride=2, groups=3),
        "conv_2d_same": conv((1, 2, 5, 5), (2, 2, 4, 2), 0, same=True),
        "conv_3d": conv((1, 2, 3, 4, 3), (2, 2, 2, 3, 2), 2, stride=(1, 2, 1), padding=(0, 1, 1)),
        "conv_transpose_1d": back((2, 3, 4), (3, 2, 3), 2, stride=2, padding=1, output_padding=1),
        "conv_transpose_2d": back((1, 2, 3, 3), (2, 3, 3, 3), 3, stride=2, padding=1),
        "conv_transpose_2d_groups": back((1, 4, 3, 2), (4, 3, 3, 2), 6, groups=2, dilation=(1, 2)),
        "conv_transpose_3d": back((1, 2, 2, 2, 2), (2, 1, 2, 2, 2), 0, stride=(1, 2, 1)),
    }


FILES = {"convolution.txt": convolution}
