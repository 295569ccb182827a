"""The networks of the reference workloads in PyTorch, with the parameter names that blasgrad's have."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class MnistCnn(nn.Module):
    def __init__(self, width=32, classes=10, image=28):
        super().__init__()
        self.c1 = nn.Conv2d(1, width, 3)
        self.c2 = nn.Conv2d(width, 2 * width, 3)
        self.f1 = nn.Linear(2 * width * ((image - 4) // 2) ** 2, 4 * width)
        self.f2 = nn.Linear(4 * width, classes)

    def forward(self, x):
        if x.dim() == 3:
            x = x[:, None]
        x = F.max_pool2d(F.relu(self.c2(F.relu(self.c1(x)))), 2).flatten(1)
        return self.f2(F.relu(self.f1(x)))


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.c1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.b1 = nn.BatchNorm2d(o)
        self.c2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.b2 = nn.BatchNorm2d(o)
        fits = stride == 1 and i == o
        self.sc = nn.Sequential() if fits else nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        return F.relu(self.b2(self.c2(F.relu(self.b1(self.c1(x))))) + self.sc(x))


class ResNet20(nn.Module):
    def __init__(self, width=16, layers=3, classes=10):
        super().__init__()
        self.c = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.b = nn.BatchNorm2d(width)
        blocks, i = [], width
        for stage in range(3):
            for k in range(layers):
                o = width << stage
                blocks.append(Block(i, o, 2 if k == 0 and stage > 0 else 1))
                i = o
        self.l = nn.Sequential(*blocks)
        self.f = nn.Linear(i, classes)

    def forward(self, x):
        return self.f(self.l(F.relu(self.b(self.c(x)))).mean((2, 3)))


class CharLstm(nn.Module):
    def __init__(self, classes=65, width=256, layers=2):
        super().__init__()
        self.e = nn.Embedding(classes, width)
        self.r = nn.LSTM(width, width, layers, batch_first=True)
        self.o = nn.Linear(width, classes)

    def forward(self, x):
        return self.o(self.r(self.e(x))[0])


class GptBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.n1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.p = nn.Linear(width, width)
        self.n2 = nn.LayerNorm(width)
        self.f = nn.Linear(width, 4 * width)
        self.g = nn.Linear(4 * width, width)

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = (part.view(n, t, self.heads, width // self.heads).transpose(1, 2)
                   for part in self.qkv(self.n1(x)).split(width, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, t, width)
        x = x + self.p(y)
        return x + self.g(F.gelu(self.f(self.n2(x)), approximate="tanh"))


class CharGpt(nn.Module):
    def __init__(self, classes=65, context=64, layers=4, heads=4, width=128):
        super().__init__()
        self.we = nn.Embedding(classes, width)
        self.pe = nn.Embedding(context, width)
        self.b = nn.Sequential(*[GptBlock(width, heads) for _ in range(layers)])
        self.n = nn.LayerNorm(width)
        self.o = nn.Linear(width, classes, bias=False)
        self.o.weight = self.we.weight

    def forward(self, x):
        return self.o(self.n(self.b(self.we(x) + self.pe(torch.arange(x.shape[1])))))


def mlp():
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def cross_entropy(scores, classes):
    return F.cross_entropy(scores.reshape(-1, scores.shape[-1]), classes.reshape(-1))
