"""Adversarial training beside the same recipe in PyTorch: run by hand.

    python tests/interop/adversarial.py PROGRAM MNIST_FOLDER accuracy [EPOCHS]
    python tests/interop/adversarial.py PROGRAM MNIST_FOLDER speed [THREADS [ROUNDS]]

MNIST_FOLDER holds the ten thousand test images, of which the last tenth tests. The recipe: mnist-cnn, SGD of rate 0.05 and momentum
0.9, batches of 128, PGD of 7 steps of 0.05 in Linf with eps 0.2, from a uniform start. accuracy also trains it without an attack, by
Adam of rate 0.001, which leaves it weaker than SGD does; all networks then stand the same PGD of 40 steps here, those of blasgrad
also that of `blasgrad attack`. speed measures steps."""
import gzip
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from torch_networks import MnistCnn

program, folder, task = sys.argv[1:4]
EPS, STEPS, STEP, BATCH, RATE, MOMENTUM = 0.2, 7, 0.05, 128, 0.05, 0.9
work = pathlib.Path(tempfile.mkdtemp())
word = f"pgd:eps={EPS}:steps={STEPS}:step={STEP}"
recipe = ["--model", "mnist-cnn", "--batch", BATCH]
against = [*recipe, "--lr", RATE, "--momentum", MOMENTUM, "--adversarial", word]
standard = [*recipe, "--optimizer", "adam", "--lr", 0.001]


def blasgrad(*arguments):
    result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}: {result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def read(kind, offset):
    path = next(pathlib.Path(folder).glob(f"t10k-{kind}*"))
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return np.frombuffer(data[offset:], np.uint8)


images = torch.from_numpy(read("images", 16).reshape(-1, 1, 28, 28).astype(np.float32) / 255)
labels = torch.from_numpy(read("labels", 8).astype(np.int64))
x_train, y_train, x_test, y_test = images[:9000], labels[:9000], images[9000:], labels[9000:]


def pgd(net, x, y, steps, step):
    at = torch.clamp(x + torch.empty_like(x).uniform_(-EPS, EPS), 0, 1)
    for _ in range(steps):
        at.requires_grad_(True)
        gradient, = torch.autograd.grad(F.cross_entropy(net(at), y, reduction="sum"), at)
        at = at.detach() + step * gradient.sign()
        at = torch.clamp(torch.minimum(torch.maximum(at, x - EPS), x + EPS), 0, 1)
    return at


def make(first, is_adversarial=True):
    net = MnistCnn()
    net.load_state_dict(first)
    if is_adversarial:
        return net, torch.optim.SGD(net.parameters(), RATE, MOMENTUM)
    return net, torch.optim.Adam(net.parameters(), 0.001)


def step(net, optimizer, x, y, is_adversarial):
    if is_adversarial:
        x = pgd(net, x, y, STEPS, STEP)
    loss = F.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def accuracies(net):
    """In %: clean, and under PGD of 40 steps."""
    clean = (net(x_test).argmax(1) == y_test)
    robust = torch.cat([net(pgd(net, x, y, 40, 2.5 * EPS / 40)).argmax(1) == y
                        for x, y in zip(x_test.split(250), y_test.split(250))])
    return 100 * clean.double().mean().item(), 100 * (clean & robust).double().mean().item()


def accuracy(epochs):
    torch.manual_seed(1)
    first = MnistCnn().state_dict()
    save_file(first, work / "first.safetensors")
    print(f"{epochs} epochs; % right of 1000, as they are and under PGD-40 at eps {EPS}", flush=True)
    for is_adversarial in False, True:
        name = "adversarial" if is_adversarial else "standard"
        options = against if is_adversarial else standard
        blasgrad("train", "--data", folder, *options, "--epochs", epochs, "--init", work / "first.safetensors",
                 "--out", work / name, "--json")
        net = MnistCnn()
        net.load_state_dict({k: v for k, v in load_file(work / name / "last.safetensors").items() if k in first})
        cell = [e for e in blasgrad("attack", "--checkpoint", work / name / "last.safetensors", "--method", "pgd", "--eps", EPS,
                                    "--json") if e["event"] == "attack"][-1]
        print(f"{name:12} blasgrad  %.1f  %.1f" % accuracies(net), f" by blasgrad attack {100 * cell['accuracy']:.1f}",
              flush=True)
        net, optimizer = make(first, is_adversarial)
        for _ in range(epochs):
            for rows in torch.randperm(len(x_train)).split(BATCH):
                step(net, optimizer, x_train[rows], y_train[rows], is_adversarial)
        print(f"{name:12} PyTorch   %.1f  %.1f" % accuracies(net), flush=True)


def write_few():
    """Few digits, as what is evaluated at the end is not what is measured."""
    few = 5 * BATCH
    (work / "t10k-images-idx3-ubyte").write_bytes(np.array([0x803, few, 28, 28], ">i4").tobytes() +
                                                  (255 * images[:few]).round().byte().numpy().tobytes())
    (work / "t10k-labels-idx1-ubyte").write_bytes(np.array([0x801, few], ">i4").tobytes() + labels[:few].byte().numpy().tobytes())


def seconds_of_blasgrad(threads):
    """Of a step: those of the clock, and of the processor as the difference of a long and a short run."""
    processor = []
    for count in 2, 5:
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        events = blasgrad("train", "--data", work, *against, "--steps", count, "--threads", threads,
                          "--log-every", 1, "--json")
        processor.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    clock = [e["seconds"] for e in events if e["event"] == "steps"]
    return statistics.median(b - a for a, b in zip(clock, clock[1:])), (processor[1] - processor[0]) / 3


def seconds_of_pytorch(net, optimizer, memory):
    """The same, of the second step."""
    for i in range(2):
        x, y = x_train[i * BATCH:][:BATCH].contiguous(memory_format=memory), y_train[i * BATCH:][:BATCH]
        begin = time.perf_counter(), time.process_time()
        step(net, optimizer, x, y, True)
    return time.perf_counter() - begin[0], time.process_time() - begin[1]


def speed(threads, rounds):
    """Rounds that take turns. Where others use the machine too, the processor's time says more than the clock's."""
    torch.set_num_threads(threads)
    write_few()
    entrants = {"blasgrad": lambda: seconds_of_blasgrad(threads)}
    for name, memory in ("PyTorch", torch.contiguous_format), ("PyTorch, channels last", torch.channels_last):
        net, optimizer = make(MnistCnn().state_dict())
        entrants[name] = lambda arguments=(net.to(memory_format=memory), optimizer, memory): seconds_of_pytorch(*arguments)
    times = {name: [] for name in entrants}
    for _ in range(rounds):
        for name, measure in entrants.items():
            times[name].append(measure())
            print("%-24s a step %6.0f ms by the clock, %6.0f ms of the processor" %
                  (name, *(1e3 * t for t in times[name][-1])), flush=True)
    for i, kind in enumerate(("clock", "processor")):
        medians = {name: statistics.median(t[i] for t in values) for name, values in times.items()}
        print(f"by the {kind}, times as fast as", ", ".join(f"{name}: {medians[name] / medians['blasgrad']:.2f}"
                                                            for name in list(entrants)[1:]))


numbers = [int(number) for number in sys.argv[4:]]
if task == "accuracy":
    accuracy(*numbers or [4])
else:
    speed(*(numbers + [2, 2][len(numbers):]))
