"""State dicts to and from PyTorch: python tests/interop/interop.py [BUILD]   (default: build/release)

Each network is made in PyTorch, trained for 20 steps on random data, saved by the safetensors package, and loaded here:
logits in evaluation must agree to 1e-5, and the parameters and buffers after one further step of SGD to 1e-6, relative
to the largest element where that is above 1. How far both are from PyTorch's step in f64 is printed beside it. What is
saved here is loaded back with load_model(strict=True). Needs torch, safetensors and a C compiler; no part of the test
runs.
"""
import copy
import os
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, load_model, save_file, save_model

import torch_networks as networks

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
build = sys.argv[1] if len(sys.argv) > 1 else os.path.join(root, "build", "release")

CASES = {
    "mlp": ("dense:128 relu dense:10", networks.mlp, lambda: torch.rand(64, 784), 10),
    "mnist-cnn": ("mnist-cnn", networks.MnistCnn, lambda: torch.rand(64, 28, 28), 10),
    "resnet20": ("resnet20", networks.ResNet20, lambda: torch.rand(32, 3, 32, 32), 10),
    "char-lstm": ("char-lstm", networks.CharLstm, lambda: torch.randint(0, 65, (50, 50)), 65),
    "char-gpt": ("char-gpt", networks.CharGpt, lambda: torch.randint(0, 65, (12, 64)), 65),
}


def compile_program(path):
    source = os.path.join(root, "tests", "interop", "interop.c")
    include = os.path.join(root, "include")
    libraries = ["-llapacke", "-lopenblas", "-ljansson", "-lz", "-lpthread", "-lm"]
    archive = os.path.join(build, "libblasgrad.a")
    subprocess.run(["cc", "-std=c11", "-O1", f"-I{include}", source, archive, "-o", path, *libraries], check=True)


def distance(a, b):
    """The largest difference, relative to the largest element of b where that is above 1."""
    return ((a - b).abs().max() / b.abs().max().clamp(min=1)).item() if a.numel() else 0.0


def take_step(net, optimizer, x, y):
    optimizer.zero_grad()
    networks.cross_entropy(net.train()(x), y).backward()
    optimizer.step()


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)


def farthest(state, reference):
    apart = {key: distance(state[key].double(), value.double()) for key, value in reference.items()}
    name = max(apart, key=apart.get)
    return apart[name], name


def run(program, folder, name):
    line, make, inputs, classes = CASES[name]
    torch.manual_seed(1)
    net, x = make(), inputs()
    y = torch.randint(0, classes, x.shape if x.dtype == torch.int64 else x.shape[:1])
    optimizer = sgd(net)
    for _ in range(20):
        take_step(net, optimizer, x, y)
    files = [os.path.join(folder, f"{name}-{part}.safetensors") for part in ("state", "batch", "logits", "stepped")]
    save_model(net, files[0])
    save_file({"x": x, "y": y}, files[1])
    subprocess.run([program, line, *files], check=True)

    with torch.no_grad():
        logits = distance(load_file(files[2])["logits"], net.eval()(x))
    exact = copy.deepcopy(net).double()
    take_step(exact, sgd(exact), x.double() if x.is_floating_point() else x, y)
    take_step(net, sgd(net), x, y)
    loaded = make()
    load_model(loaded, files[3], strict=True)
    apart, worst = farthest(loaded.state_dict(), net.state_dict())
    ours, theirs = (farthest(n.state_dict(), exact.state_dict())[0] for n in (loaded, net))
    passes = logits <= 1e-5 and apart <= 1e-6
    print(f"{name:10s} logits within {logits:.1e}   after a step within {apart:.1e} ({worst}); from f64: here {ours:.1e}, "
          f"PyTorch {theirs:.1e}   loaded back strictly   {'ok' if passes else 'FAILED'}", flush=True)
    return passes


with tempfile.TemporaryDirectory() as folder:
    program = os.path.join(folder, "interop")
    compile_program(program)
    results = [run(program, folder, name) for name in CASES]
sys.exit(0 if all(results) else 1)
