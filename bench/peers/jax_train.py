"""Times training steps of JAX on one workload and prints one line of JSON.

    jax_train.py WORKLOAD [--mode MODE] [--variant NAME] [--processors N[,N..]] [--seconds S] [--loss-steps N]
                 [--without-donation] [--without-async] [--xla=FLAG]..

XLA uses every processor that the process may run on; --processors pins the process to these.
"""
import functools
import os
import time

from timing import WARM_UP_STEPS, choose_variant, options, time_and_print
from workloads import LEARNING_RATE, MOMENTUM, WORKLOADS

MODES = {
    "sync": "waits for each step",
    "chain": "starts some 10 ms of steps, then waits for the last",
    "scan": "some 10 ms of steps are one compiled loop (lax.scan): no step can be called by itself",
}
BLOCK_SECONDS = 0.01

parser = options("Times training steps of JAX.")
parser.add_argument("--mode", choices=MODES, default="sync")
parser.add_argument("--processors", help="numbers of the system's processors; default: all")
parser.add_argument("--without-donation", action="store_true", help="new buffers for each step's results")
parser.add_argument("--without-async", action="store_true", help="turn asynchronous dispatch off")
parser.add_argument("--xla", action="append", default=[], metavar="FLAG", help="a flag for the compiler")
arguments = parser.parse_args()
processors = os.sched_getaffinity(0)
if arguments.processors:
    processors = {int(n) for n in arguments.processors.split(",")}
# Both before JAX starts.
os.sched_setaffinity(0, processors)
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *arguments.xla])

import jax
import jax.numpy as jnp

from jax_networks import FUNCTIONS, network_of


def training_step(workload, variant):
    """The state before the first step, and a function (state, steps) -> (state, loss, tree of results: none, they are
    in the state)."""
    loss, parameters, statistics, data = network_of(workload, variant)
    state = parameters, jax.tree.map(jnp.zeros_like, parameters), statistics

    def step(state, *data):
        parameters, velocity, statistics = state
        (value, statistics), gradient = jax.value_and_grad(loss, has_aux=True)(parameters, statistics, *data)
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, gradient)
        parameters = jax.tree.map(lambda p, v: p - LEARNING_RATE * v, parameters, velocity)
        return (parameters, velocity, statistics), value

    donated = () if arguments.without_donation else (0,)
    one = jax.jit(step, donate_argnums=donated)

    @functools.partial(jax.jit, donate_argnums=donated, static_argnums=1)
    def loop(state, steps, *data):
        state, values = jax.lax.scan(lambda s, _: step(s, *data), state, length=steps)
        return state, values[-1]

    def run(state, steps):
        if arguments.mode == "scan" and steps > 1:
            return *loop(state, steps, *data), {}
        for _ in range(steps):
            state, value = one(state, *data)
        return state, value, {}

    return state, run


def function(workload, variant):
    """The same for a function without an update; it has no state."""
    evaluate, inputs = FUNCTIONS[type(workload)](workload, variant)
    one = jax.jit(evaluate)

    def run(state, steps):
        for _ in range(steps):
            value, results = one(*inputs)
        return state, value, results

    return (), run


def main():
    jax.config.update("jax_cpu_enable_async_dispatch", not arguments.without_async)
    workload = WORKLOADS[arguments.workload]
    variant = choose_variant(parser, arguments.variant, workload.jax_variants)
    if type(workload) in FUNCTIONS and arguments.mode != "sync":
        parser.error(f"--mode {arguments.mode}: the evaluations of {arguments.workload} do not follow from each other")
    state, run = (function if type(workload) in FUNCTIONS else training_step)(workload, variant)

    def steps(number):
        nonlocal state
        state, value, results = jax.block_until_ready(run(state, number))
        return value, results

    started = time.perf_counter()
    for _ in range(arguments.loss_steps):
        loss, results = steps(1)
    loss = loss.item()
    norm = sum(float(jnp.square(result).sum()) for result in jax.tree.leaves(results)) ** 0.5

    # How many steps to time together: one, or a block of some 10 ms.
    block = 1
    if arguments.mode != "sync":
        before = time.perf_counter()
        for _ in range(5):
            steps(1)
        block = max(2, min(1000, round(BLOCK_SECONDS / ((time.perf_counter() - before) / 5))))
        steps(block)
    for _ in range(WARM_UP_STEPS - arguments.loss_steps):
        steps(1)
    warm = time.perf_counter()
    time_and_print(arguments.workload, lambda: steps(block), arguments.seconds, block, engine="jax",
                   version=jax.__version__, threads=len(processors), mode=arguments.mode, variant=variant, loss=loss,
                   norm=norm, loss_steps=arguments.loss_steps, warm_up_seconds=warm - started)


if __name__ == "__main__":
    main()
