"""Compares `--optimizer lm` with scipy.optimize.least_squares, by MINPACK's LM and by trust regions: the loss that each ends with,
and Jacobians on the way, on small networks from the same first values.

    python3 tests/interop/least_squares.py build/release/blasgrad [SEEDS]

Needs NumPy, SciPy and safetensors. The data are Friedman's first problem, 200 rows with noise of a deviation of 0.1 beside a target
of 1. Networks have many minima: fails unless the median over seeds of the losses is at most 1.05 times the lower of SciPy's two
medians.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import save_file
from scipy.optimize import least_squares

program, seeds = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 10
ROWS, INPUTS = 200, 5


def table(seed):
    random = np.random.default_rng(seed)
    x = random.uniform(size=(ROWS, INPUTS))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return x, (y - 14.4) / 5 + 0.1 * random.normal(size=ROWS)


def first_values(hidden, seed):
    random = np.random.default_rng(1000 + seed)
    shapes = {"0.weight": (hidden, INPUTS), "0.bias": (hidden,), "2.weight": (1, hidden), "2.bias": (1,)}
    return {name: random.uniform(-1, 1, shape) / np.sqrt(INPUTS if name[0] == "0" else hidden)
            for name, shape in shapes.items()}


def by_scipy(x, y, start, method):
    hidden = len(start["0.bias"])
    cuts = np.cumsum([hidden * INPUTS, hidden, hidden])

    def parts(p):
        w, b, v, c = np.split(p, cuts)
        return w.reshape(hidden, INPUTS), b, v, c

    def residuals(p):
        w, b, v, c = parts(p)
        return np.tanh(x @ w.T + b) @ v + c - y

    def jacobian(p):
        w, b, v, _ = parts(p)
        h = np.tanh(x @ w.T + b)
        inner = (1 - h**2) * v
        return np.hstack([(inner[:, :, None] * x[:, None, :]).reshape(ROWS, -1), inner, h, np.ones((ROWS, 1))])

    p = np.concatenate([start[name].ravel() for name in ("0.weight", "0.bias", "2.weight", "2.bias")])
    found = least_squares(residuals, p, jac=jacobian, method=method, max_nfev=2000)
    return 2 * found.cost / ROWS, found.njev if found.njev else found.nfev


def by_blasgrad(x, y, start, folder):
    folder = pathlib.Path(folder)
    np.savetxt(folder / "table.csv", np.column_stack([x, y]), delimiter=",", fmt="%.17g",
               header=",".join([f"x{j}" for j in range(INPUTS)] + ["y"]), comments="")
    save_file(start, folder / "first.safetensors")
    lines = subprocess.run([program, "train", "--data", folder / "table.csv", "--target", "y", "--optimizer", "lm", "--dtype", "f64",
                            "--model", f"dense:{len(start['0.bias'])} tanh dense:1", "--init", folder / "first.safetensors",
                            "--epochs", "2000", "--json"], check=True, capture_output=True, text=True).stdout.splitlines()
    done = json.loads(lines[-1])
    return done["train_loss"], done["steps"]


failures = 0
print(f"{'network':18} {'':10} {'median loss':>12} {'lowest':>10} {'Jacobians':>10}")
for hidden in (3, 6, 10):
    found = {"blasgrad": [], "scipy lm": [], "scipy trf": []}
    for seed in range(seeds):
        (x, y), start = table(seed), first_values(hidden, seed)
        with tempfile.TemporaryDirectory() as folder:
            found["blasgrad"].append(by_blasgrad(x, y, start, folder))
        for method in ("lm", "trf"):
            found[f"scipy {method}"].append(by_scipy(x, y, start, method))
    medians = {}
    for name, results in found.items():
        losses, steps = zip(*results)
        medians[name] = np.median(losses)
        print(f"{f'5-{hidden}-1 tanh':18} {name:10} {medians[name]:12.6g} {min(losses):10.4g} {np.median(steps):10g}")
    failures += not medians["blasgrad"] <= 1.05 * min(medians["scipy lm"], medians["scipy trf"])
sys.exit(f"{failures} networks end higher than SciPy's" if failures else 0)
