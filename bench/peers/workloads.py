"""The reference workloads as the peers run them: shapes, initial weights and data, the same numbers for every peer.

A step of a network is forward, loss, backward, update by SGD with momentum, in f32, on one batch that stays in memory.
Hvp and the objectives are functions without an update. To add a workload, add its line to WORKLOADS and, for a new kind
of network, its builder to torch_networks.py and jax_networks.py. Names and layouts of parameters are PyTorch's. The
objectives' numbers are those that blasgrad computes with (bench/objectives.c, bench/objective_steps.c), so that values
and gradients can be compared with its.

unit and counted say what per_second counts in one step; flops are those of the step's products, 2mnk each, a
convolution's by its definition. A workload is small where what counts is the cost of a call, not that of memory. The
variants are the ways in which the peers write a network, the first of them the plainest.
"""
from dataclasses import dataclass
import functools
import math

import numpy

LEARNING_RATE, MOMENTUM = 0.01, 0.9
WEIGHTS_SEED, DATA_SEED = 1, 2
SMALL = 2e8  # FLOPs of a step


def generator(seed):
    """uniform(bound, *shape) in f32, made in place: its memory would count as the peer's."""
    draw = numpy.random.default_rng(seed)

    def uniform(bound, *shape):
        array = draw.random(shape, dtype=numpy.float32)
        array *= 2 * bound
        array -= bound
        return array

    return uniform


def dense(uniform, name, inputs, outputs, bound=None):
    """weight [out, in] and bias [out], by default as PyTorch initialises them: within 1/sqrt(in)."""
    bound = bound or inputs ** -0.5
    yield f"{name}.weight", uniform(bound, outputs, inputs)
    yield f"{name}.bias", uniform(bound, outputs)


def norm(name, width):
    yield f"{name}.weight", numpy.ones(width, numpy.float32)
    yield f"{name}.bias", numpy.zeros(width, numpy.float32)


def tokens(vocabulary, batch, length):
    draw = numpy.random.default_rng(DATA_SEED)
    return draw.integers(0, vocabulary, (batch, length)), draw.integers(0, vocabulary, (batch, length))


def images(batch, *shape):
    """Numbers in [0, 1), and one of ten classes for each image."""
    draw = numpy.random.default_rng(DATA_SEED)
    return draw.random((batch, *shape), dtype=numpy.float32), draw.integers(0, 10, batch)


class Workload:
    """has_same_numbers: blasgrad computes with the rivals' numbers; counts_products: flops are those of products alone,
    as blasgrad counts them."""
    is_f64 = has_same_numbers = False
    counts_products = True

    @property
    def is_small(self):
        return self.flops < SMALL


@dataclass(frozen=True)
class Mlp(Workload):
    """Dense layers with an activation between them."""
    sizes: tuple
    batch: int
    activation: str = "relu"
    loss: str = "cross_entropy"
    unit, torch_variants, jax_variants = "samples", ("plain",), ("plain",)

    @property
    def counted(self):
        return self.batch

    @property
    def products(self):
        """FLOPs of each layer's product with one batch."""
        return [2 * self.batch * n * m for n, m in zip(self.sizes, self.sizes[1:])]

    @property
    def flops(self):
        """Forward, weight gradients, and input gradients of all layers but the first."""
        return 3 * sum(self.products) - self.products[0]

    def parameters(self):
        """Names count every layer of an nn.Sequential, activations too."""
        uniform = generator(WEIGHTS_SEED)
        for i, (n, m) in enumerate(zip(self.sizes, self.sizes[1:])):
            yield from dense(uniform, str(2 * i), n, m)

    def data(self):
        draw = numpy.random.default_rng(DATA_SEED)
        x = draw.random((self.batch, self.sizes[0]), dtype=numpy.float32)
        if self.loss == "bce_with_logits":
            return x, draw.integers(0, 2, (self.batch, self.sizes[-1])).astype(numpy.float32)
        return x, draw.integers(0, self.sizes[-1], self.batch)


