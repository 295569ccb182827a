"""Layer lines: networks as torch.nn.Sequential, and every activation."""
import torch
from torch import nn

from layers import fill
from records import tensor, uniform


class Line(nn.Sequential):
    """Sequential, which goes on with the first of several results."""

    def forward(self, x):
        for module in self:
            x = module(x)
            x = x[0] if isinstance(x, tuple) else x
        return x


class Dense(nn.Linear):
    """Linear behind an image: what a line flattens by itself is no module of its own."""

    def forward(self, x):
        return super().forward(x.flatten(1))


class Gray(nn.Conv2d):
    def forward(self, x):
        return super().forward(x[:, None])


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class SelfAttention(nn.MultiheadAttention):
    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return super().forward(x, x, x, need_weights=False, attn_mask=mask)[0]


class Positions(nn.Embedding):
    def forward(self, x):
        return x + self.weight[:x.shape[1]]


def line(text, x, *modules, classes=False):
    module = Line(*modules).double().eval()
    fill(module, text)
    with torch.no_grad():
        y = module(x.long() if classes else x)
    fields = {"line": text, "classes": float(classes)}
    fields.update({f"state.{key}": value.double() for key, value in module.state_dict().items()})
    fields["x0"], fields["y"] = x, y
    return fields


def lines():
    image = uniform(61, 2, 2, 4, 4)
    gray = uniform(62, 2, 4, 4)
    vectors = uniform(63, 3, 4)
    words = tensor([[0.0, 2, 1], [3, 3, 0]])
    sequence = uniform(64, 2, 3, 4)
    made = [
        line("dense:3 relu dense:2:nobias", vectors, nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2, bias=False)),
        line("conv:3:3:pad=same batch_norm relu max_pool:2 dropout:0.5 dense:2", image,
             nn.Conv2d(2, 3, 3, padding="same"), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(),
             Dense(12, 2)),
        line("conv:2:3x2:stride=2x1:pad=1x0:nobias avg_pool:2:stride=1:pad=1:ceil flatten dense:1", gray,
             Gray(1, 2, (3, 2), stride=(2, 1), padding=(1, 0), bias=False),
             nn.AvgPool2d(2, 1, 1, True), nn.Flatten(), nn.Linear(24, 1)),
        line("conv:4:1:groups=2 conv:2:2:dilation=2:pad=1:reflect conv:2:1 conv:2:3:pad=1:circular "
             "conv:2:2:pad=1:replicate adaptive_avg_pool:2x1 adaptive_max_pool:1", image,
             nn.Conv2d(2, 4, 1, groups=2), nn.Conv2d(4, 2, 2, dilation=2, padding=1, padding_mode="reflect"),
             nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
             nn.Conv2d(2, 2, 2, padding=1, padding_mode="replicate"),
             nn.AdaptiveAvgPool2d((2, 1)), nn.AdaptiveMaxPool2d(1)),
        line("conv_transpose:4:2:stride=2:pad=1:output_pad=1:groups=2 group_norm:2:eps=0.1 prelu:4 instance_norm:affine "
             "local_response_norm:3:alpha=0.5:beta=0.5:k=2 max_pool:2:stride=1:pad=1:dilation=2", image,
             nn.ConvTranspose2d(2, 4, 2, 2, 1, 1, 2), nn.GroupNorm(2, 4, eps=0.1), nn.PReLU(4),
             nn.InstanceNorm2d(4, affine=True), nn.LocalResponseNorm(3, 0.5, 0.5, 2),
             nn.MaxPool2d(2, 1, 1, 2)),
        line("pixel_shuffle:1 upsample:2x1 unflatten:4x16 conv:2:3 flatten layer_norm rms_norm:eps=0.01", image,
             nn.PixelShuffle(1), nn.Upsample(scale_factor=(2, 1)), Apply(lambda x: x.reshape(len(x), 4, 16)),
             nn.Conv1d(4, 2, 3), nn.Flatten(), nn.LayerNorm(28), nn.RMSNorm(28, eps=0.01)),
        line("layer_norm:axes=2:nobias rms_norm:noaffine layer_norm:noaffine:eps=0.1 batch_norm:noaffine "
             "batch_norm:nostats:eps=0.1 instance_norm:stats", sequence,
             nn.LayerNorm([3, 4], bias=False), nn.RMSNorm(4, elementwise_affine=False),
             nn.LayerNorm(4, eps=0.1, elementwise_affine=False), nn.BatchNorm1d(3, affine=False),
             nn.BatchNorm1d(3, eps=0.1, track_running_stats=False),
             nn.InstanceNorm1d(3, track_running_stats=True)),
        line("embedding:4:3 lstm:2:layers=2:dropout=0.5 dense:3 prelu", words, nn.Embedding(4, 3),
             nn.LSTM(3, 2, 2, batch_first=True, dropout=0.5), nn.Linear(2, 3), nn.PReLU(), classes=True),
        line("embedding:4:2:padding=3 gru:2:bidirectional last dense:2", words, nn.Embedding(4, 2, padding_idx=3),
             nn.GRU(2, 2, batch_first=True, bidirectional=True), Apply(lambda x: x[:, -1]), nn.Linear(4, 2),
             classes=True),
        line("rnn:3:relu:nobias lstm:3:projection=2 dense:1 flatten dense:2", sequence,
             nn.RNN(4, 3, nonlinearity="relu", bias=False, batch_first=True),
             nn.LSTM(3, 3, proj_size=2, batch_first=True), nn.Linear(2, 1), nn.Flatten(), nn.Linear(3, 2)),
        line("embedding:4:4 positions:5 attention:2:causal encoder_layer:2:feedforward=3:norm_first:activation=gelu "
             "dense:2", words, nn.Embedding(4, 4), Positions(5, 4), SelfAttention(4, 2, batch_first=True),
             nn.TransformerEncoderLayer(4, 2, 3, 0.1, "gelu", batch_first=True, norm_first=True),
             nn.Linear(4, 2), classes=True),
        line("attention:1:nobias:causal dropout_channels:0.3 encoder_layer:2:feedforward=2:nobias:eps=0.1", sequence,
             SelfAttention(4, 1, bias=False, batch_first=True), nn.Dropout1d(0.3),
             nn.TransformerEncoderLayer(4, 2, 2, bias=False, layer_norm_eps=0.1, batch_first=True)),
    ]
    points = tensor([[-4.0, -2.5, -1, -0.25], [0, 0.25, 0.75, 1.5], [2, 3.5, 7, -0.5]])
    activations = {
        "relu": nn.ReLU(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid(), "softplus": nn.Softplus(), "gelu": nn.GELU(),
        "gelu_tanh": nn.GELU("tanh"), "silu": nn.SiLU(), "mish": nn.Mish(), "elu": nn.ELU(), "elu:0.5": nn.ELU(0.5),
        "celu": nn.CELU(), "celu:2": nn.CELU(2), "selu": nn.SELU(), "leaky_relu": nn.LeakyReLU(),
        "leaky_relu:0.2": nn.LeakyReLU(0.2), "relu6": nn.ReLU6(), "hardtanh": nn.Hardtanh(),
        "hardsigmoid": nn.Hardsigmoid(), "hardswish": nn.Hardswish(), "logsigmoid": nn.LogSigmoid(),
        "softsign": nn.Softsign(), "tanhshrink": nn.Tanhshrink(), "hardshrink": nn.Hardshrink(),
        "hardshrink:1.25e0": nn.Hardshrink(1.25), "softshrink": nn.Softshrink(), "softshrink:1": nn.Softshrink(1),
        "glu": nn.GLU(), "softmax": nn.Softmax(-1), "log_softmax": nn.LogSoftmax(-1),
    }
    made += [line(name, points, module) for name, module in activations.items()]
    return {f"line {i}": fields for i, fields in enumerate(made)}


FILES = {"nn/lines.txt": lines}
