"""Losses and their gradients; loss curves of 20 steps of gradient descent."""
import torch
import torch.nn.functional as F

from records import INF, case, classes, tensor, uniform


LOSSES = {
    "l1_loss": F.l1_loss,
    "l2_loss": F.mse_loss,
    "bce_with_logits_loss": F.binary_cross_entropy_with_logits,
    "cross_entropy_loss": lambda logits, target, reduction: F.cross_entropy(logits, target.long(), reduction=reduction),
}


def losses():
    logits = tensor([[100, -100, 0, -0.0, 1.5], [-800, 800, 40, -40, -1.5]])
    zeros, ones = torch.zeros_like(logits), torch.ones_like(logits)
    inputs = {
        "l1_loss": {"": (uniform(41, 3, 4), uniform(42, 3, 4)),
                    "_kink": (tensor([[0, -0.0, 2, -3, 1e300]]), tensor([[0, 0, 2, -3, -1]]))},
        "l2_loss": {"": (uniform(43, 3, 4), uniform(44, 3, 4)),
                    "_edges": (tensor([[0, 2, -3, 1e100]]), tensor([[0, 2, 3, -1]]))},
        "bce_with_logits_loss": {"": (uniform(45, 3, 4, low=-4, high=4), uniform(46, 3, 4, low=0, high=1)),
                                 "_zeros": (logits, zeros), "_ones": (logits, ones)},
        "cross_entropy_loss": {"": (uniform(47, 6, 4, low=-4, high=4), classes(48, 6, 4)),
                               "_spread": (tensor([[1000, 0, -1000], [0, 1000, -1000], [-INF, 2, 1], [7, 7, 7]]),
                                           tensor([0, 0, 1, 2]))},
    }
    records = {}
    for name, function in LOSSES.items():
        for suffix, (prediction, target) in inputs[name].items():
            for reduction in ("none", "mean", "sum"):
                records[f"{name}{suffix}_{reduction}"] = case(
                    name, lambda p, t: function(p, t, reduction=reduction), prediction, target, reduction=reduction,
                    constant=(1,) if name == "cross_entropy_loss" else ())
    return records


SAMPLES, STEPS = 6, 20


def curve(loss, reduction, seed, lr, momentum=0.9, weight_decay=0.0, nesterov=False):
    outputs = 3 if loss == "cross_entropy_loss" else 2
    initial = {"w1": uniform(seed + 1, 7, 5, low=-0.45, high=0.45),
               "b1": uniform(seed + 2, 7, low=-0.45, high=0.45),
               "w2": uniform(seed + 3, outputs, 7, low=-0.38, high=0.38),
               "b2": uniform(seed + 4, outputs, low=-0.38, high=0.38)}
    x = uniform(seed + 5, SAMPLES, 5)
    target = {"l1_loss": uniform(seed + 6, SAMPLES, outputs), "l2_loss": uniform(seed + 6, SAMPLES, outputs),
              "bce_with_logits_loss": classes(seed + 6, SAMPLES * outputs, 2).reshape(SAMPLES, outputs),
              "cross_entropy_loss": classes(seed + 6, SAMPLES, outputs)}[loss]
    weights = None
    if reduction == "none":
        weights = uniform(seed + 7, *target.shape, low=0.02, high=0.25)

    w1, b1, w2, b2 = (p.clone().requires_grad_() for p in initial.values())
    optimizer = torch.optim.SGD([w1, b1, w2, b2], lr=0.0, momentum=momentum, weight_decay=weight_decay,
                                nesterov=nesterov)
    history = []
    for rate in lr:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        prediction = F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2)
        value = LOSSES[loss](prediction, target, reduction=reduction)
        if weights is not None:
            value = (weights * value).sum()
        value.backward()
        optimizer.step()
        history.append(value.item())
    return {"loss": loss, "reduction": reduction, **initial, "x": x, "target": target, "weights": weights,
            "lr": tensor(lr), "momentum": momentum, "weight_decay": weight_decay, "nesterov": float(nesterov),
            "losses": tensor(history), "final_w1": w1, "final_b1": b1, "final_w2": w2, "final_b2": b2}


def training():
    records = {}
    for i, loss in enumerate(LOSSES):
        for reduction in ("mean", "sum", "none"):
            # The gradient of a sum is larger by the number of elements: at the same rate it would diverge.
            lr = [0.01 if reduction == "sum" else 0.1] * STEPS
            records[f"{loss}_{reduction}"] = curve(loss, reduction, 100 * (i + 1), lr)
    constant, changing = [0.1] * STEPS, [0.1] * 7 + [0.02] * 7 + [0.05] * 6
    variants = {
        "no_momentum": {"momentum": 0.0},
        "nesterov": {"nesterov": True},
        "weight_decay": {"weight_decay": 0.05},
        "nesterov_weight_decay": {"nesterov": True, "weight_decay": 0.05},
    }
    for suffix, options in variants.items():
        records[f"l2_loss_mean_{suffix}"] = curve("l2_loss", "mean", 200, constant, **options)
    records["l2_loss_mean_lr_changes"] = curve("l2_loss", "mean", 200, changing)
    return records


FILES = {"losses.txt": losses, "training.txt": training}