@dataclass(frozen=True)
class MnistCnn(Workload):
    """Two 3x3 convolutions without padding, max-pool, two dense layers; ReLU between them."""
    batch: int
    loss = "cross_entropy"
    unit, torch_variants, jax_variants = "samples", ("plain", "channels-last"), ("nhwc", "nchw", "slices")

    @property
    def counted(self):
        return self.batch

    @property
    def flops(self):
        first, second = 26 * 26 * 32 * 9, 24 * 24 * 64 * 32 * 9
        return 2 * self.batch * (2 * first + 3 * second + 3 * (9216 * 128 + 128 * 10))

    def parameters(self):
        uniform = generator(WEIGHTS_SEED)
        for name, inputs, outputs in (("c1", 1, 32), ("c2", 32, 64)):
            yield f"{name}.weight", uniform((9 * inputs) ** -0.5, outputs, inputs, 3, 3)
            yield f"{name}.bias", uniform((9 * inputs) ** -0.5, outputs)
        yield from dense(uniform, "f1", 9216, 128)
        yield from dense(uniform, "f2", 128, 10)

    def data(self):
        return images(self.batch, 1, 28, 28)


@dataclass(frozen=True)
class Resnet20(Workload):
    """The residual network for CIFAR-10, with batch norm in training mode and 1x1 convolutions where shapes differ."""
    batch: int
    loss = "cross_entropy"
    unit, torch_variants, jax_variants = "samples", ("plain", "channels-last"), ("nhwc", "nchw", "slices")
    blocks = ((16, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1),
              (64, 64, 1))  # inputs, outputs, stride

    @property
    def counted(self):
        return self.batch

    @property
    def flops(self):
        total, size = 2 * 32 * 32 * 16 * 3 * 9, 32  # the first layer, which has no input gradient
        for inputs, outputs, stride in self.blocks:
            size //= stride
            shortcut = inputs * outputs if inputs != outputs else 0
            total += 3 * size * size * (9 * (inputs + outputs) * outputs + shortcut)
        return 2 * self.batch * (total + 3 * 64 * 10)

    def parameters(self):
        uniform = generator(WEIGHTS_SEED)

        def convolution(name, inputs, outputs, kernel):
            yield f"{name}.weight", uniform((inputs * kernel ** 2) ** -0.5, outputs, inputs, kernel, kernel)

        yield from convolution("c", 3, 16, 3)
        yield from norm("b", 16)
        for i, (inputs, outputs, stride) in enumerate(self.blocks):
            yield from convolution(f"l.{i}.c1", inputs, outputs, 3)
            yield from norm(f"l.{i}.b1", outputs)
            yield from convolution(f"l.{i}.c2", outputs, outputs, 3)
            yield from norm(f"l.{i}.b2", outputs)
            if inputs != outputs:
                yield from convolution(f"l.{i}.sc.0", inputs, outputs, 1)
                yield from norm(f"l.{i}.sc.1", outputs)
        yield from dense(uniform, "f", 64, 10)

    def data(self):
        return images(self.batch, 3, 32, 32)


@dataclass(frozen=True)
class CharLstm(Workload):
    """Embedding, LSTM layers of the same width, dense."""
    vocabulary: int
    width: int
    layers: int
    batch: int
    steps: int
    loss = "cross_entropy"
    unit, torch_variants, jax_variants = "tokens", ("batch-first", "time-first"), ("loop", "unroll-5", "joined")

    @property
    def counted(self):
        return self.batch * self.steps

    @property
    def flops(self):
        gates = self.layers * 2 * self.width * 4 * self.width
        return 3 * 2 * self.counted * (gates + self.width * self.vocabulary)

    def parameters(self):
        uniform = generator(WEIGHTS_SEED)
        gates = 4 * self.width
        yield "e.weight", uniform(3 ** 0.5, self.vocabulary, self.width)
        for i in range(self.layers):
            for part, shape in (("weight_ih", (gates, self.width)), ("weight_hh", (gates, self.width)),
                                ("bias_ih", (gates,)), ("bias_hh", (gates,))):
                yield f"r.{part}_l{i}", uniform(self.width ** -0.5, *shape)
        yield from dense(uniform, "o", self.width, self.vocabulary)

    def data(self):
        return tokens(self.vocabulary, self.batch, self.steps)


