"""Pooling."""
import torch.nn.functional as F

from records import case, tensor, uniform

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def record(op, x, window, stride=None, padding=0, dilation=1, ceil=False, leaves_out=False):
    rank = len(window)
    each = lambda value: list(value) if isinstance(value, tuple) else [value] * rank
    stride = list(window) if stride is None else each(stride)
    options = {"kernel_size": list(window), "stride": stride, "padding": each(padding), "ceil_mode": ceil}
    if op == "max_pool":
        options["dilation"] = each(dilation)
    else:
        options["count_include_pad"] = not leaves_out
    return case(op, lambda v: (MAX if op == "max_pool" else AVG)[rank](v, **options), uniform(91, *x),
                window=tensor(window), stride=tensor(stride), padding=tensor(each(padding)),
                dilation=tensor(each(dilation)), ceil=float(ceil), leaves_out=float(leaves_out))


def pooling():
    records = {}
    for op in ("max_pool", "avg_pool"):
        records[f"{op}_1d"] = record(op, (2, 3, 7), (3,), stride=2)
        records[f"{op}_1d_padded"] = record(op, (1, 2, 7), (3,), stride=2, padding=1)
        records[f"{op}_1d_ceil"] = record(op, (1, 2, 6), (3,), stride=2, padding=1, ceil=True)
        records[f"{op}_2d"] = record(op, (2, 2, 4, 6), (2, 3))
        records[f"{op}_2d_padded"] = record(op, (1, 2, 5, 5), (3, 3), stride=2, padding=1)
        records[f"{op}_2d_ceil"] = record(op, (1, 2, 5, 4), (2, 2), ceil=True)
        records[f"{op}_3d"] = record(op, (1, 2, 3, 4, 4), (2, 2, 3), stride=(1, 2, 1), padding=(0, 1, 1))
    records["max_pool_2d_dilated"] = record("max_pool", (1, 1, 6, 6), (2, 3), stride=1, dilation=(2, 1))
    records["avg_pool_2d_leaves_out"] = record("avg_pool", (1, 2, 5, 5), (3, 3), stride=2, padding=1, leaves_out=True)
    records["avg_pool_1d_ceil_leaves_out"] = record("avg_pool", (1, 2, 6), (3,), stride=2, padding=1, ceil=True,
                                                    leaves_out=True)
    return records


FILES = {"pooling.txt": pooling}
