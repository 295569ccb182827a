"""The reference workloads in JAX. Parameters are trees of their own layouts: dense weights [in, out], filters as their
convolution wants them."""

import jax
import jax.numpy as jnp
import numpy

from jax_matrices import matrices
from workloads import CharLstm, Gmm, Gpt, Hvp, Kmeans, Llsq, Lse, Lstm, Matrices, Mlp, MnistCnn, Resnet20

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}


def cross_entropy(logits, classes):
    picked = jnp.take_along_axis(logits, classes[..., None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - picked)


def bce_with_logits(logits, target):
    return jnp.mean(jnp.logaddexp(0.0, logits) - target * logits)


LOSSES = {"cross_entropy": cross_entropy, "bce_with_logits": bce_with_logits}


def transposed(name, array):
    return array.T if array.ndim == 2 else array


def dense(p, name, x):
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]


# ---- Networks: each gives a function (parameters, statistics, x) -> (prediction, statistics), the statistics before
# the first step, and a function (name, array) that lays a parameter out, and one that lays x out ----

def as_it_is(x):
    return x


def mlp(workload, variant):
    activation, last = ACTIVATIONS[workload.activation], len(workload.sizes) - 2

    def network(p, statistics, x):
        for i in range(last):
            x = activation(dense(p, str(2 * i), x))
        return dense(p, str(2 * last), x), statistics

    return network, {}, transposed, as_it_is


def filter_layout(variant):
    """For filters [out, in, rows, columns]."""
    def lay_out(name, array):
        return array.transpose(2, 3, 1, 0) if array.ndim == 4 and variant != "nchw" else transposed(name, array)
    return lay_out


def image_layout(variant):
    return as_it_is if variant == "nchw" else lambda x: x.transpose(0, 2, 3, 1)


def convolution(variant, x, w, stride=1, padding=0):
    """In the variant "slices" it is one product, with the shifted images side by side."""
    if variant == "slices":
        rows, columns, inputs, outputs = w.shape
        x = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        height, width = x.shape[1] - rows + 1, x.shape[2] - columns + 1
        shifted = [x[:, i:i + height:stride, j:j + width:stride] for i in range(rows) for j in range(columns)]
        return jnp.concatenate(shifted, axis=-1) @ w.reshape(rows * columns * inputs, outputs)
    names = ("NCHW", "OIHW", "NCHW") if variant == "nchw" else ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, w, (stride, stride), [(padding, padding)] * 2, dimension_numbers=names)


def by_channel(variant, vector):
    return vector[:, None, None] if variant == "nchw" else vector


def mnist_cnn(workload, variant):
    filters = filter_layout(variant)

    def lay_out(name, array):
        if name == "f1.weight" and variant != "nchw":
            # Its inputs are numbered by channel, row, column.
            array = array.reshape(-1, 64, 12, 12).transpose(0, 2, 3, 1).reshape(len(array), -1)
        return filters(name, array)

    def network(p, statistics, x):
        for name in ("c1", "c2"):
            bias = by_channel(variant, p[f"{name}.bias"])
            x = jax.nn.relu(convolution(variant, x, p[f"{name}.weight"]) + bias)
        if variant == "slices":
            n, height, width, channels = x.shape
            x = x.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))
        else:
            window = (1, 1, 2, 2) if variant == "nchw" else (1, 2, 2, 1)
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
        x = jax.nn.relu(dense(p, "f1", x.reshape(len(x), -1)))
        return dense(p, "f2", x), statistics

    return network, {}, lay_out, image_layout(variant)