@dataclass(frozen=True)
class Gpt(Workload):
    """GPT-2: learnt positions, layer norm first, tanh-GELU, the embedding as head."""
    vocabulary: int
    positions: int
    layers: int
    heads: int
    width: int
    batch: int
    context: int
    loss = "cross_entropy"
    unit, torch_variants, jax_variants = "tokens", ("fused-attention", "products"), ("products", "fused-attention")

    @property
    def counted(self):
        return self.batch * self.context

    @property
    def flops(self):
        """Of attention's two products, the half that the causal mask keeps."""
        layer = 12 * self.width ** 2 + 2 * (self.context + 1) / 2 * self.width
        return 3 * 2 * self.counted * (self.layers * layer + self.width * self.vocabulary)

    def parameters(self):
        uniform = generator(WEIGHTS_SEED)
        bound, width = 0.02 * 3 ** 0.5, self.width
        yield "we.weight", uniform(bound, self.vocabulary, width)
        yield "pe.weight", uniform(bound, self.positions, width)
        for i in range(self.layers):
            yield from norm(f"b.{i}.n1", width)
            yield from dense(uniform, f"b.{i}.qkv", width, 3 * width, bound)
            yield from dense(uniform, f"b.{i}.p", width, width, bound)
            yield from norm(f"b.{i}.n2", width)
            yield from dense(uniform, f"b.{i}.f", width, 4 * width, bound)
            yield from dense(uniform, f"b.{i}.g", 4 * width, width, bound)
        yield from norm("n", width)

    def data(self):
        return tokens(self.vocabulary, self.batch, self.context)


def numbers(place, low, high, *shape):
    """The numbers of an objective's input, which is the place-th of them: uniform in f64, drawn by SplitMix64 (Steele,
    Lea, Flood, 2014) as blasgrad's bench does."""
    z = numpy.arange(1, math.prod(shape) + 1, dtype=numpy.uint64) * numpy.uint64(0x9e3779b97f4a7c15)
    z += numpy.uint64(place)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xbf58476d1ce4e5b9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94d049bb133111eb)
    z ^= z >> numpy.uint64(31)
    return (low + (high - low) * ((z >> numpy.uint64(40)).astype(numpy.float64) / 2 ** 24)).reshape(shape)


class Objective(Workload):
    """A function and its gradient by all parameters, in f64; parameters() and data() give what it takes."""
    is_f64, has_same_numbers, unit, counted = True, True, "gradients", 1
    torch_variants = jax_variants = ("plain",)

    def data(self):
        return ()


