"""20 steps of every optimizer, with averages of the parameters; steps of L-BFGS."""

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn

from records import tensor, uniform

STEPS = 20
NAMES = ("weight", "bias", "cube", "scale")


def problem():
    return {"x": uniform("x", 5, 4), "target": uniform("target", 5, 3), "center": uniform("center", 2, 3, 2),
            "stiffness": uniform("stiffness", 2, 3, 2, low=0.25, high=2), "weight": uniform("weight", 3, 4, low=-1, high=1),
            "bias": uniform("bias", 3, low=-1, high=1), "cube": uniform("cube", 2, 3, 2, low=-1, high=1),
            "scale": tensor(0.75)}


class Network(torch.nn.Module):
    """tanh(x weightᵀ + bias) scale for the target, and a cube on springs."""

    def __init__(self):
        super().__init__()
        self.data = problem()
        for name in NAMES:
            setattr(self, name, torch.nn.Parameter(self.data[name].clone()))

    def loss(self):
        prediction = torch.tanh(self.data["x"] @ self.weight.T + self.bias) * self.scale
        springs = self.data["stiffness"] * (self.cube - self.data["center"]) ** 2
        return ((prediction - self.data["target"]) ** 2).mean() + springs.mean()


# ---- What PyTorch has not, from the papers ----

class Rule(torch.optim.Optimizer):
    def __init__(self, groups, **defaults):
        super().__init__(groups, defaults)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["t"] = state.get("t", 0) + 1
                self.move(p, p.grad, state, group)


class Lion(Rule):
    """Chen et al., Symbolic discovery of optimization algorithms, 2023, algorithm 2."""

    def move(self, p, g, state, group):
        m = state.get("m", torch.zeros_like(p))
        beta1, beta2 = group["betas"]
        update = torch.sign(beta1 * m + (1 - beta1) * g)
        p -= group["lr"] * (update + group["weight_decay"] * p)
        state["m"] = beta2 * m + (1 - beta2) * g


class Lamb(Rule):
    """You et al., Large batch optimization for deep learning, 2020, algorithm 2."""

    def move(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g * g
        r = m / (1 - beta1 ** state["t"]) / (torch.sqrt(v / (1 - beta2 ** state["t"])) + group["eps"])
        r = r + group["weight_decay"] * p
        norm_p, norm_r = p.norm().item(), r.norm().item()
        ratio = norm_p / norm_r if norm_p > 0 and norm_r > 0 else 1.0
        p -= group["lr"] * ratio * r


def orthogonal_f64(grad, coefficients, steps, eps):
    """PyTorch's Newton-Schulz steps, but in the gradient's type instead of bf16."""
    a, b, c = coefficients
    x = grad.T if grad.size(0) > grad.size(1) else grad
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if grad.size(0) > grad.size(1) else x


class Muon:
    """torch.optim.Muon for matrices, AdamW for the rest."""

    def __init__(self, groups, lr, weight_decay=0.1, **options):
        torch.optim._muon._zeropower_via_newtonschulz = orthogonal_f64
        matrices, rest = [], []
        for group in groups:
            for ndim, into in ((True, matrices), (False, rest)):
                chosen = [p for p in group["params"] if (p.ndim == 2) == ndim]
                if chosen:
                    into.append({**group, "params": chosen})
        self.parts = [torch.optim.Muon(matrices, lr=lr, weight_decay=weight_decay, **options),
                      torch.optim.AdamW(rest, lr=lr, weight_decay=weight_decay)]
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def zero_grad(self):
        for part in self.parts:
            part.zero_grad()

    def step(self):
        for part in self.parts:
            part.step()


# ---- Records ----

def rates(base):
    return [base * factor for factor in [1.0] * 6 + [0.3] * 7 + [0.7] * 7]


def in_f64(function):
    """NAdam keeps the product of its momenta in the default type."""
    def call(*arguments, **options):
        torch.set_default_dtype(torch.float64)
        try:
            return function(*arguments, **options)
        finally:
            torch.set_default_dtype(torch.float32)
    return call


@in_f64
def curve(name, make, base, decay=0.0, vectors=None, clip_norm=0.0, clip_value=0.0, average=None, fields=None,
          cycle=False, **options):
    """vectors: the weight decay of bias and scale, whose learning rate is half of the others'. fields: the options by
    their names in C, where these differ."""
    network = Network()
    everything = [getattr(network, name) for name in NAMES]
    small = [network.bias, network.scale]
    if vectors is None:
        groups = [{"params": everything, "factor": 1.0}]
    else:
        groups = [{"params": [network.weight, network.cube], "factor": 1.0},
                  {"params": small, "factor": 0.5, "weight_decay": vectors}]
    optimizer = make(groups, lr=base, **({"weight_decay": decay} if decay is not None else {}), **options)
    averaged = average and AveragedModel(network, multi_avg_fn=average)
    scheduler = cycle and torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=base, total_steps=STEPS)
    losses, used, momenta = [], [], []
    for rate in rates(base):
        group = optimizer.param_groups[0]
        if scheduler:
            used.append(group["lr"])
            momenta.append(group["betas"][0] if "betas" in group else group["momentum"])
        else:
            used.append(rate)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["factor"]
        optimizer.zero_grad()
        loss = network.loss()
        loss.backward()
        losses.append(loss.item())
        if clip_value:
            torch.nn.utils.clip_grad_value_(everything, clip_value)
        if clip_norm:
            torch.nn.utils.clip_grad_norm_(everything, clip_norm)
        optimizer.step()
        if scheduler and len(used) < STEPS:
            scheduler.step()
        if averaged:
            averaged.update_parameters(network)
    record = {"optimizer": name, "lr": tensor(used), "weight_decay": tensor(decay or 0.0)}
    if vectors is not None:
        record["vectors"] = tensor(vectors)
    for key, value in {**options, **(fields or {})}.items():
        if key == "betas":
            record["beta1"], record["beta2"] = tensor(value[0]), tensor(value[1])
        elif value is not None and not isinstance(value, (tuple, str)):
            record[key] = tensor(float(value))
    for key, value in (("clip_norm", clip_norm), ("clip_value", clip_value)):
        if value:
            record[key] = tensor(value)
    if momenta:
        record["momenta"] = tensor(momenta)
    record["losses"] = tensor(losses)
    for key in NAMES:
        record[f"final_{key}"] = getattr(network, key)
    for key in NAMES if averaged else ():
        record[f"average_{key}"] = getattr(averaged.module, key)
    return record


