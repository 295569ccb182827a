"""Pooling."""
import torch.nn.functional as F

from records import case, tensor, uniform

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}

ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
ADAPTIVE_AVG = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
LP = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
UNPOOL = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}


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
    for name, x, window, options in (("1d", (2, 2, 7), (3,), {"stride": 2}),
                                     ("2d", (1, 2, 5, 5), (3, 3), {"stride": 2, "padding": 1}),
                                     ("3d", (1, 1, 3, 4, 4), (2, 2, 3), {"stride": 1, "padding": (0, 1, 1)}),
                                     ("2d_dilated", (1, 1, 6, 6), (2, 3), {"stride": 1, "dilation": (2, 1)})):
        rank = len(window)
        each = lambda value: list(value) if isinstance(value, tuple) else [value] * rank
        numbers = {key: each(options.get(key, default)) for key, default in
                   (("stride", 1), ("padding", 0), ("dilation", 1))}
        # As PyTorch's gradient of indices is an error, they are compared alone.
        records[f"max_pool_places_{name}"] = case(
            "max_pool_places", lambda v: MAX[rank](v, list(window), **numbers, return_indices=True)[1], uniform(92, *x),
            gradient=False, window=tensor(window), ceil=0, leaves_out=0,
            **{key: tensor(value) for key, value in numbers.items()})
    for rank, x, sizes in ((1, (2, 2, 7), ((3,), (9,))), (2, (1, 2, 5, 4), ((3, 2), (1, 6))),
                           (3, (1, 1, 3, 4, 5), ((2, 3, 2),))):
        for size in sizes:
            name = "x".join(map(str, size))
            data = uniform(93, *x)
            records[f"adaptive_max_{name}"] = case("adaptive_max_pool", lambda v: ADAPTIVE_MAX[rank](v, size), data,
                                                   size=tensor(size))
            records[f"adaptive_avg_{name}"] = case("adaptive_avg_pool", lambda v: ADAPTIVE_AVG[rank](v, size), data,
                                                   size=tensor(size))
            records[f"adaptive_places_{name}"] = case(
                "adaptive_places", lambda v: ADAPTIVE_MAX[rank](v, size, return_indices=True)[1], data, gradient=False,
                size=tensor(size))
        records[f"global_max_{rank}d"] = case("global_max_pool", lambda v: ADAPTIVE_MAX[rank](v, (1,) * rank), data)
        records[f"global_avg_{rank}d"] = case("global_avg_pool", lambda v: ADAPTIVE_AVG[rank](v, (1,) * rank), data)
    for name, x, window, stride, p, ceil in (("1d", (1, 2, 7), (3,), (2,), 2.0, False),
                                             ("1d_ceil", (1, 1, 6), (3,), (2,), 3.0, True),
                                             ("2d", (1, 2, 4, 6), (2, 3), (2, 3), 2.0, False),
                                             ("2d_half", (1, 1, 5, 5), (2, 2), (2, 1), 1.5, True),
                                             ("3d", (1, 1, 3, 4, 4), (2, 2, 3), (1, 2, 1), 4.0, False)):
        kernel, step = (window[0], stride[0]) if len(window) == 1 else (window, stride)
        records[f"lp_pool_{name}"] = case("lp_pool", lambda v: LP[len(window)](v, p, kernel, step, ceil),
                                          uniform(94, *x, low=0.25), window=tensor(window), stride=tensor(stride), p=p,
                                          ceil=float(ceil))
    for rank, x in ((1, (2, 2, 6)), (2, (1, 2, 4, 6)), (3, (1, 1, 2, 4, 4))):
        largest, places = MAX[rank](uniform(95, *x), 2, return_indices=True)
        records[f"max_unpool_{rank}d"] = case(
            "max_unpool", lambda v, i: UNPOOL[rank](v, i.long(), 2, output_size=x[2:]), largest,
            places.to(largest.dtype), constant=(1,), image=tensor(x[2:]))
    return records


FILES = {"pooling.txt": pooling}
