"""Times training steps of PyTorch on one workload and prints one line of JSON.

    torch_train.py WORKLOAD [--mode MODE] [--variant NAME] [--threads N] [--without-onednn] [--seconds S]
                   [--loss-steps N]
"""
import time

import torch

from timing import WARM_UP_STEPS, choose_variant, options, time_and_print
from torch_networks import FUNCTIONS, LOSSES, data_of, network_of
from workloads import LEARNING_RATE, MOMENTUM, WORKLOADS

MODES = {
    "eager": "fused optimizer",
    "eager-foreach": "foreach optimizer",
    "compile": "forward, loss and backward compiled; fused optimizer",
    "compile-autotune": "the same, with the products' kernels chosen by timing",
    "compile-all": "forward, loss, backward and optimizer compiled",
}


def training_step(workload, variant, mode):
    """A function that makes one step and returns its loss, and a list of results (none: they are in the network)."""
    network = network_of(workload, variant)
    x, target = data_of(workload, variant)
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
        return loss, []

    return step


def main():
    parser = options("Times training steps of PyTorch.")
    parser.add_argument("--mode", choices=MODES, default="eager")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--without-onednn", action="store_true", help="PyTorch's own kernels where it has them")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    torch.backends.mkldnn.enabled = not arguments.without_onednn

    workload = WORKLOADS[arguments.workload]
    variant = choose_variant(parser, arguments.variant, workload.torch_variants)
    if type(workload) in FUNCTIONS:
        if arguments.mode not in ("eager", "compile"):
            parser.error(f"--mode {arguments.mode}: {arguments.workload} has no optimizer; it runs eager or compile")
        step = FUNCTIONS[type(workload)](workload, variant, arguments.mode == "compile")
    else:
        step = training_step(workload, variant, arguments.mode)
    started = time.perf_counter()
    for _ in range(arguments.loss_steps):
        loss, results = step()
    loss = loss.item()
    norm = sum(result.double().square().sum().item() for result in results) ** 0.5
    for _ in range(WARM_UP_STEPS - arguments.loss_steps):
        step()
    warm = time.perf_counter()
    time_and_print(arguments.workload, step, arguments.seconds, 1, engine="torch", version=torch.__version__,
                   threads=arguments.threads, mode=arguments.mode, variant=variant, loss=loss, norm=norm,
                   loss_steps=arguments.loss_steps, warm_up_seconds=warm - started)


if __name__ == "__main__":
    main()