def optimizers():
    o = torch.optim
    return {
        "problem": problem(),
        "sgd": curve("sgd", o.SGD, 0.2),
        "sgd, groups": curve("sgd", o.SGD, 0.2, 0.01, 0.0, momentum=0.9, nesterov=True),
        "sgd, dampening": curve("sgd", o.SGD, 0.2, 0.02, 0.1, momentum=0.8, dampening=0.3),
        "adam": curve("adam", o.Adam, 0.05),
        "adam, groups": curve("adam", o.Adam, 0.05, 0.1, 0.0, betas=(0.8, 0.95), eps=1e-3),
        "adam, amsgrad": curve("adam", o.Adam, 0.1, 0.02, 0.03, amsgrad=True, betas=(0.5, 0.6)),
        "adamw": curve("adamw", o.AdamW, 0.05, 0.01),
        "adamw, groups": curve("adamw", o.AdamW, 0.05, 0.2, 0.0, amsgrad=True),
        "adamax": curve("adamax", o.Adamax, 0.05),
        "adamax, groups": curve("adamax", o.Adamax, 0.1, 0.1, 0.0, betas=(0.8, 0.9)),
        "nadam": curve("nadam", o.NAdam, 0.05),
        "nadam, groups": curve("nadam", o.NAdam, 0.05, 0.1, 0.0, momentum_decay=0.02, decoupled_weight_decay=True,
                               fields={"decoupled_weight_decay": None, "is_decoupled": 1}),
        "nadam, decay": curve("nadam", o.NAdam, 0.05, 0.1, 0.05),
        "radam": curve("radam", o.RAdam, 0.05),
        "radam, groups": curve("radam", o.RAdam, 0.05, 0.1, 0.0, betas=(0.8, 0.95), decoupled_weight_decay=True,
                               fields={"decoupled_weight_decay": None, "is_decoupled": 1}),
        "radam, decay": curve("radam", o.RAdam, 0.05, 0.1, 0.05, betas=(0.9, 0.6)),
        "rmsprop": curve("rmsprop", o.RMSprop, 0.02),
        "rmsprop, groups": curve("rmsprop", o.RMSprop, 0.02, 0.1, 0.0, alpha=0.9, momentum=0.5, centered=True, eps=1e-4,
                                 fields={"centered": None, "is_centered": 1}),
        "adagrad": curve("adagrad", o.Adagrad, 0.1),
        "adagrad, groups": curve("adagrad", o.Adagrad, 0.1, 0.1, 0.0, lr_decay=0.1, initial_accumulator_value=0.3,
                                 fields={"lr_decay": None, "learning_rate_decay": 0.1,
                                         "initial_accumulator_value": None, "initial_accumulator": 0.3}),
        "adadelta": curve("adadelta", o.Adadelta, 1.0),
        "adadelta, groups": curve("adadelta", o.Adadelta, 2.0, 0.1, 0.0, rho=0.8, eps=1e-3),
        "rprop": curve("rprop", o.Rprop, 0.05, None),
        "rprop, bounds": curve("rprop", o.Rprop, 0.05, None, etas=(0.4, 1.5), step_sizes=(0.01, 0.2),
                               fields={"eta_minus": 0.4, "eta_plus": 1.5, "step_min": 0.01, "step_max": 0.2}),
        "lion": curve("lion", Lion, 0.02, betas=(0.9, 0.99)),
        "lion, groups": curve("lion", Lion, 0.02, 0.1, 0.0, betas=(0.8, 0.9)),
        "lamb": curve("lamb", Lamb, 0.05, 0.01, betas=(0.9, 0.999), eps=1e-6),
        "lamb, groups": curve("lamb", Lamb, 0.05, 0.1, 0.0, betas=(0.8, 0.95), eps=1e-3),
        "adafactor": curve("adafactor", o.Adafactor, 0.05),
        "adafactor, groups": curve("adafactor", o.Adafactor, 0.3, 0.1, 0.0, beta2_decay=-0.5, d=1.5, eps=(1e-2, 0.1),
                                   fields={"d": None, "threshold": 1.5, "eps": 0.1, "eps1": 0.01}),
        "muon": curve("muon", Muon, 0.05, 0.1),
        "muon, groups": curve("muon", Muon, 0.05, 0.2, 0.0, momentum=0.8, nesterov=False, ns_steps=3,
                              adjust_lr_fn="match_rms_adamw",
                              fields={"ns_steps": None, "newton_schulz_steps": 3, "muon_rate": 1}),
        "clip norm": curve("adamw", o.AdamW, 0.05, 0.01, 0.0, clip_norm=0.4),
        "clip value": curve("sgd", o.SGD, 0.2, momentum=0.9, clip_value=0.05),
        "clip both": curve("sgd", o.SGD, 0.2, clip_value=0.2, clip_norm=0.25),
        "sgd, one-cycle": curve("sgd", o.SGD, 0.2, momentum=0.9, nesterov=True, cycle=True),
        "adam, one-cycle": curve("adam", o.Adam, 0.1, 0.01, cycle=True),
        "nadam, one-cycle": curve("nadam", o.NAdam, 0.1, cycle=True),
        "rmsprop, one-cycle": curve("rmsprop", o.RMSprop, 0.01, momentum=0.5, cycle=True),
        "ema": curve("adam", o.Adam, 0.05, average=get_ema_multi_avg_fn(0.9), fields={"ema": 0.9}),
        "swa": curve("sgd", o.SGD, 0.2, momentum=0.9, average=get_swa_multi_avg_fn(), fields={"swa": 1}),
    }


