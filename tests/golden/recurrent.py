"""Recurrent layers."""
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from records import case, tensor, uniform

GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}


def take_weights(flat, gates, layers, directions, inputs, hidden, state, bias):
    """Views of one vector, in the order of PyTorch's flat weights."""
    weights, at = [], 0
    for layer in range(layers):
        for _ in range(directions):
            features = inputs if layer == 0 else directions * state
            shapes = [(gates * hidden, features), (gates * hidden, state)]
            shapes += [(gates * hidden,)] * 2 if bias else []
            shapes += [(state, hidden)] if state != hidden else []
            for shape in shapes:
                count = torch.Size(shape).numel()
                weights.append(flat[at:at + count].reshape(shape))
                at += count
    assert at == len(flat)
    return weights


def count_weights(*arguments):
    gates, layers, directions, inputs, hidden, state, bias = arguments
    each = gates * hidden * (state + 2 * bias) + (state * hidden if state != hidden else 0)
    return directions * (layers * each + gates * hidden * (inputs + (layers - 1) * directions * state))


def layers_of(kind, steps=3, batch=2, inputs=2, hidden=3, state=None, layers=1, bidirectional=False, batch_first=False,
              bias=True, lengths=None):
    state = hidden if state is None else state
    directions = 2 if bidirectional else 1
    sizes = (GATES[kind], layers, directions, inputs, hidden, state, bias)
    function = getattr(torch._VF, kind)

    def run(x, flat, h, c=None):
        weights = take_weights(flat, *sizes)
        if lengths is None:
            output, *states = function(x, (h, c) if kind == "lstm" else h, weights, bias, layers, 0.0, False,
                                       bidirectional, batch_first)
        else:
            packed = pack_padded_sequence(x, tensor(lengths).long(), batch_first, enforce_sorted=False)
            h, c = (s if s is None else s.index_select(1, packed.sorted_indices) for s in (h, c))
            data, *states = function(packed.data, packed.batch_sizes, (h, c) if kind == "lstm" else h, weights, bias,
                                     layers, 0.0, False, bidirectional)
            output, _ = pad_packed_sequence(PackedSequence(data, packed.batch_sizes, packed.sorted_indices,
                                                           packed.unsorted_indices), batch_first, total_length=steps)
            states = [s.index_select(1, packed.unsorted_indices) for s in states]
        return torch.cat([part.reshape(-1) for part in (output, *states)])

    x = uniform(201, *((batch, steps) if batch_first else (steps, batch)), inputs)
    given = [x, uniform(202, count_weights(*sizes), low=-0.8, high=0.8), uniform(203, layers * directions, batch, state)]
    if kind == "lstm":
        given.append(uniform(204, layers * directions, batch, hidden))
    constant = ()
    if lengths is not None:
        constant = (len(given),)
        given.append(tensor([float(n) for n in lengths]))
    return case(kind.partition("_")[0] + ("_lengths" if lengths else ""), lambda *v: run(*(v[:-1] if lengths else v)), *given,
                constant=constant, layers=float(layers), hidden=float(hidden), state=float(state),
                bidirectional=float(bidirectional), batch_first=float(batch_first), bias=float(bias),
                relu=float(kind == "rnn_relu"))


def cell_of(kind, batch=2, inputs=3, hidden=2):
    function, g = getattr(torch._VF, kind + "_cell"), GATES[kind] * hidden
    weights = [uniform(215, g, inputs), uniform(216, g, hidden), uniform(217, g), uniform(218, g)]
    x, h, c = uniform(211, batch, inputs), uniform(212, batch, hidden), uniform(213, batch, hidden)
    if kind == "lstm":
        return case("lstm_cell", lambda x, h, c, *w: torch.cat([s.reshape(-1) for s in function(x, (h, c), *w)]), x, h,
                    c, *weights)
    return case(kind.partition("_")[0] + "_cell", lambda x, h, *w: function(x, h, *w).reshape(-1), x, h, *weights,
                relu=float(kind == "rnn_relu"))


def recurrent():
    records = {}
    for kind in GATES:
        records[kind] = layers_of(kind)
        records[f"{kind}_batch_first"] = layers_of(kind, batch_first=True, bias=False)
        records[f"{kind}_bidirectional"] = layers_of(kind, bidirectional=True, hidden=2)
        records[f"{kind}_2_layers"] = layers_of(kind, layers=2, bidirectional=True, hidden=2)
        records[f"{kind}_lengths"] = layers_of(kind, batch=3, lengths=[2, 3, 1])
        records[f"{kind}_lengths_2_layers"] = layers_of(kind, steps=4, batch=3, hidden=2, layers=2, bidirectional=True,
                                                        batch_first=True, lengths=[3, 1, 2])
        records[f"{kind}_cell"] = cell_of(kind)
    records["lstm_pieces"] = layers_of("lstm", steps=2, batch=17, inputs=1, hidden=1)
    records["lstm_projected"] = layers_of("lstm", state=2)
    records["lstm_projected_2_layers"] = layers_of("lstm", layers=2, bidirectional=True, hidden=3, state=1, bias=False)
    records["lstm_projected_lengths"] = layers_of("lstm", batch=3, state=2, bidirectional=True, lengths=[1, 3, 2])
    return records


FILES = {"recurrent.txt": recurrent}
