"""Layers: torch.nn modules with their state dicts."""
import math

import torch
from torch import nn

from records import tensor, uniform


def fill(module, name):
    """Parameters and buffers of numbers that are short in the file."""
    with torch.no_grad():
        for key, value in module.state_dict().items():
            if value.dtype == torch.float64:
                low = 0.5 if key.endswith("running_var") else -1
                value.copy_(uniform(f"{name} {key}", *value.shape, low=low, high=1))


def layer(name, layer_name, module, *inputs, call=None, integers=(), evaluation=False, after=(), **options):
    """The record of a module: state dict, inputs, output, cotangent, gradients of parameters and float inputs, and the
    buffers afterwards, in training or evaluation."""
    module = module.double()
    fill(module, name)
    module.train(not evaluation)
    fields = {"layer": layer_name, "evaluation": float(evaluation)}
    fields.update({key: value if isinstance(value, str) else tensor(value) for key, value in options.items()})
    fields.update({f"state.{key}": value.double().clone() for key, value in module.state_dict().items()})
    leaves = [x.clone().requires_grad_(i not in integers) for i, x in enumerate(inputs)]
    fields.update({f"x{i}": x for i, x in enumerate(leaves)})
    y = (call or (lambda m, *xs: m(*xs)))(module, *[x.long() if i in integers else x for i, x in enumerate(leaves)])
    dy = uniform(f"cotangent of {name}", *y.shape, low=0.5, high=2.0)
    free = {f"dx{i}": x for i, x in enumerate(leaves) if i not in integers}
    free.update({f"d.{key}": p for key, p in module.named_parameters()})
    fields["y"], fields["dy"] = y, dy
    for key, gradient in zip(free, torch.autograd.grad(y, list(free.values()), dy)):
        fields[key] = gradient
    fields.update({f"after.{key}": value.double() for key, value in module.named_buffers()})
    return fields


def recurrent(name, kind, *, steps=3, batch=2, inputs=2, hidden=3, states=False, cell=False, **options):
    names = {"layers": "num_layers", "bidirectional": "bidirectional", "batch_first": "batch_first",
             "nobias": "bias", "projection": "proj_size", "relu": "nonlinearity"}
    arguments = {}
    for key, value in options.items():
        arguments[names[key]] = False if key == "nobias" else "relu" if key == "relu" else value
    module = getattr(nn, kind + "Cell" if cell else kind)(inputs, hidden, **arguments)
    if cell:
        x = [uniform(21, batch, inputs)] + ([uniform(22, batch, hidden)] if states else [])
        x += [uniform(23, batch, hidden)] if states and kind == "LSTM" else []

        def call(m, v, *hc):
            result = m(v, (hc if kind == "LSTM" else hc[0]) if hc else None)
            return torch.cat(result, -1) if kind == "LSTM" else result
    else:
        rows = options.get("layers", 1) * (2 if options.get("bidirectional") else 1)
        shape = (batch, steps) if options.get("batch_first") else (steps, batch)
        x = [uniform(21, *shape, inputs)]
        if states:
            x.append(uniform(22, rows, batch, options.get("projection") or hidden))
            if kind == "LSTM":
                x.append(uniform(23, rows, batch, hidden))

        def call(m, v, *hc):
            return m(v, (hc if kind == "LSTM" else hc[0]) if hc else None)[0]
    return layer(name, kind.lower() + ("_cell" if cell else ""), module, *x, call=call, hidden=float(hidden),
                 **{key: float(value) for key, value in options.items()})


