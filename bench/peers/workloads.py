"""The reference workloads as the peers run them: shapes, initial weights and data, the same numbers for every peer.

A step is forward, loss, backward, update by SGD with momentum, in f32, on one batch that stays in memory. To add a
workload, add its line to WORKLOADS and, for a new kind of network, a builder to each peer that can run it.
"""
from dataclasses import dataclass

import numpy

LEARNING_RATE, MOMENTUM = 0.01, 0.9


@dataclass(frozen=True)
class Mlp:
    """Dense layers with an activation between them."""
    sizes: tuple
    batch: int
    activation: str = "relu"
    loss: str = "cross_entropy"

    @property
    def counted(self):
        """What per_second counts, in one step: samples."""
        return self.batch

    @property
    def flops(self):
        """Of one step's matrix products: forward, weight gradients, and input gradients of all layers but the first."""
        products = [2 * self.batch * n * m for n, m in zip(self.sizes, self.sizes[1:])]
        return 3 * sum(products) - products[0]

    def parameters(self):
        """A pair (weight [out, in], bias [out]) a layer, uniform within 1/sqrt(in), as PyTorch initialises them."""
        draw = numpy.random.default_rng(1)

        def uniform(bound, *shape):
            return draw.uniform(-bound, bound, shape).astype(numpy.float32)

        return [(uniform(n ** -0.5, m, n), uniform(n ** -0.5, m)) for n, m in zip(self.sizes, self.sizes[1:])]

    def data(self):
        """Inputs in [0, 1) and targets: classes, or zeros and ones for a binary loss."""
        draw = numpy.random.default_rng(2)
        x = draw.random((self.batch, self.sizes[0]), dtype=numpy.float32)
        if self.loss == "bce_with_logits":
            return x, draw.integers(0, 2, (self.batch, self.sizes[-1])).astype(numpy.float32)
        return x, draw.integers(0, self.sizes[-1], self.batch)


WORKLOADS = {
    "tiny": Mlp((2, 16, 16, 1), 32, "tanh", "bce_with_logits"),
    "mlp-b1": Mlp((784, 512, 512, 10), 1),
    "mlp-b32": Mlp((784, 512, 512, 10), 32),
    "mlp-b128": Mlp((784, 512, 512, 10), 128),
    "mlp-b512": Mlp((784, 512, 512, 10), 512),
    "wide": Mlp((1024, 4096, 4096, 1000), 256),
}
