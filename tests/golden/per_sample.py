"""Gradients of each sample's loss by torch.func, of small networks, with the gradient of these gradients."""
import torch
import torch.nn.functional as F
from torch.func import grad, vmap

from records import case, classes, uniform


def gradients(loss, parameters, *data):
    """[b, all parameters' elements one after the other]"""
    each = vmap(grad(loss), in_dims=(None,) + (0,) * len(data))(tuple(parameters), *data)
    return torch.cat([g.reshape(g.shape[0], -1) for g in each], 1)


def mlp_loss(parameters, x, label):
    w1, b1, w2 = parameters
    logits = torch.tanh(x @ w1.T + b1) @ w2.T
    return torch.logsumexp(logits, 0) - (logits * (torch.arange(3) == label)).sum()


def mlp(x, labels, w1, b1, w2):
    return gradients(mlp_loss, (w1, b1, w2), x, labels.to(torch.int64))


def cnn_loss(parameters, image, target):
    kernel, bias, w = parameters
    y = torch.tanh(F.conv2d(image[None], kernel, bias, padding=1))
    y = F.max_pool2d(y, 2)
    return ((y.reshape(-1) @ w - target) ** 2).sum()


def cnn(image, target, kernel, bias, w):
    return gradients(cnn_loss, (kernel, bias, w), image, target)


def squares(of, sizes):
    def function(*inputs):
        return torch.stack([(g ** 2).sum(1) for g in of(*inputs).split(sizes, 1)])
    return function


def per_sample():
    dense = [uniform(91, 4, 5), classes(92, 4, 3), uniform(93, 6, 5, low=-1, high=1), uniform(94, 6), uniform(95, 3, 6)]
    images = [uniform(96, 3, 2, 4, 4), uniform(97, 3, 2), uniform(98, 2, 2, 3, 3, low=-0.5, high=0.5), uniform(99, 2),
              uniform(90, 8, 2, low=-1, high=1)]
    return {
        "per_sample_mlp": case("per_sample_mlp", mlp, *dense, constant=(1,)),
        "per_sample_mlp_squares": case("per_sample_mlp_squares", squares(mlp, [30, 6, 18]), *dense, constant=(1,)),
        "per_sample_cnn": case("per_sample_cnn", cnn, *images, constant=()),
        "per_sample_cnn_squares": case("per_sample_cnn_squares", squares(cnn, [36, 2, 16]), *images, constant=()),
    }


FILES = {"per_sample.txt": per_sample}