def attention(name, *, width=4, heads=2, steps=3, keys=None, kdim=None, vdim=None, bias=True, mask=None, causal=False,
              key_mask=None):
    module = nn.MultiheadAttention(width, heads, bias=bias, kdim=kdim, vdim=vdim, batch_first=True)
    xs = [uniform(31, 2, steps, width)]
    if keys is not None:
        xs.append(uniform(32, 2, keys, kdim or width))
        if vdim is not None:
            xs.append(uniform(33, 2, keys, vdim))
    count = steps if keys is None else keys
    masks = {}
    full = None
    if mask is not None:
        masks["mask"] = full = mask
    if causal:
        lower = torch.triu(torch.full((steps, count), -math.inf, dtype=torch.float64), 1)
        full = lower if full is None else full + lower
    ignored = None
    if key_mask is not None:
        masks["key_mask"] = key_mask
        ignored = torch.where(key_mask.bool(), 0.0, -math.inf).double()

    def call(m, query, key=None, value=None):
        key = query if key is None else key
        return m(query, key, key if value is None else value, attn_mask=full, key_padding_mask=ignored,
                 need_weights=False)[0]
    return layer(name, "attention", module, *xs, call=call, heads=float(heads), nobias=float(not bias),
                 causal=float(causal), **masks)


def encoder(name, *, norm_first=False, bias=True, activation="relu", causal=False, eps=1e-5, key_mask=None):
    module = nn.TransformerEncoderLayer(4, 2, 5, 0.0, activation, eps, True, norm_first, bias)
    mask = torch.triu(torch.full((3, 3), -math.inf, dtype=torch.float64), 1) if causal else None
    ignored = None if key_mask is None else torch.where(key_mask.bool(), 0.0, -math.inf).double()
    masks = {} if key_mask is None else {"key_mask": key_mask}
    return layer(name, "encoder_layer", module, uniform(41, 2, 3, 4),
                 call=lambda m, x: m(x, src_mask=mask, src_key_padding_mask=ignored), heads=2.0, feedforward=5.0,
                 norm_first=float(norm_first), nobias=float(not bias), activation=activation, causal=float(causal),
                 eps=eps, **masks)


def decoder(name, *, norm_first=False, causal=False):
    module = nn.TransformerDecoderLayer(4, 2, 5, 0.0, "gelu", 1e-5, True, norm_first)
    mask = torch.triu(torch.full((3, 3), -math.inf, dtype=torch.float64), 1) if causal else None
    return layer(name, "decoder_layer", module, uniform(42, 2, 3, 4), uniform(43, 2, 5, 4),
                 call=lambda m, x, memory: m(x, memory, tgt_mask=mask), heads=2.0, feedforward=5.0,
                 norm_first=float(norm_first), activation="gelu", causal=float(causal))


def convolution(name, dims, inputs, outputs, kernel, size, *, transpose=False, **options):
    kind = getattr(nn, f"Conv{'Transpose' if transpose else ''}{dims}d")
    renamed = {key: value for key, value in options.items() if key not in ("nobias", "same")}
    if options.get("same"):
        renamed["padding"] = "same"
    module = kind(inputs, outputs, kernel, bias=not options.get("nobias"), **renamed)
    given = {key: value if isinstance(value, str) else float(value) if not isinstance(value, tuple) else
             tensor([float(v) for v in value]) for key, value in options.items()}
    return layer(name, "conv_transpose" if transpose else "conv", module, uniform(11, 2, inputs, *size),
                 out=float(outputs), kernel=tensor([float(k) for k in kernel]), **given)


def embedding(name, padding=None):
    module = nn.Embedding(5, 3, padding_idx=padding)
    given = {} if padding is None else {"padding": float(padding)}
    return layer(name, "embedding", module, tensor([[0.0, 3, 4], [3, 2, 1]]), integers=(0,), rows=5.0, width=3.0,
                 **given)


def normalization(name, layer_name, module, shape, evaluation=False, **options):
    return layer(name, layer_name, module, uniform(51, *shape), evaluation=evaluation,
                 **{key: float(value) for key, value in options.items()})