def resnet20(workload, variant):
    pixels = (2, 3) if variant == "nchw" else (1, 2)
    axes = (0, *pixels)
    widths = {"b": 16}
    for i, (inputs, outputs, _) in enumerate(workload.blocks):
        widths |= {f"l.{i}.b1": outputs, f"l.{i}.b2": outputs}
        if inputs != outputs:
            widths[f"l.{i}.sc.1"] = outputs
    first = {name: (jnp.zeros(width), jnp.ones(width)) for name, width in widths.items()}

    def network(p, statistics, x):
        after = {}

        def batch_norm(name, x):
            mean = x.mean(axes)
            variance = jnp.square(x - by_channel(variant, mean)).mean(axes)
            count = x.size // mean.size
            running_mean, running_variance = statistics[name]
            after[name] = (0.9 * running_mean + 0.1 * mean,
                           0.9 * running_variance + 0.1 * variance * (count / (count - 1)))
            scale = jax.lax.rsqrt(variance + 1e-5) * p[f"{name}.weight"]
            x = (x - by_channel(variant, mean)) * by_channel(variant, scale)
            return x + by_channel(variant, p[f"{name}.bias"])

        def convolve(conv, norm, x, stride=1):
            w = p[f"{conv}.weight"]
            size = w.shape[2] if variant == "nchw" else w.shape[0]
            return batch_norm(norm, convolution(variant, x, w, stride, size // 2))

        x = jax.nn.relu(convolve("c", "b", x))
        for i, (inputs, outputs, stride) in enumerate(workload.blocks):
            y = jax.nn.relu(convolve(f"l.{i}.c1", f"l.{i}.b1", x, stride))
            y = convolve(f"l.{i}.c2", f"l.{i}.b2", y)
            if inputs != outputs:
                x = convolve(f"l.{i}.sc.0", f"l.{i}.sc.1", x, stride)
            x = jax.nn.relu(y + x)
        return dense(p, "f", x.mean(pixels)), after

    return network, first, filter_layout(variant), image_layout(variant)


def lstm_cell(c, gates):
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def recurrence(inputs, weight, unroll=1):
    """The outputs h of all steps, from the inputs' part of the gates, [steps, batch, 4 width]."""
    def step(state, from_input):
        h, c = state
        h, c = lstm_cell(c, from_input + h @ weight)
        return (h, c), h

    zero = jnp.zeros((inputs.shape[1], weight.shape[0]))
    return jax.lax.scan(step, (zero, zero), inputs, unroll=unroll)[1]


@jax.custom_vjp
def joined_recurrence(inputs, weight):
    """The same; the gradient by the weight is one product for all steps, where that of a scan is a sum of products."""
    return recurrence(inputs, weight)


def joined_forward(inputs, weight):
    def step(state, from_input):
        h, c = state
        gates = from_input + h @ weight
        after = lstm_cell(c, gates)
        return after, (after[0], h, c, gates)

    zero = jnp.zeros((inputs.shape[1], weight.shape[0]))
    outputs, *saved = jax.lax.scan(step, (zero, zero), inputs)[1]
    return outputs, (weight, *saved)


def joined_backward(saved, doutputs):
    weight, before, *cells = saved

    def step(state, inputs):
        dh, dc = state
        doutput, c, gates = inputs
        dc, dgates = jax.vjp(lstm_cell, c, gates)[1]((dh + doutput, dc))
        return (dgates @ weight.T, dc), dgates

    zero = jnp.zeros_like(before[0])
    dgates = jax.lax.scan(step, (zero, zero), (doutputs, *cells), reverse=True)[1]
    return dgates, jnp.einsum("tbh,tbg->hg", before, dgates)


joined_recurrence.defvjp(joined_forward, joined_backward)


def char_lstm(workload, variant):
    recur = {"loop": recurrence, "unroll-5": lambda inputs, weight: recurrence(inputs, weight, 5),
             "joined": joined_recurrence}[variant]

    def lay_out(name, array):
        return array if name == "e.weight" else transposed(name, array)

    def network(p, statistics, x):
        x = p["e.weight"][x.T]
        for layer in range(workload.layers):
            # The inputs' products of all steps are one.
            inputs = x @ p[f"r.weight_ih_l{layer}"] + (p[f"r.bias_ih_l{layer}"] + p[f"r.bias_hh_l{layer}"])
            x = recur(inputs, p[f"r.weight_hh_l{layer}"])
        return dense(p, "o", x).swapaxes(0, 1), statistics

    return network, {}, lay_out, as_it_is


def layer_norm(p, name, x):
    x = x - x.mean(-1, keepdims=True)
    x = x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-5)
    return x * p[f"{name}.weight"] + p[f"{name}.bias"]


def attention(variant, q, k, v):
    """Each is [batch, steps, heads, width of a head]."""
    if variant == "fused-attention":
        return jax.nn.dot_product_attention(q, k, v, is_causal=True)
    steps = q.shape[1]
    q, k, v = (part.swapaxes(1, 2) for part in (q, k, v))
    scores = q @ k.swapaxes(2, 3) * q.shape[-1] ** -0.5
    scores = jnp.where(jnp.tril(jnp.ones((steps, steps), bool)), scores, -jnp.inf)
    return (jax.nn.softmax(scores) @ v).swapaxes(1, 2)


def gpt(workload, variant):
    def lay_out(name, array):
        return array if name in ("we.weight", "pe.weight") else transposed(name, array)

    def network(p, statistics, x):
        n, steps = x.shape
        x = p["we.weight"][x] + p["pe.weight"][:steps]
        for i in range(workload.layers):
            b = f"b.{i}"
            parts = jnp.split(dense(p, f"{b}.qkv", layer_norm(p, f"{b}.n1", x)), 3, axis=-1)
            y = attention(variant, *(part.reshape(n, steps, workload.heads, -1) for part in parts))
            x = x + dense(p, f"{b}.p", y.reshape(n, steps, workload.width))
            y = jax.nn.gelu(dense(p, f"{b}.f", layer_norm(p, f"{b}.n2", x)), approximate=True)
            x = x + dense(p, f"{b}.g", y)
        return layer_norm(p, "n", x) @ p["we.weight"].T, statistics

    return network, {}, lay_out, as_it_is


NETWORKS = {Mlp: mlp, MnistCnn: mnist_cnn, Resnet20: resnet20, CharLstm: char_lstm, Gpt: gpt}


def network_of(workload, variant):
    """(loss, parameters, statistics, data), where loss(parameters, statistics, *data) gives the loss and the next
    statistics."""
    network, statistics, lay_out, prepare = NETWORKS[type(workload)](workload, variant)

    def loss(parameters, statistics, x, target):
        prediction, statistics = network(parameters, statistics, x)
        return LOSSES[workload.loss](prediction, target), statistics

    parameters = {name: jnp.asarray(lay_out(name, array)) for name, array in workload.parameters()}
    x, target = workload.data()
    return loss, parameters, statistics, (jnp.asarray(prepare(x)), jnp.asarray(target))


# ---- Functions without an update: each gives a function of its arguments that returns the value and a tree of results,
# and the arguments ----

def inputs_of(workload):
    """Parameters and data of an objective, which is in f64."""
    jax.config.update("jax_enable_x64", True)
    parameters = {name: jnp.asarray(array) for name, array in workload.parameters()}
    return parameters, *(jnp.asarray(array) for array in workload.data())


def gmm(workload, variant):
    k, d = workload.components, workload.dimension
    rows, columns = workload.lower
    # Where the numbers of a factor lie in its matrix.
    places = numpy.concatenate([numpy.arange(d) * (d + 1), rows * d + columns])

    def objective(p, x):
        logs, lower = p["factors"][:, :d], p["factors"][:, d:]
        diagonal, sums = jnp.exp(logs), logs.sum(1)
        numbers = jnp.concatenate([diagonal, lower], axis=1)
        q = jnp.zeros((k, d * d)).at[:, places].set(numbers, unique_indices=True).reshape(k, d, d)
        if variant == "centred":
            distances = jnp.square((x - p["means"][:, None]) @ q.swapaxes(1, 2)).sum(2).T
        else:
            y = (x @ q.reshape(k * d, d).T).reshape(-1, k, d) - jnp.einsum("kij,kj->ki", q, p["means"])
            distances = jnp.square(y).sum(2)
        likelihood = jax.nn.logsumexp(p["alphas"] + sums - 0.5 * distances, axis=1).sum()
        likelihood -= len(x) * jax.nn.logsumexp(p["alphas"])
        prior = 0.5 * workload.gamma ** 2 * (jnp.square(diagonal).sum() + jnp.square(lower).sum())
        return likelihood - prior + workload.wishart_m * sums.sum() + workload.constant

    return jax.value_and_grad(objective), inputs_of(workload)


def lse(workload, variant):
    return jax.value_and_grad(lambda p: jax.nn.logsumexp(p["x"])), inputs_of(workload)


def llsq(workload, variant):
    def powers(t, count):
        columns = [jnp.ones_like(t)]
        while len(columns) < count:
            columns.append(columns[-1] * t)
        return jnp.stack(columns, 1)

    def objective(p, t):
        if variant == "product":
            y = powers(t, len(p["x"])) @ p["x"]
        else:
            parts = p["x"].reshape(-1, workload.few)
            y = ((powers(t, workload.few) @ parts.T) * powers(t ** workload.few, len(parts))).sum(1)
        return 0.5 * jnp.square(jnp.sign(t) - y).sum()

    return jax.value_and_grad(objective), inputs_of(workload)


def kmeans(workload, variant):
    def evaluate(p, points):
        def objective(centroids):
            distances = jnp.square(centroids).sum(1) - 2 * (points @ centroids.T)
            if variant == "least":
                return (jnp.square(points).sum(1) + distances.min(1)).sum()
            return jnp.square(points - centroids[jax.lax.stop_gradient(distances).argmin(1)]).sum()

        centroids = p["centroids"]
        (value, gradient), (_, diagonal) = jax.jvp(jax.value_and_grad(objective), (centroids,),
                                                   (jnp.ones_like(centroids),))
        return value, (gradient, gradient / diagonal)

    return evaluate, inputs_of(workload)


def lstm(workload, variant):
    layers, d = workload.layers, workload.width

    def objective(p, state, sequence):
        weights, biases = p["main"].reshape(layers, 2, 4, d).swapaxes(0, 1)

        def step(state, x):
            after = []
            for i, (hidden, cell) in enumerate(state):
                w, b = weights[i], biases[i]
                forget, out = (jax.nn.sigmoid(x * w[g] + b[g]) for g in (0, 2))
                cell = cell * forget + jax.nn.sigmoid(hidden * w[1] + b[1]) * jnp.tanh(hidden * w[3] + b[3])
                x = out * jnp.tanh(cell)
                after.append((x, cell))
            return tuple(after), x

        first = tuple((state[2 * i], state[2 * i + 1]) for i in range(layers))
        y = jax.lax.scan(step, first, sequence[:-1] * p["extra"][0], unroll=8 if variant == "unroll-8" else 1)[1]
        y = y * p["extra"][1] + p["extra"][2]
        return -(sequence[1:] * (y - jnp.log(2 + jnp.exp(y).sum(1, keepdims=True)))).mean()

    return jax.value_and_grad(objective), inputs_of(workload)


def hvp(workload, variant):
    loss, parameters, statistics, data = network_of(workload.network, "plain")
    vector = {name: jnp.asarray(transposed(name, array)) for name, array in workload.vector()}

    def inner(a, b):
        return sum(jax.tree.leaves(jax.tree.map(lambda a, b: jnp.vdot(a, b), a, b)))

    def evaluate(parameters, vector, *data):
        gradient = jax.grad(lambda p: loss(p, statistics, *data)[0])
        if variant == "forward-over-reverse":
            product = jax.jvp(gradient, (parameters,), (vector,))[1]
        else:
            product = jax.grad(lambda p: inner(gradient(p), vector))(parameters)
        # The loss of this quadratic form, a tenth of a per cent of the work.
        return 0.5 * inner(product, vector), product

    return evaluate, (parameters, vector, *data)


FUNCTIONS = {Gmm: gmm, Hvp: hvp, Kmeans: kmeans, Llsq: llsq, Lse: lse, Lstm: lstm, Matrices: matrices}
