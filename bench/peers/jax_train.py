"""Times training steps of JAX on one workload and prints one line of JSON.

    jax_train.py WORKLOAD [--mode MODE] [--cores N] [--seconds S] [--loss-steps N]
                 [--without-donation] [--without-async] [--xla=FLAG]..

XLA uses every core that the process may run on; --cores pins the process to the first N of them.
"""
import argparse
import functools
import json
import os
import statistics
import time

from workloads import LEARNING_RATE, MOMENTUM, WORKLOADS

MODES = {
    "sync": "waits for each step",
    "chain": "starts some 10 ms of steps, then waits for the last",
    "scan": "some 10 ms of steps are one compiled loop (lax.scan): no step can be called by itself",
}
BLOCK_SECONDS = 0.01


def arguments():
    parser = argparse.ArgumentParser(description="Times training steps of JAX.")
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--mode", choices=MODES, default="sync")
    parser.add_argument("--cores", type=int, help="default: all")
    parser.add_argument("--without-donation", action="store_true", help="new buffers for each step's results")
    parser.add_argument("--without-async", action="store_true", help="turn asynchronous dispatch off")
    parser.add_argument("--xla", action="append", default=[], metavar="FLAG", help="a flag for the compiler")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of the timed part")
    parser.add_argument("--loss-steps", type=int, default=10, help="steps before the loss is printed; they warm up too")
    return parser.parse_args()


options = arguments()
cores = sorted(os.sched_getaffinity(0))[:options.cores]
# Both before JAX starts.
os.sched_setaffinity(0, cores)
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *options.xla])

import jax
import jax.numpy as jnp

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}


def cross_entropy(logits, classes):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), classes[:, None], axis=-1))


def bce_with_logits(logits, target):
    return jnp.mean(jnp.logaddexp(0.0, logits) - target * logits)


LOSSES = {"cross_entropy": cross_entropy, "bce_with_logits": bce_with_logits}


def mlp(workload):
    """The parameters, and the network as a function of them. Weights are [in, out], JAX's own layout."""
    activation = ACTIVATIONS[workload.activation]

    def network(parameters, x):
        *hidden, (last_weight, last_bias) = parameters
        for weight, bias in hidden:
            x = activation(x @ weight + bias)
        return x @ last_weight + last_bias

    return [(jnp.asarray(weight.T), jnp.asarray(bias)) for weight, bias in workload.parameters()], network


NETWORKS = {"Mlp": mlp}


def training_step(workload):
    """The state before the first step, and a jitted function (state, steps) -> (state, loss of the last step)."""
    parameters, network = NETWORKS[type(workload).__name__](workload)
    x, target = (jnp.asarray(array) for array in workload.data())
    state = parameters, jax.tree.map(jnp.zeros_like, parameters)

    def step(state, x, target):
        parameters, velocity = state
        loss, gradient = jax.value_and_grad(lambda p: LOSSES[workload.loss](network(p, x), target))(parameters)
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, gradient)
        parameters = jax.tree.map(lambda p, v: p - LEARNING_RATE * v, parameters, velocity)
        return (parameters, velocity), loss

    donated = () if options.without_donation else (0,)

    @functools.partial(jax.jit, donate_argnums=donated)
    def one(state, x, target):
        return step(state, x, target)

    @functools.partial(jax.jit, donate_argnums=donated, static_argnums=3)
    def loop(state, x, target, steps):
        state, losses = jax.lax.scan(lambda s, _: step(s, x, target), state, length=steps)
        return state, losses[-1]

    def run(state, steps):
        if options.mode == "scan" and steps > 1:
            return loop(state, x, target, steps)
        for _ in range(steps):
            state, loss = one(state, x, target)
        return state, loss

    return state, run


def main():
    jax.config.update("jax_cpu_enable_async_dispatch", not options.without_async)
    workload = WORKLOADS[options.workload]
    state, run = training_step(workload)
    started = time.perf_counter()
    for _ in range(options.loss_steps):
        state, loss = jax.block_until_ready(run(state, 1))
    loss = loss.item()

    # How many steps to time together: one, or a block of some 10 ms.
    block = 1
    if options.mode != "sync":
        before = time.perf_counter()
        for _ in range(5):
            state, _ = jax.block_until_ready(run(state, 1))
        block = max(2, min(1000, round(BLOCK_SECONDS / ((time.perf_counter() - before) / 5))))
    for _ in range(3):
        state, _ = jax.block_until_ready(run(state, block))
    warm = time.perf_counter()

    times, end = [], warm + options.seconds
    while time.perf_counter() < end or len(times) < 5:
        before = time.perf_counter()
        state, _ = jax.block_until_ready(run(state, block))
        times.append((time.perf_counter() - before) / block)
    seconds = statistics.median(times)
    print(json.dumps({
        "engine": "jax", "version": jax.__version__, "workload": options.workload, "threads": len(cores),
        "mode": options.mode, "step_ms": seconds * 1e3, "per_second": workload.counted / seconds,
        "steps": len(times) * block, "loss": loss, "loss_steps": options.loss_steps, "warm_up_seconds": warm - started,
    }))


if __name__ == "__main__":
    main()