@dataclass(frozen=True)
class Gmm(Objective):
    """Log posterior of a Gaussian mixture with a Wishart prior: Srajer, Kukelova, Fitzgibbon, A benchmark of selected
    algorithmic differentiation tools, 2018, where ADBench's programs subtract the logarithm of the prior; here it is
    added, as in GradBench's gmm. A component's inverse covariance factor is held as in that benchmark: d logarithms of
    the diagonal, then the strict lower triangle, column by column.

    The variants: Q(x - mean) by component, or Qx - Q mean, whose first part is one product for all components."""
    dimension: int
    components: int
    points: int
    gamma, wishart_m = 1.0, 0
    torch_variants = jax_variants = ("centred", "expanded")

    @property
    def flops(self):
        """Of Qx for each component and point, and of its gradient by Q."""
        return 2 * 2 * self.points * self.components * self.dimension ** 2

    @functools.cached_property
    def constant(self):
        """What does not depend on the parameters: of the normal density, and of the prior."""
        d, n = self.dimension, self.dimension + self.wishart_m + 1
        log_gamma = 0.25 * d * (d - 1) * math.log(math.pi) + sum(math.lgamma(0.5 * (n - j)) for j in range(d))
        prior = n * d * (math.log(self.gamma) - 0.5 * math.log(2)) - log_gamma
        return self.components * prior - 0.5 * self.points * d * math.log(2 * math.pi)

    @property
    def lower(self):
        """Rows and columns of the strict lower triangle, in the order of the factors' numbers."""
        columns, rows = numpy.triu_indices(self.dimension, 1)
        return rows, columns

    def parameters(self):
        k, d = self.components, self.dimension
        yield "alphas", numbers(1, -1, 1, k)
        yield "means", numbers(2, 0, 1, k, d)
        yield "factors", numbers(3, -0.2, 0.2, k, d * (d + 1) // 2)

    def data(self):
        return numbers(4, 0, 1, self.points, self.dimension),


@dataclass(frozen=True)
class Lse(Objective):
    """Logarithm of a sum of exponentials, as in GradBench."""
    size: int
    flops, is_small = 0, False

    def parameters(self):
        yield "x", numbers(1, 0, 1, self.size)


@dataclass(frozen=True)
class Llsq(Objective):
    """Half the squares of sign(t) less a polynomial, at equidistant t from -1 to 1, as in GradBench. The powers of t
    are part of the step, here as in blasgrad.

    The variants: a product with all powers, or with the first few of them and then a sum with powers of the next."""
    places: int
    coefficients: int
    is_small = False
    torch_variants = jax_variants = ("product", "split")
    few = 16

    @property
    def flops(self):
        return 2 * 2 * self.places * self.coefficients

    def parameters(self):
        yield "x", numbers(1, 0, 1, self.coefficients)

    def data(self):
        return 2 * numpy.arange(self.places, dtype=numpy.float64) / (self.places - 1) - 1,


@dataclass(frozen=True)
class Kmeans(Objective):
    """Squared distances of points from the nearest centroid, their gradient, and Newton's direction: the gradient
    divided by the Hessian, which is diagonal, so that its product with ones holds it. As in GradBench.

    The variants: the least of all squared distances, or the index of the nearest centroid first, and only the distance
    from that one differentiated."""
    points: int
    centroids: int
    dimension: int
    is_small = False
    torch_variants = jax_variants = ("least", "nearest")

    @property
    def flops(self):
        return 2 * self.points * self.centroids * self.dimension

    def parameters(self):
        yield "centroids", self.data()[0][-self.centroids:].copy()

    def data(self):
        return numbers(2, 0, 1, self.points, self.dimension),


@dataclass(frozen=True)
class Lstm(Objective):
    """ADBench's recurrent network, whose weights are diagonal: in each layer the input gate and the change see the
    state alone, the forget and the output gate the input alone.

    The variants: step by step or layer by layer; in JAX also with the loop unrolled."""
    steps: int
    layers: int
    width: int
    flops = 0
    torch_variants, jax_variants = ("steps", "layers"), ("loop", "unroll-8")

    def parameters(self):
        yield "main", numbers(1, 0, 1, 2 * self.layers, 4 * self.width)
        yield "extra", numbers(2, 0, 1, 3, self.width)

    def data(self):
        """State before the first step, and the sequence of bits."""
        sequence = numbers(4, 0, 1, self.steps, self.width)
        return numbers(3, 0, 1, 2 * self.layers, self.width), numpy.where(sequence < 0.5, 0.0, 1.0)


# Routines of Matrices: how many FLOPs each takes with its gradient, in n^3 and n^2 times right-hand sides; of the
# gradients' usual formulas.
ROUTINES = {
    "cholesky": (1 / 3 + 2, 0),
    "solve": (2 / 3, 6),
    "solve_triangular": (0, 4),
    "lu": (2 / 3 + 4, 0),
    "qr": (4 / 3 + 4 / 3 + 5, 0),
    "inv": (2 + 4, 0),
    "slogdet": (2 / 3 + 4 / 3, 0),
    "eigh": (9 + 4, 0),
    "svd": (22 + 8, 0),
}
# Ways to write one, beside the first, where there are more.
TORCH_ROUTINES = {"lu": ("packed", "parts")}
JAX_ROUTINES = {"cholesky": ("plain", "symmetrized"), "solve": ("plain", "factors")}


@dataclass(frozen=True)
class Matrices(Workload):
    """A routine of linear algebra on a batch of n x n matrices (0: on one matrix), as a function of its operands, and
    its gradient by them from given cotangents; the value is what these make of the results. An eigenvector's sign is
    anything, so that for eigh the value is x . f(a) . y with f(w) = w^2, and for svd x . u . diag(s^3) . vt . y, which
    cost no more than products with a vector and have gradients without small differences.

    Numbers of f64 are those of f32."""
    routine: str
    n: int
    batch: int
    is_f64: bool = False
    unit, counted, has_same_numbers, counts_products = "gradients", 1, True, False

    @property
    def torch_variants(self):
        return TORCH_ROUTINES.get(self.routine, ("plain",))

    @property
    def jax_variants(self):
        return JAX_ROUTINES.get(self.routine, ("plain",))

    @property
    def columns(self):
        return min(self.n, 16)

    @property
    def flops(self):
        cubes, squares = ROUTINES[self.routine]
        return max(self.batch, 1) * self.n ** 2 * (cubes * self.n + squares * self.columns)

    def numbers(self, place, low, high, rows, columns):
        return numbers(place, low, high, max(self.batch, 1), rows, columns)

    def laid_out(self, array):
        array = array.astype(numpy.float32)
        return (array.astype(numpy.float64) if self.is_f64 else array)[slice(None) if self.batch else 0]

    def parameters(self):
        n, i = self.n, numpy.arange(self.n)
        a = self.numbers(1, -1, 1, n, n)
        if self.routine in ("cholesky", "eigh"):
            a = numpy.tril(a) + numpy.tril(a, -1).swapaxes(1, 2)
        # Far from singular; for pivoting, every row has its large element in another column than its own.
        if self.routine in ("cholesky", "solve_triangular"):
            a[:, i, i] += math.ceil(2 * math.sqrt(n))
        if self.routine in ("solve", "lu", "inv", "slogdet"):
            a[:, i, (i + n // 2) % n] += math.ceil(2 * math.sqrt(n))
        yield "a", self.laid_out(a)
        if self.routine.startswith("solve"):
            yield "b", self.laid_out(self.numbers(2, -1, 1, n, self.columns))

    def cotangents(self):
        """Of the results: l; x; l and u together, without the ones of l; q and r; the inverse; the logarithm. For eigh
        and svd: x and y."""
        n, place = self.n, 3 if self.routine.startswith("solve") else 2
        if self.routine in ("eigh", "svd"):
            return [self.laid_out(self.numbers(place + i, -1, 1, n, 1)) for i in (0, 1)]
        if self.routine == "slogdet":
            return [self.laid_out(self.numbers(place, 0.5, 1.5, 1, 1)[:, 0, 0])]
        if self.routine == "qr":
            return [self.laid_out(self.numbers(place + i, 0.5, 1.5, n, n)) for i in (0, 1)]
        return [self.laid_out(self.numbers(place, 0.5, 1.5, n, self.columns if self.routine.startswith("solve") else n))]


@dataclass(frozen=True)
class Hvp(Workload):
    """Hessian of an Mlp's loss by its parameters, times a vector. What stands for the loss is half the product of the
    result with the vector."""
    network: Mlp
    unit, counted = "products", 1
    torch_variants = ("double-backward", "forward-over-reverse")
    jax_variants = ("forward-over-reverse", "reverse-over-reverse")

    @property
    def flops(self):
        """Forward and backward-data, then their derivatives along the vector and those of the weight gradients: a
        product of two varying factors has two terms. The input of the first layer does not vary, and nothing needs the
        gradient by that of the second, as ReLU has no second derivative."""
        first, second, *rest = self.network.products
        return 3 * first + 7 * second + 8 * sum(rest)

    def parameters(self):
        return self.network.parameters()

    def vector(self):
        uniform = generator(DATA_SEED)
        for name, array in self.parameters():
            yield name, uniform(1.0, *array.shape)

    def data(self):
        return self.network.data()


WORKLOADS = {
    "tiny": Mlp((2, 16, 16, 1), 32, "tanh", "bce_with_logits"),
    "mlp-b1": Mlp((784, 512, 512, 10), 1),
    "mlp-b32": Mlp((784, 512, 512, 10), 32),
    "mlp-b128": Mlp((784, 512, 512, 10), 128),
    "mlp-b512": Mlp((784, 512, 512, 10), 512),
    "wide": Mlp((1024, 4096, 4096, 1000), 256),
    "mnist-cnn": MnistCnn(64),
    "resnet20": Resnet20(128),
    "char-lstm": CharLstm(65, 256, 2, 50, 50),
    "char-gpt": Gpt(65, 64, 4, 4, 128, 12, 64),
    "gpt2": Gpt(50257, 1024, 12, 12, 768, 4, 64),
    "gmm": Gmm(64, 50, 1000),
    "lse": Lse(1280000),
    "llsq": Llsq(16384, 128),
    "kmeans": Kmeans(10000, 100, 16),
    "lstm": Lstm(1024, 2, 14),
    "hvp": Hvp(Mlp((784, 512, 512, 10), 128)),
}

# Each routine on batches of 1000 and on one matrix: cholesky-4x1000, cholesky-512 .., in f64 with -f64 behind it.
MATRICES = {f"{routine}-{n}" + (f"x{batch}" if batch else "") + ("-f64" if is_f64 else ""):
            Matrices(routine, n, batch, is_f64)
            for routine in ROUTINES for is_f64 in (False, True)
            for n, batch in ((4, 1000), (16, 1000), (64, 1000), (512, 0), (2048, 0))}
# What is measured unless workloads are named.
USUAL = tuple(WORKLOADS)
WORKLOADS |= MATRICES


def of_routine(routine):
    """Names of all workloads on it."""
    return [name for name, workload in MATRICES.items() if workload.routine == routine]
