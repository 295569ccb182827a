"""Losses of classes with their options, and of distributions."""
import torch
import torch.nn.functional as F

from loss_numbers import each_reduction
from records import INF, case, classes, tensor, uniform


def class_last(x):
    """Ours has the classes last, PyTorch second."""
    return x.movedim(-1, 1) if x.dim() > 2 else x


def entropy():
    records = {}
    x, y = uniform(1, 6, 4, low=-4, high=4), classes(2, 6, 4)
    weight = tensor([0.5, 2, 0, 1.25])
    spread = tensor([[1000, 0, -1000, 3], [0, 1000, -1000, 3], [-INF, 2, 1, 0], [7, 7, 7, 7]])
    inputs = {"": (x, y), "_spread": (spread, tensor([0, 0, 1, 2])),
              "_cube": (uniform(3, 2, 3, 4), classes(4, 6, 4).reshape(2, 3)), "_row": (uniform(5, 4), tensor(1.0))}
    for suffix, (logits, target) in inputs.items():
        for name, w in {"": None, "_weight": weight}.items():
            extra = [] if w is None else [w]
            for keep in ({}, {"label_smoothing": 0.1}, {"ignore_index": int(y[0])},
                         {"label_smoothing": 0.25, "ignore_index": int(y[0])}):
                if "label_smoothing" in keep and suffix == "_spread":
                    continue  # -inf times a share is infinite
                label = "".join(f"_{key[:6]}" for key in keep)

                def function(p, t, *rest):
                    return F.cross_entropy(class_last(p), t.long(), *rest[:-1], reduction=rest[-1], **keep)
                records.update(each_reduction(f"entropy{suffix}{name}{label}", "cross_entropy_loss_with", function,
                                              logits, target, *extra, constant=(1, 2),
                                              **{key: float(value) for key, value in keep.items()}))
    padded = tensor([1, -100, 3, -100, 0, 2])
    for name, w in {"": None, "_weight": weight}.items():
        extra = [] if w is None else [w]
        for suffix, target in {"_padded": padded, "_all_ignored": torch.full((6,), -100.0, dtype=torch.float64)}.items():
            records.update(each_reduction(
                f"entropy{suffix}{name}", "cross_entropy_loss_with",
                lambda p, t, *rest: F.cross_entropy(p, t.long(), *rest[:-1], reduction=rest[-1], label_smoothing=0.1),
                x, target, *extra, constant=(1, 2), ignore_index=-100.0, label_smoothing=0.1))
            records.update(each_reduction(
                f"nll{suffix}{name}", "nll_loss",
                lambda p, t, *rest: F.nll_loss(p, t.long(), *rest[:-1], reduction=rest[-1]), x, target, *extra,
                constant=(1, 2), ignore_index=-100.0))
    for suffix, (logits, target) in inputs.items():
        for name, w in {"": None, "_weight": weight}.items():
            extra = [] if w is None else [w]
            records.update(each_reduction(
                f"nll{suffix}{name}", "nll_loss",
                lambda p, t, *rest: F.nll_loss(class_last(p), t.long(), *rest[:-1], reduction=rest[-1]), logits,
                target, *extra, constant=(1, 2)))
    records.update(each_reduction("nll_empty", "nll_loss", lambda p, t, r: F.nll_loss(p, t.long(), reduction=r),
                                  torch.zeros(0, 3, dtype=torch.float64), torch.zeros(0, dtype=torch.float64),
                                  gradient=False))
    records.update(each_reduction("entropy_empty", "cross_entropy_loss_with",
                                  lambda p, t, r: F.cross_entropy(p, t.long(), reduction=r),
                                  torch.zeros(0, 3, dtype=torch.float64), torch.zeros(0, dtype=torch.float64),
                                  gradient=False))
    return records


