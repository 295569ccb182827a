"""The reference workloads in PyTorch."""
import torch
from torch import nn
import torch.nn.functional as F

from torch_matrices import matrices
from workloads import CharLstm, Gmm, Gpt, Hvp, Kmeans, Llsq, Lse, Lstm, Matrices, Mlp, MnistCnn, Resnet20

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


def mlp(workload, variant):
    layers = []
    for n, m in zip(workload.sizes, workload.sizes[1:]):
        layers += [nn.Linear(n, m), ACTIVATIONS[workload.activation]()]
    return nn.Sequential(*layers[:-1])


class MnistNetwork(nn.Module):
    def __init__(self, workload, variant):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.f1, self.f2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c2(F.relu(self.c1(x)))), 2)
        return self.f2(F.relu(self.f1(x.flatten(1))))


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.c2, self.b2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.sc = nn.Sequential()
        if inputs != outputs:
            self.sc = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return F.relu(self.b2(self.c2(F.relu(self.b1(self.c1(x))))) + self.sc(x))


class ResidualNetwork(nn.Module):
    def __init__(self, workload, variant):
        super().__init__()
        self.c, self.b = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.l = nn.Sequential(*(ResidualBlock(*sizes) for sizes in workload.blocks))
        self.f = nn.Linear(64, 10)

    def forward(self, x):
        return self.f(self.l(F.relu(self.b(self.c(x)))).mean((2, 3)))


class LstmNetwork(nn.Module):
    def __init__(self, workload, variant):
        super().__init__()
        self.batch_first = variant == "batch-first"
        self.e = nn.Embedding(workload.vocabulary, workload.width)
        self.r = nn.LSTM(workload.width, workload.width, workload.layers, batch_first=self.batch_first)
        self.o = nn.Linear(workload.width, workload.vocabulary)

    def forward(self, x):
        x = x if self.batch_first else x.t()
        y = self.o(self.r(self.e(x))[0])
        return y if self.batch_first else y.transpose(0, 1)


