"""Attention, masked softmax and rotary position embedding."""
import torch
import torch.nn.functional as F

from records import INF, case, tensor, uniform


def attention_record(q, k, v, mask=None, causal=False, scale=None):
    def attend(q, k, v, mask=None):
        if mask is not None and op == "attention_masked":
            mask = mask.bool()
        if causal and mask is not None:
            mask = mask & torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
        grouped = q.dim() > 2 and q.shape[-3] != k.shape[-3]
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and mask is None, scale=scale,
                                              enable_gqa=grouped)
    is_bool = mask is not None and mask.dtype == torch.bool
    op = "attention_masked" if is_bool else "attention"
    inputs = [uniform(201, *q), uniform(202, *k), uniform(203, *v)] + ([] if mask is None else [mask.double()])
    return case(op, attend, *inputs, constant=(3,) if is_bool else (), causal=float(causal),
                scale=float(scale or 0), dropout=0.0)


def masked_softmax(x, mask, axis):
    """From the definition: the softmax of the elements that take part."""
    def softmax(x, mask):
        part = torch.exp(torch.where(mask.bool(), x, -INF) - x.max())
        total = part.sum(axis, keepdim=True)
        return part / torch.where(total == 0, 1.0, total)
    return case("masked_softmax", softmax, x, mask, axis=float(axis), constant=(1,))


def turn(x, cos, sin, interleaved):
    """From the definition: each pair, seen as a complex number, times that of its angle."""
    pairs = cos.shape[-1]
    first, second = (range(0, 2 * pairs, 2), range(1, 2 * pairs, 2)) if interleaved else (
        range(pairs), range(pairs, 2 * pairs))
    y = x.unbind(-1)
    y = list(y)
    for i, (a, b) in enumerate(zip(first, second)):
        z = torch.complex(x[..., a], x[..., b]) * torch.complex(cos[..., i], sin[..., i])
        y[a], y[b] = z.real, z.imag
    return torch.stack(y, -1)


def rotary_record(shape, angles, interleaved):
    return case("rotary", lambda x, cos, sin: turn(x, cos, sin, interleaved), uniform(211, *shape),
                uniform(212, *angles), uniform(213, *angles), interleaved=float(interleaved))


def embedding_record(shape, dims=0, offset=0, positions=None, base=10000, interleaved=False):
    def embed(x, positions=None):
        at = torch.arange(offset, offset + shape[-2], dtype=torch.float64) if positions is None else positions
        pairs = (dims or shape[-1]) // 2
        angles = torch.tensor([[t * base ** (-2 * i / (2 * pairs)) for i in range(pairs)] for t in at.tolist()],
                              dtype=torch.float64)
        return turn(x, angles.cos(), angles.sin(), interleaved)
    inputs = [uniform(214, *shape)] + ([] if positions is None else [tensor(positions)])
    return case("rotary_embedding", embed, *inputs, constant=(1,), base=float(base), dims=float(dims),
                offset=float(offset), interleaved=float(interleaved))


def attention():
    records = {
        "attention_one_head": attention_record((3, 4), (5, 4), (5, 2)),
        "attention_heads": attention_record((2, 2, 3, 4), (2, 2, 4, 4), (2, 2, 4, 3)),
        "attention_causal": attention_record((1, 2, 4, 2), (1, 2, 4, 2), (1, 2, 4, 2), causal=True),
        "attention_causal_few_keys": attention_record((1, 1, 5, 2), (1, 1, 3, 2), (1, 1, 3, 2), causal=True),
        "attention_causal_few_queries": attention_record((1, 1, 2, 2), (1, 1, 4, 2), (1, 1, 4, 2), causal=True),
        "attention_scale": attention_record((2, 3, 4), (2, 3, 4), (2, 3, 4), scale=0.7),
        "attention_grouped": attention_record((1, 4, 2, 3), (1, 2, 3, 3), (1, 2, 3, 2)),
    }
    mask = torch.tensor([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)
    records["attention_mask"] = attention_record((1, 2, 3, 2), (1, 2, 4, 2), (1, 2, 4, 2), mask)
    records["attention_mask_causal"] = attention_record((1, 2, 3, 2), (1, 2, 4, 2), (1, 2, 4, 2), mask, causal=True)
    records["attention_float_mask"] = attention_record((2, 1, 3, 2), (2, 1, 4, 2), (2, 1, 4, 2), uniform(204, 3, 4))
    bias = torch.where(mask, uniform(205, 3, 4), -INF)
    records["attention_infinite_mask"] = attention_record((2, 1, 3, 2), (2, 1, 4, 2), (2, 1, 4, 2), bias)
    records["masked_softmax_rows"] = masked_softmax(uniform(206, 3, 4), mask, 1)
    records["masked_softmax_columns"] = masked_softmax(uniform(206, 3, 4), mask, 0)
    for interleaved in (False, True):
        name = "_interleaved" if interleaved else ""
        records["rotary" + name] = rotary_record((2, 3, 4), (2, 3, 2), interleaved)
        records["rotary_part" + name] = rotary_record((3, 7), (3, 2), interleaved)
        records["rotary_embedding" + name] = embedding_record((2, 3, 6), interleaved=interleaved)
        records["rotary_embedding_part" + name] = embedding_record((3, 5), dims=4, offset=10, interleaved=interleaved)
        records["rotary_embedding_positions" + name] = embedding_record((3, 4), positions=[7, 0, 1000], base=500,
                                                                        interleaved=interleaved)
    return records


FILES = {"attention.txt": attention}