def layers():
    made = {}

    def add(function, name, *arguments, **options):
        made[name] = function(name, *arguments, **options)

    add(layer, "linear", "dense", nn.Linear(3, 2), uniform(1, 4, 3), out=2.0)
    add(layer, "linear_no_bias", "dense", nn.Linear(3, 2, bias=False), uniform(1, 2, 2, 3), out=2.0, nobias=1.0)
    add(layer, "bilinear", "bilinear", nn.Bilinear(3, 2, 2), uniform(2, 3, 3), uniform(3, 3, 2), out=2.0)
    add(layer, "bilinear_no_bias", "bilinear", nn.Bilinear(2, 3, 1, bias=False), uniform(2, 2, 2), uniform(3, 2, 3),
        out=1.0, nobias=1.0)
    add(embedding, "embedding")
    add(embedding, "embedding_padding", 3)
    add(embedding, "embedding_padding_0", 0)
    add(embedding, "embedding_padding_last", -1)
    add(layer, "prelu", "prelu", nn.PReLU(), uniform(4, 2, 3), channels=1.0)
    add(layer, "prelu_channels", "prelu", nn.PReLU(3), uniform(4, 2, 3, 2), channels=3.0)

    add(convolution, "conv1d", 1, 2, 3, (3,), (6,))
    add(convolution, "conv1d_replicate", 1, 2, 2, (3,), (5,), padding=2, padding_mode="replicate")
    add(convolution, "conv2d", 2, 2, 3, (2, 3), (4, 5))
    add(convolution, "conv2d_options", 2, 4, 2, (3, 2), (6, 5), stride=(2, 1), padding=(1, 2), dilation=(1, 2),
        groups=2, nobias=1)
    add(convolution, "conv2d_same", 2, 1, 2, (2, 3), (3, 4), same=1)
    add(convolution, "conv2d_same_reflect", 2, 1, 2, (2, 3), (3, 4), same=1, padding_mode="reflect")
    add(convolution, "conv2d_circular", 2, 2, 2, (3, 3), (4, 4), padding=(1, 2), stride=2, padding_mode="circular")
    add(convolution, "conv2d_depthwise", 2, 3, 6, (2, 2), (3, 3), groups=3)
    add(convolution, "conv3d", 3, 1, 2, (2, 1, 2), (3, 2, 3))
    add(convolution, "conv_transpose1d", 1, 2, 3, (3,), (4,), transpose=True)
    add(convolution, "conv_transpose2d", 2, 4, 2, (3, 2), (3, 4), transpose=True, stride=(2, 3), padding=(1, 0),
        output_padding=(1, 2), groups=2)
    add(convolution, "conv_transpose2d_no_bias", 2, 1, 2, (2, 2), (2, 3), transpose=True, dilation=2, nobias=1)
    add(convolution, "conv_transpose3d", 3, 1, 1, (2, 2, 1), (2, 1, 2), transpose=True)

    add(normalization, "batch_norm1d", "batch_norm", nn.BatchNorm1d(3), (4, 3))
    add(normalization, "batch_norm1d_sequence", "batch_norm", nn.BatchNorm1d(2, eps=0.1, momentum=0.3), (2, 2, 3),
        eps=0.1, momentum=0.3)
    add(normalization, "batch_norm2d", "batch_norm", nn.BatchNorm2d(2), (2, 2, 2, 2))
    add(normalization, "batch_norm2d_evaluation", "batch_norm", nn.BatchNorm2d(2), (2, 2, 2, 2), evaluation=True)
    add(normalization, "batch_norm2d_cumulative", "batch_norm", nn.BatchNorm2d(2, momentum=None), (2, 2, 1, 2),
        cumulative=1)
    add(normalization, "batch_norm2d_plain", "batch_norm", nn.BatchNorm2d(2, affine=False), (2, 2, 1, 2), plain=1)
    add(normalization, "batch_norm2d_untracked", "batch_norm", nn.BatchNorm2d(2, track_running_stats=False),
        (2, 2, 1, 3), evaluation=True, untracked=1)
    add(normalization, "batch_norm3d", "batch_norm", nn.BatchNorm3d(2), (1, 2, 2, 1, 2))
    twice = nn.BatchNorm1d(2)
    add(layer, "batch_norm_twice", "batch_norm_twice", twice, uniform(52, 3, 2), call=lambda m, x: m(m(x) * x))
    add(normalization, "instance_norm1d", "instance_norm", nn.InstanceNorm1d(2), (2, 2, 3))
    add(normalization, "instance_norm2d_affine", "instance_norm", nn.InstanceNorm2d(2, affine=True, eps=0.1),
        (2, 2, 2, 2), affine=1, eps=0.1)
    add(normalization, "instance_norm2d_running", "instance_norm",
        nn.InstanceNorm2d(2, affine=True, track_running_stats=True), (2, 2, 2, 2), affine=1, running=1)
    add(normalization, "instance_norm2d_evaluation", "instance_norm",
        nn.InstanceNorm2d(2, track_running_stats=True, momentum=0.2), (2, 2, 2, 1), evaluation=True, running=1,
        momentum=0.2)
    add(normalization, "layer_norm", "layer_norm", nn.LayerNorm(4), (3, 4))
    add(normalization, "layer_norm_two_axes", "layer_norm", nn.LayerNorm([2, 3], eps=0.1), (2, 2, 3), axes=2, eps=0.1)
    add(normalization, "layer_norm_no_bias", "layer_norm", nn.LayerNorm(3, bias=False), (2, 3), nobias=1)
    add(normalization, "layer_norm_plain", "layer_norm", nn.LayerNorm(3, elementwise_affine=False), (2, 3), plain=1)
    add(normalization, "rms_norm", "rms_norm", nn.RMSNorm(4), (3, 4))
    add(normalization, "rms_norm_two_axes", "rms_norm", nn.RMSNorm([2, 3], eps=0.1), (2, 2, 3), axes=2, eps=0.1)
    add(normalization, "rms_norm_plain", "rms_norm", nn.RMSNorm(3, elementwise_affine=False), (2, 3), plain=1)
    add(normalization, "group_norm", "group_norm", nn.GroupNorm(2, 4), (2, 4, 3), groups=2)
    add(normalization, "group_norm_plain", "group_norm", nn.GroupNorm(3, 3, eps=0.1, affine=False), (2, 3, 2, 1),
        groups=3, eps=0.1, plain=1)

    for kind in ("RNN", "LSTM", "GRU"):
        low = kind.lower()
        add(recurrent, low, kind)
        add(recurrent, f"{low}_states", kind, states=True)
        add(recurrent, f"{low}_two_layers", kind, layers=2, states=True, batch_first=True)
        add(recurrent, f"{low}_bidirectional", kind, layers=2, bidirectional=True, hidden=2)
        add(recurrent, f"{low}_no_bias", kind, nobias=True)
        add(recurrent, f"{low}_cell", kind, cell=True)
        add(recurrent, f"{low}_cell_states", kind, cell=True, states=True)
        add(recurrent, f"{low}_cell_no_bias", kind, cell=True, nobias=True, states=True)
    add(recurrent, "rnn_relu", "RNN", relu=True)
    add(recurrent, "rnn_cell_relu", "RNN", relu=True, cell=True)
    add(recurrent, "lstm_projection", "LSTM", layers=2, projection=2, bidirectional=True, states=True, inputs=1)

    add(attention, "attention")
    add(attention, "attention_no_bias", bias=False, heads=1)
    add(attention, "attention_causal", causal=True)
    add(attention, "attention_memory", keys=2)
    add(attention, "attention_separate", keys=2, kdim=3, vdim=5)
    add(attention, "attention_separate_no_bias", keys=2, kdim=3, vdim=4, bias=False)
    add(attention, "attention_mask", mask=uniform(34, 3, 3))
    add(attention, "attention_key_mask", key_mask=tensor([[1.0, 1, 0], [0, 1, 1]]))
    add(attention, "attention_all_masks", keys=4, mask=uniform(34, 3, 4), causal=True,
        key_mask=tensor([[1.0, 1, 0, 1], [1, 0, 1, 1]]))
    add(encoder, "encoder_layer")
    add(encoder, "encoder_layer_norm_first", norm_first=True, activation="gelu", eps=0.01)
    add(encoder, "encoder_layer_no_bias", bias=False, causal=True)
    add(encoder, "encoder_layer_key_mask", key_mask=tensor([[1.0, 0, 1], [1, 1, 1]]))
    add(decoder, "decoder_layer", causal=True)
    add(decoder, "decoder_layer_norm_first", norm_first=True)
    return made


FILES = {"nn/layers.txt": layers}
