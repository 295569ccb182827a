"""Times training steps of PyTorch on one workload and prints one line of JSON.

    torch_train.py WORKLOAD [--mode MODE] [--threads N] [--seconds S] [--loss-steps N]
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn
import torch.nn.functional as F

from workloads import LEARNING_RATE, MOMENTUM, WORKLOADS

MODES = {
    "eager": "fused optimizer",
    "eager-foreach": "foreach optimizer",
    "compile": "forward, loss and backward compiled; fused optimizer",
    "compile-autotune": "the same, with the products' kernels chosen by timing",
    "compile-all": "forward, loss, backward and optimizer compiled",
}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}
LOSSES = {"cross_entropy": F.cross_entropy, "bce_with_logits": F.binary_cross_entropy_with_logits}


def mlp(workload):
    layers = []
    for weight, bias in workload.parameters():
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
        layers += [layer, ACTIVATIONS[workload.activation]()]
    return nn.Sequential(*layers[:-1])


NETWORKS = {"Mlp": mlp}


def training_step(workload, mode):
    """A function that makes one step and returns its loss, a tensor."""
    network = NETWORKS[type(workload).__name__](workload)
    x, target = (torch.from_numpy(array) for array in workload.data())
    kind = {"foreach": True} if mode in ("eager-foreach", "compile-all") else {"fused": True}
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, **kind)

    def forward(x, target):
        return LOSSES[workload.loss](network(x), target)

    update = optimizer.step
    if mode.startswith("compile"):
        forward = torch.compile(forward, mode="max-autotune-no-cudagraphs" if mode == "compile-autotune" else None)
    if mode == "compile-all":
        update = torch.compile(update)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x, target)
        loss.backward()
        update()
        return loss

    return step


def main():
    parser = argparse.ArgumentParser(description="Times training steps of PyTorch.")
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--mode", choices=MODES, default="eager")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of the timed part")
    parser.add_argument("--loss-steps", type=int, default=10, help="steps before the loss is printed; they warm up too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)

    workload = WORKLOADS[options.workload]
    step = training_step(workload, options.mode)
    started = time.perf_counter()
    for _ in range(options.loss_steps):
        loss = step().item()
    for _ in range(3):
        step()
    warm = time.perf_counter()

    times, end = [], warm + options.seconds
    while time.perf_counter() < end or len(times) < 5:
        before = time.perf_counter()
        step()
        times.append(time.perf_counter() - before)
    seconds = statistics.median(times)
    print(json.dumps({
        "engine": "torch", "version": torch.__version__, "workload": options.workload, "threads": options.threads,
        "mode": options.mode, "step_ms": seconds * 1e3, "per_second": workload.counted / seconds, "steps": len(times),
        "loss": loss, "loss_steps": options.loss_steps, "warm_up_seconds": warm - started,
    }))


if __name__ == "__main__":
    main()
