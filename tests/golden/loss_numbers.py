"""Losses of numbers and of two classes, with their options."""
import torch
import torch.nn.functional as F

from records import case, tensor, uniform


def each_reduction(name, op, function, *inputs, **rest):
    """One record for each reduction, which `function` takes last; the sum, which is what none and mean say already,
    only without options."""
    plain = set(rest) <= {"constant", "gradient", "note"}
    return {f"{name}_{reduction}": case(op, lambda *xs: function(*xs, reduction), *inputs, reduction=reduction, **rest)
            for reduction in (("none", "mean", "sum") if plain else ("none", "mean"))}


def signs(seed, *shape):
    x = uniform(seed, *shape)
    return torch.where(x < 0, -torch.ones_like(x), torch.ones_like(x))


def robust():
    records = {}
    x, y = uniform(1, 3, 4), uniform(2, 3, 4)
    kinks = (tensor([0, -0.0, 1, -1, 0.5, -0.5, 1e300, -1e300]), torch.zeros(8, dtype=torch.float64))
    for beta in (None, 0.5, 0.0):
        keep = {} if beta is None else {"beta": beta}
        for suffix, inputs in {"": (x, y), "_kinks": kinks}.items():
            records.update(each_reduction(f"smooth_l1_{beta}{suffix}", "smooth_l1_loss",
                                          lambda p, t, r: F.smooth_l1_loss(p, t, reduction=r, **keep), *inputs, **keep))
    for delta in (None, 0.5, 2.0):
        keep = {} if delta is None else {"delta": delta}
        for suffix, inputs in {"": (x, y), "_kinks": kinks}.items():
            records.update(each_reduction(f"huber_{delta}{suffix}", "huber_loss",
                                          lambda p, t, r: F.huber_loss(p, t, reduction=r, **keep), *inputs, **keep))
    return records


def likelihoods():
    records = {}
    # PyTorch's gradient of a target whose Stirling term is left out is NaN where its logarithm is infinite.
    x, counts = uniform(3, 3, 5), tensor([[0, 1, 2, 3, 10], [0.5, 1.5, 1, 0, 7], [4, 1, 0, 2, 1]])
    for rate in (False, True):
        prediction = torch.exp(x) if rate else x
        for full in (False, True):
            for eps in (None, 0.125):
                keep = {} if eps is None else {"eps": eps}
                records.update(each_reduction(
                    f"poisson_{'rate' if rate else 'log'}{'_full' if full else ''}{'' if eps is None else '_eps'}",
                    "poisson_nll_loss",
                    lambda p, t, r: F.poisson_nll_loss(p, t, log_input=not rate, full=full, reduction=r, **keep),
                    prediction, counts, constant=(1,) if full else (), rate=float(rate), full=float(full), **keep))
    x, y = uniform(4, 3, 4), uniform(5, 3, 4)
    variances = {"": uniform(6, 3, 4, low=0.25, high=3), "_rows": uniform(7, 3, 1, low=0.25, high=3),
                 "_short": uniform(8, 3, low=0.25, high=3), "_columns": uniform(9, 1, 4, low=0.25, high=3),
                 "_small": tensor([[0, 1e-9, 0.125, 1]] * 3)}
    for suffix, variance in variances.items():
        for full in (False, True):
            for eps in (None, 0.5):
                keep = {} if eps is None else {"eps": eps}
                records.update(each_reduction(
                    f"gaussian{suffix}{'_full' if full else ''}{'' if eps is None else '_eps'}", "gaussian_nll_loss",
                    lambda p, t, v, r: F.gaussian_nll_loss(p, t, v, full=full, reduction=r, **keep), x, y, variance,
                    full=float(full), **keep))
    return records


