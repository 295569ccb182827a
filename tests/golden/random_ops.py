"""Random ops where nothing is left to chance."""
import torch
import torch.nn.functional as F

from records import case, uniform

ROUNDS = 3


def certain(name, function, x, p):
    """The record of a random op with a probability of 0 or 1, which gives the same each time."""
    values = [function(x, p) for _ in range(ROUNDS)]
    assert all(torch.equal(values[0], value) for value in values)
    return case(name, lambda t: function(t, p), x, p=p)


def random_ops():
    x, image = uniform(41, 9), uniform(42, 2, 3, 2, 2)
    records = {}
    for label, p in {"none": 0.0, "all": 1.0}.items():
        records[f"dropout_{label}"] = certain("dropout", F.dropout, x, p)
        records[f"dropout_channels_{label}"] = certain("dropout_channels", F.dropout2d, image, p)
        records[f"alpha_dropout_{label}"] = certain("alpha_dropout", lambda t, q: F.alpha_dropout(t, q, True), x, p)
    records["bernoulli"] = case("bernoulli", torch.bernoulli, torch.tensor([0, 1, 1, 0, 1], dtype=torch.float64),
                                gradient=False)
    return records


FILES = {"random.txt": random_ops}
