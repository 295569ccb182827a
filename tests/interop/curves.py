"""char-gpt and char-lstm on a text, here and in PyTorch, from the same first values on the same batches:
    python tests/interop/curves.py TEXT [MODEL [STEPS [LR]]]

PyTorch makes the first values and saves them; both take steps of SGD with momentum 0.9 on windows of the text in the
order of tests/interop/order.py (seed 0). The mean training loss of each 50 steps is printed beside each other. Needs torch,
safetensors, numpy and xxhash, and build/release; no part of the test runs.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import torch
from safetensors.torch import save_model

import torch_networks as networks
from order import batches

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
text = sys.argv[1]
models = sys.argv[2:3] or ["char-gpt", "char-lstm"]
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 500
SETTINGS = {"char-gpt": (64, 12, 0.01), "char-lstm": (50, 50, 0.5)}  # context, batch, learning rate
EVERY = 50


def windows(context):
    """As bg_data_read_text: the first nine tenths; example i is tokens i context, .. and those one further on."""
    characters = open(text, encoding="utf-8", newline="").read()
    numbers = {c: i for i, c in enumerate(sorted(set(characters)))}
    tokens = torch.tensor([numbers[c] for c in characters])
    train = len(tokens) - int(0.1 * len(tokens) + 0.5)
    n = (train - 1) // context
    return tokens[:n * context].view(n, context), tokens[1:n * context + 1].view(n, context), len(numbers)


def losses_of_torch(net, x, y, batch, lr):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    losses = []
    for step, rows in zip(range(steps), batches(len(x), batch, 0)):
        if step % EVERY == 0:
            print(f"  PyTorch: {step} steps", file=sys.stderr)
        optimizer.zero_grad()
        loss = networks.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [sum(losses[i:i + EVERY]) / EVERY for i in range(0, steps, EVERY)]


def losses_of_blasgrad(path, model, context, batch, lr):
    command = [os.path.join(root, "build", "release", "blasgrad"), "train", "--data", text, "--context", str(context),
               "--model", model, "--init", path, "--batch", str(batch), "--lr", str(lr), "--momentum", "0.9",
               "--epochs", "1000", "--steps", str(steps), "--log-every", str(EVERY), "--json"]
    print(" ".join(command))
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [event["train_loss"] for event in map(json.loads, lines) if event["event"] == "steps"]


failed = False
for model in models:
    context, batch, lr = SETTINGS[model]
    lr = float(sys.argv[4]) if len(sys.argv) > 4 else lr
    x, y, classes = windows(context)
    torch.manual_seed(0)
    net = networks.CharGpt(classes, context) if model == "char-gpt" else networks.CharLstm(classes)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "first.safetensors")
        save_model(net, path)
        start = time.time()
        ours = losses_of_blasgrad(path, model, context, batch, lr)
    middle = time.time()
    theirs = losses_of_torch(net, x, y, batch, lr)
    print(f"{model}: {steps} steps in {middle - start:.0f} s here (with reading and the test), "
          f"{time.time() - middle:.0f} s in PyTorch")
    for i, (a, b) in enumerate(zip(ours, theirs)):
        print(f"  steps {i * EVERY + 1:4d} to {(i + 1) * EVERY:4d}   here {a:.6f}   PyTorch {b:.6f}   {a / b - 1:+.3%}")
    failed = failed or abs(ours[-1] / theirs[-1] - 1) > 0.01
sys.exit(failed)
