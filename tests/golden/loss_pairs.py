"""Losses of vectors and of pairs, with their options."""
import torch
import torch.nn.functional as F

from loss_numbers import each_reduction, reduced, signs
from records import tensor, uniform


def pairs():
    records = {}
    x, y, t = uniform(1, 4, 3), uniform(2, 4, 3), tensor([1, -1, 1, -1])
    records.update(each_reduction(
        "cosine_similarity", "cosine_similarity_loss",
        lambda a, b, r: reduced(1 - F.cosine_similarity(a, b, dim=-1), r), x, y))
    for margin in (0.0, 0.5, -0.5):
        records.update(each_reduction(
            f"cosine_embedding_{margin}", "cosine_embedding_loss",
            lambda a, b, c, r: F.cosine_embedding_loss(a, b, c, margin=margin, reduction=r), x, y, t, constant=(2,),
            margin=margin))
    records.update(each_reduction(
        "cosine_embedding_zero", "cosine_embedding_loss",
        lambda a, b, c, r: F.cosine_embedding_loss(a, b, c, reduction=r), torch.zeros(2, 3, dtype=torch.float64),
        uniform(3, 2, 3), tensor([1, -1]), gradient=False, margin=0.0,
        note="vectors of length 0, whose gradient is PyTorch's but for its 1e-12, rounded to f32"))
    records.update(each_reduction(
        "cosine_embedding_single", "cosine_embedding_loss",
        lambda a, b, c, r: F.cosine_embedding_loss(a, b, c, reduction=r), uniform(4, 3), uniform(5, 3), tensor(-1.0),
        constant=(2,), margin=0.0))
    x, t = uniform(6, 3, 4), signs(7, 3, 4)
    kinks = (tensor([1, 1, 0.5, 2, 0.25, 0]), tensor([1, -1, -1, -1, 0, 2]))
    for margin in (None, 0.0, 0.5):
        keep = {} if margin is None else {"margin": margin}
        for suffix, inputs in {"": (x, t), "_kinks": kinks}.items():
            records.update(each_reduction(
                f"hinge_embedding_{margin}{suffix}", "hinge_embedding_loss",
                lambda a, b, r: F.hinge_embedding_loss(a, b, reduction=r, **keep), *inputs, constant=(1,), **keep))
    x, y, t = uniform(8, 3, 4), uniform(9, 3, 4), signs(10, 3, 4)
    ties = (tensor([1, 1, 0.5, 2]), tensor([1, 1, 0, 1]), tensor([1, -1, 1, -1]))
    for margin in (0.0, 0.5):
        for suffix, inputs in {"": (x, y, t), "_ties": ties}.items():
            records.update(each_reduction(
                f"margin_ranking_{margin}{suffix}", "margin_ranking_loss",
                lambda a, b, c, r: F.margin_ranking_loss(a, b, c, margin=margin, reduction=r), *inputs, constant=(2,),
                margin=margin))
    return records


def triplets():
    records = {}
    anchor, positive, negative = uniform(11, 4, 3), uniform(12, 4, 3), uniform(13, 4, 3)
    options = {"": {}, "_margin": {"margin": 0.25}, "_p1": {"p": 1.0}, "_p3": {"p": 3.0, "margin": 2.0},
               "_eps": {"eps": 0.125}, "_eps_0": {"eps": 0.0}, "_swap": {"swap": True},
               "_swap_p1": {"swap": True, "p": 1.0, "margin": 3.0}}
    for suffix, keep in options.items():
        records.update(each_reduction(
            f"triplet{suffix}", "triplet_margin_loss",
            lambda a, p, n, r: F.triplet_margin_loss(a, p, n, reduction=r, **keep), anchor, positive, negative,
            **{key: float(value) for key, value in keep.items()}))
    records.update(each_reduction(
        "triplet_same", "triplet_margin_loss", lambda a, p, n, r: F.triplet_margin_loss(a, p, n, reduction=r), anchor,
        anchor, anchor, note="all distances alike"))
    records.update(each_reduction(
        "triplet_single", "triplet_margin_loss", lambda a, p, n, r: F.triplet_margin_loss(a, p, n, reduction=r),
        uniform(14, 3), uniform(15, 3), uniform(16, 3)))
    return records


FILES = {"loss_pairs.txt": lambda: pairs() | triplets()}