def probabilities():
    records = {}
    op = "cross_entropy_loss_of_probabilities"
    weight = tensor([0.5, 2, 0, 1.25])
    for suffix, shape in {"": (3, 4), "_cube": (2, 3, 4), "_row": (4,)}.items():
        x, p = uniform(6, *shape, low=-4, high=4), uniform(7, *shape, low=0, high=1)
        for name, w in {"": None, "_weight": weight}.items():
            extra = [] if w is None else [w]
            for smoothing in (0.0, 0.25):
                def function(a, b, *rest):
                    return F.cross_entropy(class_last(a), class_last(b), *rest[:-1], reduction=rest[-1],
                                           label_smoothing=smoothing)
                records.update(each_reduction(f"probabilities{suffix}{name}_{smoothing}", op, function, x, p, *extra,
                                              constant=(2,), label_smoothing=smoothing))
    return records


def margins():
    records = {}
    x, y = uniform(8, 5, 4), classes(9, 5, 4)
    weight = tensor([0.5, 2, 0, 1.25])
    ties = (tensor([[1, 0, 2, 0], [1, 1, 1, 1]]), tensor([0, 3]))
    for suffix, inputs in {"": (x, y), "_ties": ties, "_row": (uniform(10, 4), tensor(1.0))}.items():
        for name, w in {"": None, "_weight": weight}.items():
            extra = [] if w is None else [w]
            for keep in ({}, {"p": 2}, {"margin": 0.5}, {"margin": 0.0, "p": 2}):
                label = "".join(f"_{key}{value}" for key, value in keep.items())
                records.update(each_reduction(
                    f"multi_margin{suffix}{name}{label}", "multi_margin_loss",
                    lambda a, t, *rest: F.multi_margin_loss(a, t.long(), weight=rest[0] if rest[:-1] else None,
                                                            reduction=rest[-1], **keep),
                    *inputs, *extra, constant=(1, 2), **{key: float(value) for key, value in keep.items()}))
    labels = tensor([[3, 0, -1, 1], [-1, 0, 1, 2], [0, 1, 2, 3], [2, -1, -1, -1], [1, 1, -1, 0]])
    for suffix, inputs in {"": (x, labels), "_ties": (tensor([[0, 1, 0, 1]]), tensor([[1, -1, 0, 0]])),
                           "_row": (uniform(11, 4), tensor([2, 0, -1, -1]))}.items():
        records.update(each_reduction(
            f"multilabel_margin{suffix}", "multilabel_margin_loss",
            lambda a, t, r: F.multilabel_margin_loss(a, t.long(), reduction=r), *inputs, constant=(1,)))
    for suffix, shape in {"": (5, 4), "_row": (4,), "_cube": (2, 3, 4)}.items():
        for name, w in {"": None, "_weight": weight}.items():
            extra = [] if w is None else [w]
            records.update(each_reduction(
                f"multilabel_soft_margin{suffix}{name}", "multilabel_soft_margin_loss",
                lambda a, t, *rest: F.multilabel_soft_margin_loss(a, t, *rest[:-1], reduction=rest[-1]),
                uniform(12, *shape, low=-4, high=4), uniform(13, *shape, low=0, high=1), *extra, constant=(2,)))
    return records


def divergences():
    records = {}
    x, y = uniform(14, 3, 4), uniform(15, 3, 4, low=0.05, high=1)
    zeros = tensor([[0, 1, 0.5, 0], [0, 0, 0, 1], [0.25, 0.25, 0.25, 0.25]])
    for suffix, target, keep, constant in (("", y, False, ()), ("_zeros", zeros, False, (1,)),
                                           ("_log", uniform(16, 3, 4), True, ())):
        def function(a, b, r):
            return F.kl_div(a, b, reduction=r.replace("_", ""), log_target=keep)
        records.update(each_reduction(f"kl_div{suffix}", "kl_div_loss", function, x, target, constant=constant,
                                      log_target=float(keep)))
        records[f"kl_div{suffix}_batch_mean"] = case(
            "kl_div_loss", lambda a, b: function(a, b, "batch_mean"), x, target, constant=constant,
            log_target=float(keep), reduction="batch_mean")
    return records


FILES = {"loss_classes.txt": lambda: entropy() | probabilities() | margins() | divergences()}
