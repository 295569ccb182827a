"""Networks of the reference workloads, tiny."""
import pathlib
import sys

import torch

from records import classes, tensor, uniform

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "interop"))
import torch_networks as networks

STEPS = 3


def pattern(name, count):
    """Numbers in [-1/2, 1/2) that follow from a name and a place alone."""
    start = sum((i + 1) * byte for i, byte in enumerate(name.encode()))
    places = torch.arange(count, dtype=torch.int64)
    return ((places * 2654435761 + start * 40503) % 2**32).double() / 2**32 - 0.5


def first_values(name, value):
    values = pattern(name, value.numel()).reshape(value.shape)
    return 1 + values if name.endswith("running_var") else values


def record(network, net, x, y, **sizes):
    net = net.double()
    state = {name: value for name, value in net.state_dict().items()
             if value.is_floating_point() and (network, name) != ("char-gpt", "o.weight")}  # tied to we.weight
    for name, value in state.items():
        value.copy_(first_values(name, value))
    fields = {"network": network, **{key: tensor(value) for key, value in sizes.items()}, "x": x, "y": y}
    x = x if x.dim() > 2 else x.long()
    with torch.no_grad():
        fields["logits"] = net.eval()(x)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    losses = []
    net.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = networks.cross_entropy(net(x), y.long())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    fields["losses"] = losses
    fields["names"] = " ".join(state)
    fields["sums"] = [(value.reshape(-1) * pattern(name + "!", value.numel())).sum().item()
                      for name, value in state.items()]
    return fields


def rows(seed, *shape, count):
    return classes(seed, shape[0] * shape[1], count).reshape(shape)


def records():
    torch.manual_seed(0)
    yield "mnist_cnn", record("mnist-cnn", networks.MnistCnn(2, 5, 8), uniform("cnn", 3, 8, 8),
                              classes("cnn classes", 3, 5), width=2, classes=5)
    yield "resnet20", record("resnet20", networks.ResNet20(2, 1, 4), uniform("resnet", 4, 3, 8, 8),
                             classes("resnet classes", 4, 4), width=2, layers=1, classes=4)
    yield "resnet20_two_blocks", record("resnet20", networks.ResNet20(3, 2, 4), uniform("resnet 2", 3, 3, 5, 7),
                                        classes("resnet 2 classes", 3, 4), width=3, layers=2, classes=4)
    yield "char_lstm", record("char-lstm", networks.CharLstm(6, 4), rows("lstm", 2, 5, count=6),
                              rows("lstm y", 2, 5, count=6), width=4, classes=6)
    yield "char_gpt", record("char-gpt", networks.CharGpt(6, 7, 2, 2, 8), rows("gpt", 2, 5, count=6),
                             rows("gpt y", 2, 5, count=6), width=8, layers=2, heads=2, context=7, classes=6)


FILES = {"nn/networks.txt": lambda: dict(records())}