def binary():
    records = {}
    p, y = uniform(10, 3, 4, low=0.05, high=0.95), uniform(11, 3, 4, low=0, high=1)
    sure = (tensor([0, 1, 0, 1, 0.5, 1e-200]), tensor([0, 1, 1, 0, 1, 1]))
    for suffix, weight in {"": None, "_weight": uniform(12, 3, 4, low=0.5), "_columns": uniform(13, 4, low=0.5)}.items():
        extra = [] if weight is None else [weight]
        records.update(each_reduction(
            f"bce{suffix}", "bce_loss",
            lambda x, t, *rest: F.binary_cross_entropy(x, t, *rest[:-1], reduction=rest[-1]), p, y, *extra,
            constant=(2,), weight=float(weight is not None)))
    # Of the values alone: PyTorch's least divisor of the gradient is 1e-12 rounded to f32.
    records.update(each_reduction("bce_sure", "bce_loss", lambda x, t, r: F.binary_cross_entropy(x, t, reduction=r),
                                  *sure, gradient=False))
    logits = uniform(14, 3, 4, low=-4, high=4)
    weights = {"": uniform(15, 3, 4, low=0.5), "_columns": uniform(16, 4, low=0.5)}
    positive = {"": uniform(17, 4, low=0.5, high=3), "_whole": uniform(18, 3, 4, low=0.5, high=3)}
    for x, t, name in ((logits, y, ""), (tensor([[0, -0.0, 100, -100], [800, -800, 30, -30], [1, 2, 3, 4]]),
                                         tensor([[0, 1, 0, 1], [1, 0, 0, 1], [0, 0, 1, 1]]), "_far")):
        for suffix, w in weights.items():
            records.update(each_reduction(
                f"logits_weight{suffix}{name}", "bce_with_logits_weighted_loss",
                lambda a, b, c, r: F.binary_cross_entropy_with_logits(a, b, c, reduction=r), x, t, w, constant=(2,),
                weight=1.0))
        for suffix, w in positive.items():
            records.update(each_reduction(
                f"logits_positive{suffix}{name}", "bce_with_logits_weighted_loss",
                lambda a, b, c, r: F.binary_cross_entropy_with_logits(a, b, pos_weight=c, reduction=r), x, t, w,
                constant=(2,), positive_weight=1.0))
        records.update(each_reduction(
            f"logits_both{name}", "bce_with_logits_weighted_loss",
            lambda a, b, c, d, r: F.binary_cross_entropy_with_logits(a, b, c, pos_weight=d, reduction=r), x, t,
            weights["_columns"], positive[""], constant=(2, 3), weight=1.0, positive_weight=1.0))
    x, t = uniform(19, 3, 4), signs(20, 3, 4)
    kinks = (tensor([1, -1, 0, 1, 2, -2]), tensor([1, -1, 1, -1, 1, 1]))
    for suffix, inputs in {"": (x, t), "_kinks": kinks}.items():
        # PyTorch has no such loss: relu, whose gradient at 0 is 0, of the definition.
        records.update(each_reduction(f"hinge{suffix}", "hinge_loss", lambda a, b, r: reduced(F.relu(1 - a * b), r),
                                      *inputs, note="of the definition"))
        records.update(each_reduction(f"soft_margin{suffix}", "soft_margin_loss",
                                      lambda a, b, r: F.soft_margin_loss(a, b, reduction=r), *inputs, constant=(1,)))
    return records


def reduced(values, reduction):
    return {"none": lambda v: v, "mean": torch.mean, "sum": torch.sum}[reduction](values)


def empty():
    nothing = torch.zeros(0, 3, dtype=torch.float64)
    functions = {"smooth_l1_loss": F.smooth_l1_loss, "huber_loss": F.huber_loss, "bce_loss": F.binary_cross_entropy,
                 "poisson_nll_loss": F.poisson_nll_loss, "soft_margin_loss": F.soft_margin_loss}
    records = {}
    for op, function in functions.items():
        records.update(each_reduction(f"empty_{op}", op, lambda a, b, r: function(a, b, reduction=r), nothing, nothing,
                                      gradient=False))
    return records


FILES = {"loss_numbers.txt": lambda: robust() | likelihoods() | binary() | empty()}
