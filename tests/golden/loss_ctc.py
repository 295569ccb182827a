"""Connectionist temporal classification, of logits: the gradient is that of log_softmax and the loss together."""
import torch
import torch.nn.functional as F

from records import case, tensor, uniform


def one(logits, targets, input_lengths, target_lengths, reduction, blank=0, zero_infinity=False, gradient=True,
        note=None):
    def function(x, t, inputs, labels):
        return F.ctc_loss(x.log_softmax(-1), t.long(), inputs.long(), labels.long(), blank=blank, reduction=reduction,
                          zero_infinity=zero_infinity)
    return case("ctc_loss", function, logits, targets, input_lengths, target_lengths, constant=(1, 2, 3),
                gradient=gradient, reduction=reduction, blank=float(blank), zero_infinity=float(zero_infinity),
                note=note)


def ctc():
    padded = tensor([[1, 2, 2, 3], [3, 3, 0, 0], [2, 0, 0, 0]])
    joined = tensor([1, 2, 2, 3, 3, 3, 2])
    full, short, labels = tensor([8, 8, 8]), tensor([8, 3, 5]), tensor([4, 2, 1])
    x = uniform(1, 8, 3, 4)
    records = {}
    for reduction in ("none", "mean", "sum"):
        records[f"padded_{reduction}"] = one(x, padded, full, labels, reduction)
        records[f"joined_{reduction}"] = one(x, joined, full, labels, reduction)
        records[f"lengths_{reduction}"] = one(x, padded, short, labels, reduction)
        records[f"blank_{reduction}"] = one(x, padded - (padded > 0).double(), full, labels, reduction, blank=3)
        records[f"no_labels_{reduction}"] = one(x, padded, short, tensor([0, 2, 0]), reduction)
        records[f"single_{reduction}"] = one(uniform(2, 6, 5), tensor([4, 4, 1]), tensor(6.0), tensor(3.0), reduction)
        # PyTorch's gradient of an infinite loss is NaN, ours is 0.
        records[f"impossible_{reduction}"] = one(x, padded, tensor([4, 2, 0]), labels, reduction, gradient=False,
                                                 note="too few steps, by labels or by blanks")
        records[f"zero_infinity_{reduction}"] = one(x, padded, tensor([4, 3, 0]), labels, reduction,
                                                    zero_infinity=True)
        records[f"far_{reduction}"] = one(uniform(3, 8, 3, 4, low=-200, high=200), padded, full, labels, reduction)
    return records


FILES = {"loss_ctc.txt": ctc}
