"""Certificates against NumPy and SciPy.

  python3 tests/interop/certify.py                 the tables of tests/test_certificates.c
  python3 tests/interop/certify.py PROGRAM FOLDER  the program against interval propagation and smoothing in f64

The second trains a network on a table that it writes to the folder, and certifies every example both ways.
"""
import json
import os
import subprocess
import sys

import numpy as np
from scipy.stats import beta, binomtest, norm


def print_tables():
    print("/* k, n, alpha, beta.ppf(alpha, k, n - k + 1) */")
    for k, n, alpha in ((1, 1, 0.05), (1, 10, 0.001), (5, 10, 0.5), (10, 10, 0.001), (99, 100, 0.001),
                        (550, 1000, 0.001), (999, 1000, 0.001), (1, 100000, 0.001), (51000, 100000, 0.001),
                        (99999, 100000, 0.001), (100000, 100000, 0.001), (700000, 1000000, 1e-6)):
        print(f"    {{ {k}, {n}, {alpha!r}, {beta.ppf(alpha, k, n - k + 1):.17g} }},")
    print("/* p, a, b, beta.ppf(p, a, b) */")
    for p, a, b in ((0.3, 0.5, 0.5), (0.9, 2.5, 7), (1e-6, 3, 0.2), (0.5, 40, 60), (0.999, 1, 1)):
        print(f"    {{ {p!r}, {a!r}, {b!r}, {beta.ppf(p, a, b):.17g} }},")
    print("/* k, n, binomtest(k, n).pvalue */")
    for k, n in ((5, 10), (8, 10), (60, 100), (10, 10), (5200, 10000), (50, 99)):
        print(f"    {{ {k}, {n}, {binomtest(k, n).pvalue:.17g} }},")
    print("/* p, norm.ppf(p) */")
    for p in (0.5, 0.50001, 0.75, 0.999, 0.9999999, 1e-12, 0.1):
        print(f"    {{ {p!r}, {norm.ppf(p):.17g} }},")


LAYERS = ((0, lambda x: np.maximum(x, 0)), (2, np.tanh), (4, lambda x: x))
EPS = (0.01, 0.03, 0.1)
SIGMA, SAMPLES, ALPHA = 0.2, 1000, 0.001


def weights(path):
    from safetensors.numpy import load_file
    tensors = load_file(path)
    names = sorted({name.rsplit(".", 1)[0] for name in tensors if name.endswith(".weight") and
                    not name.startswith("optimizer")})
    return [(tensors[f"{name}.weight"].astype(float), tensors[f"{name}.bias"].astype(float)) for name in names]


def scores(x, layers):
    for (w, b), (_, activation) in zip(layers, LAYERS):
        x = activation(x @ w.T + b)
    return x


def certified(x, labels, layers, eps):
    low, high = np.clip(x - eps, 0, 1), np.clip(x + eps, 0, 1)
    for (w, b), (_, activation) in zip(layers[:-1], LAYERS):
        middle, radius = (low + high) / 2 @ w.T + b, (high - low) / 2 @ np.abs(w).T
        low, high = activation(middle - radius), activation(middle + radius)
    w, b = layers[-1]
    difference = w[None] - w[labels][:, None]
    most = (np.einsum("nk,njk->nj", (low + high) / 2, difference) + b - b[labels][:, None] +
            np.einsum("nk,njk->nj", (high - low) / 2, np.abs(difference)))
    most[np.arange(len(x)), labels] = -np.inf
    return np.mean(most.max(1) < 0)


def smoothed(x, labels, layers, radii):
    generator, found = np.random.default_rng(1), np.zeros(len(radii))
    for row, label in zip(x, labels):
        noisy = row + SIGMA * generator.standard_normal((100 + SAMPLES, len(row)))
        answers = scores(noisy, layers).argmax(1)
        top = np.bincount(answers[:100]).argmax()
        k = np.sum(answers[100:] == top)
        p = beta.ppf(ALPHA, k, SAMPLES - k + 1) if k else 0
        if p > 0.5 and top == label:
            found += SIGMA * norm.ppf(p) >= np.array(radii)
    return found / len(x)


def run(program, *arguments):
    out = subprocess.run([program, *arguments, "--json"], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def compare(program, folder):
    generator = np.random.default_rng(0)
    centres = generator.uniform(0.2, 0.8, (3, 8))
    labels = np.arange(600) % 3
    x = np.clip(centres[labels] + 0.12 * generator.standard_normal((600, 8)), 0, 1).astype(np.float32)
    table, out = os.path.join(folder, "table.csv"), os.path.join(folder, "run")
    with open(table, "w") as file:
        file.write("a,b,c,d,e,f,g,h,class\n")
        for row, label in zip(x, labels):
            file.write(",".join(f"{v:.9g}" for v in row) + f",{label}\n")
    run(program, "train", "--data", table, "--classes", "--model", "dense:16 relu dense:12 tanh dense:3", "--lr", "0.1",
        "--epochs", "30", "--out", out)
    checkpoint = os.path.join(out, "best.safetensors")
    if not os.path.exists(checkpoint):
        checkpoint = os.path.join(out, "last.safetensors")
    layers, x = weights(checkpoint), x.astype(float)
    numbers = [str(e) for e in EPS]
    events = run(program, "certify", "--checkpoint", checkpoint, "--eps", ",".join(numbers))
    for eps, event in zip(EPS, events):
        print(f"interval  eps {eps:<5} program {event['certified_accuracy']:.4f}  NumPy "
              f"{certified(x, labels, layers, eps):.4f}")
    radii = (0, 0.1, 0.2, 0.4)
    events = run(program, "certify", "--checkpoint", checkpoint, "--method", "smoothing", "--sigma", str(SIGMA),
                 "--samples", str(SAMPLES), "--alpha", str(ALPHA), "--eps", ",".join(str(r) for r in radii))
    for radius, event, other in zip(radii, events, smoothed(x, labels, layers, radii)):
        print(f"smoothing eps {radius:<5} program {event['certified_accuracy']:.4f}  NumPy {other:.4f}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        compare(sys.argv[1], sys.argv[2])
    else:
        print_tables()
