"""Learning rates of 40 steps of every schedule, and the momenta of one-cycle."""
import torch
from torch.optim import lr_scheduler as L

from records import tensor, uniform

STEPS, BASE = 40, 0.5


def record(kind, make, base=BASE, metrics=None, **numbers):
    """numbers: fields of bg_schedule. make: the scheduler of an optimizer whose rate is base."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base, momentum=0.9)
    scheduler = make(optimizer)
    group, rates, momenta = optimizer.param_groups[0], [], []
    for t in range(STEPS):
        rates.append(group["lr"])
        momenta.append(group["momentum"])
        optimizer.step()
        if t + 1 < STEPS:
            scheduler.step(*([] if metrics is None else [metrics[t].item()]))
    fields = {"kind": kind, "base": tensor(base), **{key: tensor(value) for key, value in numbers.items()}}
    if metrics is not None:
        fields["metrics"] = metrics
    if any(m != 0.9 for m in momenta):
        fields["momenta"] = tensor(momenta)
    return {**fields, "rates": tensor(rates)}


def falling(seed):
    """A metric that falls, rests, and rises now and then."""
    steps = uniform(seed, STEPS, low=-1, high=1)
    return tensor([2.0 + sum(min(s, 0.25) for s in steps[:t + 1].tolist()) * (0.2 if t < 12 else 0.05)
                   for t in range(STEPS)])


def one_cycle(**options):
    return lambda o: L.OneCycleLR(o, max_lr=BASE, **options)


def schedules():
    return {
        "constant": record("constant", lambda o: L.ConstantLR(o, 0.25, 7), factor=0.25, length=7.0),
        "step": record("step", lambda o: L.StepLR(o, 6, 0.5), factor=0.5, length=6.0),
        "multi-step": record("multi_step", lambda o: L.MultiStepLR(o, [3, 3, 17, 30], 0.3), factor=0.3,
                             milestones=[3.0, 3.0, 17.0, 30.0]),
        "exponential": record("exponential", lambda o: L.ExponentialLR(o, 0.9), factor=0.9),
        "cosine": record("cosine", lambda o: L.CosineAnnealingLR(o, 15, 0.01), length=15.0, minimum=0.01),
        "cosine to 0": record("cosine", lambda o: L.CosineAnnealingLR(o, 45), length=45.0, minimum=0.0),
        "restarts": record("restarts", lambda o: L.CosineAnnealingWarmRestarts(o, 5, 2, 0.02), length=5.0,
                           multiplier=2.0, minimum=0.02),
        "equal restarts": record("restarts", lambda o: L.CosineAnnealingWarmRestarts(o, 7), length=7.0, multiplier=1.0,
                                 minimum=0.0),
        "linear": record("linear", lambda o: L.LinearLR(o, 0.2, 0.8, 12), start=0.2, end=0.8, length=12.0),
        "warm-up": record("warm_up", lambda o: L.LinearLR(o, 1 / 8, 1.0, 7), length=8.0),
        "polynomial": record("polynomial", lambda o: L.PolynomialLR(o, 30, 2.0), length=30.0, power=2.0),
        "one-cycle": record("one_cycle", one_cycle(total_steps=40), length=40.0),
        "one-cycle, three phases": record(
            "one_cycle", one_cycle(total_steps=41, three_phase=True, pct_start=0.4, anneal_strategy="linear",
                                   div_factor=10, final_div_factor=50, base_momentum=0.7, max_momentum=0.99),
            length=41.0, has_three_phases=1.0, rising_share=0.4, is_straight=1.0, divisor=10.0, final_divisor=50.0,
            base_momentum=0.7, max_momentum=0.99),
        "one-cycle, momentum kept": record("one_cycle", one_cycle(total_steps=45, cycle_momentum=False), length=45.0,
                                           keeps_momentum=1.0),
        "plateau": record("plateau", lambda o: L.ReduceLROnPlateau(o, factor=0.5, patience=2), factor=0.5, patience=2.0,
                          metrics=falling("plateau")),
        "plateau, all": record(
            "plateau", lambda o: L.ReduceLROnPlateau(o, "max", 0.3, 1, 0.05, "abs", 3, 0.01), factor=0.3, patience=1.0,
            threshold=0.05, is_maximized=1.0, is_absolute=1.0, cooldown=3.0, minimum=0.01, metrics=falling("all")),
        "plateau, share": record(
            "plateau", lambda o: L.ReduceLROnPlateau(o, "max", 0.6, 0, 0.01), factor=0.6, patience=0.0,
            threshold=0.01, is_maximized=1.0, metrics=-falling("share") + 4),
        # The parts of these two stand in the test.
        "chained": record("chained", lambda o: L.ChainedScheduler(
            [L.LinearLR(o, 0.1, 1.0, 10), L.ExponentialLR(o, 0.95), L.StepLR(o, 9, 0.5)])),
        "sequential": record("sequential", lambda o: L.SequentialLR(
            o, [L.LinearLR(o, 0.1, 1.0, 5), L.CosineAnnealingLR(o, 20, 0.05), L.ExponentialLR(o, 0.8)], [5, 25])),
    }


FILES = {"schedules.txt": schedules}