class GptBlock(nn.Module):
    def __init__(self, workload, variant):
        super().__init__()
        width = workload.width
        self.heads, self.fused = workload.heads, variant == "fused-attention"
        self.n1, self.qkv, self.p = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.n2, self.f, self.g = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        future = torch.ones(workload.context, workload.context, dtype=torch.bool).triu(1)
        self.register_buffer("future", future, persistent=False)

    def attention(self, q, k, v):
        if self.fused:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        return torch.softmax(scores.masked_fill(self.future, -torch.inf), -1) @ v

    def forward(self, x):
        n, t, width = x.shape
        parts = self.qkv(self.n1(x)).split(width, 2)
        y = self.attention(*(part.view(n, t, self.heads, width // self.heads).transpose(1, 2) for part in parts))
        x = x + self.p(y.transpose(1, 2).reshape(n, t, width))
        return x + self.g(F.gelu(self.f(self.n2(x)), approximate="tanh"))


class GptNetwork(nn.Module):
    def __init__(self, workload, variant):
        super().__init__()
        self.we = nn.Embedding(workload.vocabulary, workload.width)
        self.pe = nn.Embedding(workload.positions, workload.width)
        self.b = nn.Sequential(*(GptBlock(workload, variant) for _ in range(workload.layers)))
        self.n = nn.LayerNorm(workload.width)
        self.register_buffer("places", torch.arange(workload.context), persistent=False)

    def forward(self, x):
        return F.linear(self.n(self.b(self.we(x) + self.pe(self.places))), self.we.weight)


NETWORKS = {Mlp: mlp, MnistCnn: MnistNetwork, Resnet20: ResidualNetwork, CharLstm: LstmNetwork, Gpt: GptNetwork}


def cross_entropy(logits, classes):
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), classes.reshape(-1))


LOSSES = {"cross_entropy": cross_entropy, "bce_with_logits": F.binary_cross_entropy_with_logits}


def network_of(workload, variant):
    """The network with the workload's weights, in training mode."""
    network = NETWORKS[type(workload)](workload, variant)
    if variant == "channels-last":
        network = network.to(memory_format=torch.channels_last)
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for name, array in workload.parameters():
            parameters.pop(name).copy_(torch.from_numpy(array))
    if parameters:
        raise RuntimeError(f"no weights for {', '.join(parameters)}")
    return network


def data_of(workload, variant):
    tensors = [torch.from_numpy(array) for array in workload.data()]
    if variant == "channels-last":
        tensors[0] = tensors[0].contiguous(memory_format=torch.channels_last)
    return tensors


# ---- Functions without an update: each gives a function that returns the value and a list of results ----

def gradient_of(objective, workload, compiled):
    parameters = {name: torch.from_numpy(array).requires_grad_() for name, array in workload.parameters()}
    function = torch.compile(objective) if compiled else objective

    def evaluate():
        value = function(**parameters)
        return value, torch.autograd.grad(value, list(parameters.values()))

    return evaluate


def gmm(workload, variant, compiled):
    x, = data_of(workload, variant)
    k, d = workload.components, workload.dimension
    rows, columns = (torch.from_numpy(index) for index in workload.lower)
    # Where the numbers of a factor lie in its matrix.
    places = torch.cat([torch.arange(d) * (d + 1), rows * d + columns])

    def objective(alphas, means, factors):
        logs, lower = factors[:, :d], factors[:, d:]
        diagonal, sums = logs.exp(), logs.sum(1)
        q = torch.zeros(k, d * d, dtype=x.dtype).index_copy(1, places, torch.cat([diagonal, lower], 1)).view(k, d, d)
        if variant == "centred":
            distances = torch.bmm(x - means[:, None], q.transpose(1, 2)).square().sum(2).t()
        else:
            y = (x @ q.view(k * d, d).t()).view(-1, k, d) - torch.bmm(q, means[:, :, None])[:, :, 0]
            distances = y.square().sum(2)
        likelihood = torch.logsumexp(alphas + sums - 0.5 * distances, 1).sum() - len(x) * torch.logsumexp(alphas, 0)
        prior = 0.5 * workload.gamma ** 2 * (diagonal.square().sum() + lower.square().sum())
        return likelihood - prior + workload.wishart_m * sums.sum() + workload.constant

    return gradient_of(objective, workload, compiled)


def lse(workload, variant, compiled):
    return gradient_of(lambda x: torch.logsumexp(x, 0), workload, compiled)


def llsq(workload, variant, compiled):
    t, = data_of(workload, variant)

    def powers(t, count):
        return torch.cat([torch.ones_like(t)[:, None], t[:, None].expand(-1, count - 1)], 1).cumprod(1)

    def objective(x):
        if variant == "product":
            y = powers(t, len(x)) @ x
        else:
            parts = x.view(-1, workload.few)
            y = ((powers(t, workload.few) @ parts.t()) * powers(t ** workload.few, len(parts))).sum(1)
        return 0.5 * (t.sign() - y).square().sum()

    return gradient_of(objective, workload, compiled)


def kmeans(workload, variant, compiled):
    points, = data_of(workload, variant)
    centroids = torch.from_numpy(dict(workload.parameters())["centroids"])
    ones, squares = torch.ones_like(centroids), points.square().sum(1)

    def objective(centroids):
        distances = centroids.square().sum(1) - 2 * (points @ centroids.t())
        if variant == "least":
            return (squares + distances.amin(1)).sum()
        return (points - centroids[distances.detach().argmin(1)]).square().sum()

    def product(centroids):
        (gradient, value), (diagonal, _) = torch.func.jvp(torch.func.grad_and_value(objective), (centroids,), (ones,))
        return value, gradient, gradient / diagonal
    product = torch.compile(product) if compiled else product

    def evaluate():
        value, *results = product(centroids)
        return value, results

    return evaluate


def lstm(workload, variant, compiled):
    state, sequence = data_of(workload, variant)
    layers, d, steps = workload.layers, workload.width, len(sequence) - 1

    def by_steps(inputs, weights, biases):
        hidden, cells, outputs = list(state[0::2]), list(state[1::2]), []
        for x in inputs.unbind():
            for i in range(layers):
                w, b = weights[i], biases[i]
                forget, out = torch.sigmoid(x * w[0::2] + b[0::2])
                sums = hidden[i] * w[1::2] + b[1::2]
                cells[i] = cells[i] * forget + torch.sigmoid(sums[0]) * torch.tanh(sums[1])
                x = hidden[i] = out * torch.tanh(cells[i])
            outputs.append(x)
        return torch.stack(outputs)

    def by_layers(x, weights, biases):
        for i in range(layers):
            w, b = weights[i].unbind(), biases[i].unbind()
            forget, out = (torch.sigmoid(x * w[g] + b[g]).unbind() for g in (0, 2))
            hidden, cell, outputs = state[2 * i], state[2 * i + 1], []
            for t in range(steps):
                gate, change = torch.addcmul(b[1], hidden, w[1]), torch.addcmul(b[3], hidden, w[3])
                cell = torch.addcmul(torch.sigmoid(gate) * torch.tanh(change), cell, forget[t])
                hidden = out[t] * torch.tanh(cell)
                outputs.append(hidden)
            x = torch.stack(outputs)
        return x

    def objective(main, extra):
        parts = main.view(layers, 2, 4, d)
        run = by_steps if variant == "steps" else by_layers
        y = run(sequence[:-1] * extra[0], parts[:, 0], parts[:, 1]) * extra[1] + extra[2]
        return -(sequence[1:] * (y - torch.log(2 + y.exp().sum(1, keepdim=True)))).mean()

    return gradient_of(objective, workload, compiled)


def hvp(workload, variant, compiled):
    network = network_of(workload.network, "plain")
    x, target = data_of(workload, variant)
    parameters = dict(network.named_parameters())
    vector = {name: torch.from_numpy(array) for name, array in workload.vector()}
    loss = LOSSES[workload.network.loss]

    if variant == "double-backward":
        def product():
            gradient = torch.autograd.grad(loss(network(x), target), parameters.values(), create_graph=True)
            return torch.autograd.grad(gradient, parameters.values(), vector.values())
    else:
        values = {name: parameter.detach() for name, parameter in parameters.items()}
        gradient = torch.func.grad(lambda p: loss(torch.func.functional_call(network, p, (x,)), target))

        def product():
            return torch.func.jvp(gradient, (values,), (vector,))[1].values()
    product = torch.compile(product) if compiled else product

    def evaluate():
        results = list(product())
        # The loss of this quadratic form, a tenth of a per cent of the work.
        return 0.5 * sum(torch.dot(a.view(-1), b.view(-1)) for a, b in zip(results, vector.values())), results

    return evaluate


FUNCTIONS = {Gmm: gmm, Hvp: hvp, Kmeans: kmeans, Llsq: llsq, Lse: lse, Lstm: lstm, Matrices: matrices}