def lbfgs(calls, **options):
    network = Network()
    optimizer = torch.optim.LBFGS(network.parameters(), **options)
    losses, evaluations = [], []

    def closure():
        optimizer.zero_grad()
        loss = network.loss()
        loss.backward()
        return loss

    for _ in range(calls):
        losses.append(optimizer.step(closure).item())
        evaluations.append(optimizer.state[network.weight]["func_evals"])
    record = {key: tensor(float(value)) for key, value in options.items() if not isinstance(value, str)}
    record["fixed_step"] = tensor(0.0 if options.get("line_search_fn") else 1.0)
    record["losses"], record["evaluations"] = tensor(losses), tensor(evaluations)
    for key in NAMES:
        record[f"final_{key}"] = getattr(network, key)
    return record


def lbfgs_records():
    return {
        "problem": problem(),
        "strong Wolfe": lbfgs(4, lr=1, max_iter=5, line_search_fn="strong_wolfe"),
        "short history": lbfgs(3, lr=0.5, max_iter=6, history_size=2, line_search_fn="strong_wolfe"),
        "long steps": lbfgs(2, lr=20, max_iter=4, line_search_fn="strong_wolfe"),
        "few evaluations": lbfgs(3, lr=8, max_iter=6, max_eval=4, line_search_fn="strong_wolfe"),
        "fixed step": lbfgs(3, lr=0.4, max_iter=4),
        "tolerances": lbfgs(2, lr=1, max_iter=60, tolerance_grad=1e-3, tolerance_change=1e-5,
                            line_search_fn="strong_wolfe"),
    }


FILES = {"optimizers.txt": optimizers, "lbfgs.txt": lbfgs_records}
