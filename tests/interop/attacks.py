"""Attacks against the same network with the same weights in PyTorch, in f64: run by hand.

    python tests/interop/attacks.py PROGRAM MNIST_FOLDER [MODEL]

MNIST_FOLDER holds the ten thousand test images, of which the last tenth is attacked. References are written from the papers;
where torchattacks can be imported, its robust accuracy stands beside them."""
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file

program, folder = sys.argv[1:3]
model_line = sys.argv[3] if len(sys.argv) > 3 else "dense:128 relu dense:10"
work = pathlib.Path(tempfile.mkdtemp())
torch.set_num_threads(1)
torch.manual_seed(1)
failures = 0


def blasgrad(*arguments):
    result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}: {result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def check(text, is_right):
    global failures
    failures += not is_right
    print(("ok      " if is_right else "FAILED  ") + text)


blasgrad("train", "--data", folder, "--model", model_line, "--dtype", "f64", "--epochs", 6, "--lr", 0.1, "--batch", 64,
         "--out", work / "run", "--json")
checkpoint = work / "run" / "best.safetensors"


class Line(nn.Module):
    """The words of a layer line that this script knows."""

    def __init__(self, line, weights):
        super().__init__()
        self.words, self.weights = line.split(), weights

    def forward(self, x):
        for i, word in enumerate(self.words):
            w, b = self.weights.get(f"{i}.weight"), self.weights.get(f"{i}.bias")
            if word.startswith("dense"):
                x = F.linear(x.flatten(1), w, b)
            elif word.startswith("conv"):
                x = F.conv2d(x[:, None] if x.dim() == 3 else x, w, b)
            elif word.startswith("max_pool"):
                x = F.max_pool2d(x, int(word.split(":")[1]))
            else:
                x = getattr(torch, word)(x)
        return x


net = Line(model_line, load_file(checkpoint))


def attack(*arguments, limit=1000):
    """The inputs that come out, and the events by method."""
    events = blasgrad("attack", "--checkpoint", checkpoint, "--save", work / "x.npy", "--json", "--limit", limit, *arguments)
    return (torch.from_numpy(np.load(work / "x.npy").astype(np.float64)),
            {e["method"]: e for e in events if e["event"] == "attack"})




def read(kind, offset):
    path = next(pathlib.Path(folder).glob(f"t10k-{kind}*"))
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return np.frombuffer(data[offset:], np.uint8)


images = read("images", 16)
x = torch.from_numpy(images.reshape(-1, 28, 28)[9000:].astype(np.float64) / 255)
y = torch.from_numpy(read("labels", 8)[9000:].astype(np.int64))
clean, _ = attack("--method", "fgsm", "--eps", 0)
check("the inputs are the same", torch.equal(clean, x))
right = net(x).argmax(1) == y


def gradient(loss, at):
    at = at.clone().requires_grad_(True)
    return torch.autograd.grad(loss(net(at)), at)[0]


def by_example(v):
    return v.flatten(1).norm(dim=1)[:, None, None]


# ---- One step and ten steps from the input: element by element ----
def climb(eps, step, steps, norm):
    at = x.clone()
    for _ in range(steps):
        g = gradient(lambda z: F.cross_entropy(z, y, reduction="sum"), at)
        if norm == "linf":
            at = at + step * g.sign()
            at = torch.minimum(torch.maximum(at, x - eps), x + eps)
        else:
            at = at + step * g / by_example(g)
            at = x + (at - x) * torch.clamp(eps / by_example(at - x), max=1)
        at = at.clamp(0, 1)
    return at


for norm, eps in ("linf", 0.1), ("l2", 1.0):
    for name, method, step, steps in ("FGSM", "fgsm", eps, 1), ("PGD of 10 steps", "bim", 2.5 * eps / 10, 10):
        arguments = ["--method", method, "--eps", eps, "--norm", norm]
        arguments += ["--steps", steps, "--step-size", step] if steps > 1 else []
        ours, _ = attack(*arguments)
        theirs = climb(eps, step, steps, norm)
        differ = ((ours - theirs).abs() > 1e-5)[right]
        share = 100 * (1 - differ.double().mean().item())
        check(f"{name} {norm}: {share:.4f} % of {differ.numel()} elements are equal to 1e-5, {int(differ.sum())} are not, in "
              f"{int(differ.flatten(1).any(1).sum())} of {int(right.sum())} examples", share >= 99.99)


# ---- Robust accuracy ----
def reference_apgd(eps, loss_of, steps=100):
    """Croce, Hein, 2020, algorithm 1, Linf."""
    project = lambda v: torch.minimum(torch.maximum(v, x - eps), x + eps).clamp(0, 1)

    def look(at):
        at = at.clone().requires_grad_(True)
        z = net(at)
        loss = loss_of(z)
        return loss.detach(), torch.autograd.grad(loss.sum(), at)[0], z.argmax(1) != y

    at = project(x + eps * (2 * torch.rand_like(x) - 1))
    loss, g, fooled = look(at)
    best, best_g, best_loss, before = at.clone(), g.clone(), loss.clone(), at.clone()
    step = torch.full((len(x), 1, 1), 2 * eps, dtype=torch.float64)
    losses, checked, halved = [loss], loss.clone(), torch.ones(len(x), dtype=torch.bool)
    period, since = max(int(0.22 * steps), 1), 0
    for i in range(steps):
        a = 0.75 if i else 1.0
        z = project(at + step * g.sign())
        at, before = project(at + a * (z - at) + (1 - a) * (at - before)), at
        loss, g, is_fooled = look(at)
        fooled = fooled | is_fooled
        losses.append(loss)
        better = loss > best_loss
        best[better], best_g[better], best_loss[better] = at[better], g[better], loss[better]
        since += 1
        if since == period:
            increases = sum((losses[-k] > losses[-k - 1]).double() for k in range(1, period + 1))
            now = (increases <= 0.75 * period) | (~halved & (checked >= best_loss))
            halved, checked = now, best_loss.clone()
            step[now] /= 2
            at[now], g[now] = best[now], best_g[now]
            losses[-1] = torch.where(now, best_loss, losses[-1])
            period, since = max(period - max(int(0.03 * steps), 1), max(int(0.06 * steps), 1)), 0
    return (right & ~fooled).double().mean().item()


def cross_entropy(z):
    return F.cross_entropy(z, y, reduction="none")


def dlr(z):
    top = z.sort(1).values
    own = z.gather(1, y[:, None])[:, 0]
    other = torch.where(z.argmax(1) == y, top[:, -2], top[:, -1])
    return -(own - other) / (top[:, -1] - top[:, -3] + 1e-12)


def reference_pgd(eps, steps=40):
    at = x + eps * (2 * torch.rand_like(x) - 1)
    for _ in range(steps):
        at = at.clamp(0, 1)
        at = at + 2.5 * eps / steps * gradient(lambda z: F.cross_entropy(z, y, reduction="sum"), at).sign()
        at = torch.minimum(torch.maximum(at, x - eps), x + eps)
    return (right & (net(at.clamp(0, 1)).argmax(1) == y)).double().mean().item()


try:
    import torchattacks
except ImportError:
    torchattacks = None


class Channel(nn.Module):
    """torchattacks wants images with channels."""

    def forward(self, v):
        return net(v[:, 0])


def theirs_of(made):
    return made(x[:, None].clone(), y)[:, 0].detach()


def accuracy(adversarial):
    return (right & (net(adversarial).argmax(1) == y)).double().mean().item()


for eps in 0.05, 0.1:
    _, events = attack("--method", "pgd,apgd,apgd-dlr", "--eps", eps)
    references = {"pgd": reference_pgd(eps), "apgd": reference_apgd(eps, cross_entropy), "apgd-dlr": reference_apgd(eps, dlr)}
    makers = {}
    if torchattacks:
        wrapped = Channel()
        makers = {"pgd": torchattacks.PGD(wrapped, eps=eps, alpha=2.5 * eps / 40, steps=40),
                  "apgd": torchattacks.APGD(wrapped, eps=eps, steps=100, loss="ce"),
                  "apgd-dlr": torchattacks.APGD(wrapped, eps=eps, steps=100, loss="dlr")}
    for method, reference in references.items():
        ours = events[method]["accuracy"]
        text = f"{method} at {eps}: {100 * ours:.2f} %, reference {100 * reference:.2f} %"
        is_near = abs(ours - reference) <= 0.01
        if method in makers:
            other = accuracy(theirs_of(makers[method]))
            text += f", torchattacks {100 * other:.2f} %"
            is_near = is_near and abs(ours - other) <= 0.01
        check(text, is_near)


# ---- Smallest perturbations ----
LIMIT = 100


def reference_deepfool(steps=50, overshoot=0.02):
    norms = []
    for i in range(LIMIT):
        if not right[i]:
            continue
        moved, at, label = torch.zeros(28, 28, dtype=torch.float64), x[i].clone(), int(y[i])
        others = [k for k in net(at[None])[0].argsort(descending=True).tolist() if k != label][:9]
        for _ in range(steps):
            variable = at.clone().requires_grad_(True)
            z = net(variable[None])[0]
            if int(z.argmax()) != label:
                break
            rows = torch.stack([torch.autograd.grad(z[k], variable, retain_graph=True)[0] for k in [label] + others])
            w = rows[1:] - rows[0]
            f = torch.stack([z[k] - z[label] for k in others]).detach().abs()
            distances = f / w.flatten(1).norm(dim=1)
            k = int(distances.argmin())
            moved = moved + distances[k] * w[k] / w[k].norm()
            at = x[i] + (1 + overshoot) * moved
        is_fooled = int(net(at[None]).argmax()) != label
        norms.append((at - x[i]).norm().item() if is_fooled else np.inf)
    return np.array(norms)


def reference_cw(steps, rate=0.01, searches=9, c=1e-3):
    clean, label = x[:LIMIT], y[:LIMIT]
    keep = right[:LIMIT]
    c, low = torch.full((LIMIT,), c, dtype=torch.float64), torch.zeros(LIMIT, dtype=torch.float64)
    high, best = torch.full((LIMIT,), np.inf, dtype=torch.float64), torch.full((LIMIT,), np.inf, dtype=torch.float64)
    for _ in range(searches):
        w = torch.atanh((2 * clean - 1) * 0.999999).requires_grad_(True)
        optimizer = torch.optim.Adam([w], lr=rate)
        found = torch.zeros(LIMIT, dtype=torch.bool)
        for _ in range(steps):
            at = (torch.tanh(w) + 1) / 2
            z = net(at)
            own = z.gather(1, label[:, None])[:, 0]
            margin = z.scatter(1, label[:, None], -np.inf).max(1).values - own
            distance = (at - clean).flatten(1).square().sum(1)
            is_fooled = z.argmax(1) != label
            found |= is_fooled
            best = torch.where(is_fooled, torch.minimum(best, distance.detach().sqrt()), best)
            optimizer.zero_grad()
            (distance + c * (-margin).clamp(min=0)).sum().backward()
            optimizer.step()
        high, low = torch.where(found, c, high), torch.where(found, low, c)
        c = torch.where(high.isinf(), 10 * c, (low + high) / 2)
    return best[keep].numpy()


def smallest(method, *arguments):
    """Norms of the perturbations, infinite where there is none that fools."""
    ours, _ = attack("--method", method, "--norm", "l2", "--eps", 100, *arguments, limit=LIMIT)
    fooled = net(ours).argmax(1) != y[:LIMIT]
    return torch.where(fooled, (ours - x[:LIMIT]).flatten(1).norm(dim=1), torch.inf)[right[:LIMIT]].numpy()


for text, ours, reference in (
    ("DeepFool", smallest("deepfool", "--box", "none"), reference_deepfool()),
    ("C-W", smallest("cw", "--steps", 200), reference_cw(200)),
):
    counts = int(np.isfinite(ours).sum()), int(np.isfinite(reference).sum())
    both = np.isfinite(ours) & np.isfinite(reference)
    means = ours[both].mean(), reference[both].mean()
    check(f"{text}: of {len(ours)} examples {counts[0]} are fooled, by the reference {counts[1]}; mean L2 norm {means[0]:.6f}, "
          f"reference {means[1]:.6f}; largest difference {100 * np.abs(ours[both] / reference[both] - 1).max():.3f} %",
          abs(means[0] / means[1] - 1) <= 0.05 and abs(counts[0] - counts[1]) <= 1)
check("DeepFool in the box fools all of them", np.isfinite(smallest("deepfool")).all())

print(f"{failures} failures")
sys.exit(failures > 0)
