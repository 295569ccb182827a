"""Golden values: what PyTorch 2.13 and scikit-learn 1.9 compute, written down for the C tests.

    pip install torch==2.13.0 scikit-learn==1.9.1
    python tests/golden/generate.py              writes the .txt files beside this script
    python tests/golden/generate.py --check      compares them with what PyTorch computes now; exit 1 if it differs

Each module beside it has the records of one or more files; with names of modules it generates those alone.

They pin down semantics: kinks, ties, infinities, NaN, reductions, the order of an optimizer's steps. Precision has its
own oracles: some of PyTorch's values cancel (gelu far below 0), so compare |a - b| with 1e-12 max(1, |b|) or the like,
and zeros without their sign. Everything is f64.

The files, read by tests/support/golden.h
-----------------------------------------
    # a comment, also an empty line
    [maximum]                                    a record: its name, unique in the file
    op = maximum                                 a text
    x0[2,3] = 0 -0 0x1.8p+0 -inf nan 12          an array: shape, then its elements in row-major order
    lr[] = 0x1.999999999999ap-4                  an array of rank 0

One line holds one text or array. Numbers are decimal integers, C's hexadecimal floats (exact), inf, -inf, nan. None is
subnormal, so flush-to-zero changes nothing. Indices and conditions are written as the numbers they are; which arrays
they are follows from the op.

All files but training.txt
elementwise.txt  reductions.txt  contractions.txt  einsum.txt  distances.txt  views.txt  losses.txt
loss_numbers.txt  loss_classes.txt  loss_pairs.txt  loss_ctc.txt
    op               the op's name without bg_, one word for each builder
    x0, x1, x2       inputs, in the builder's order
    y                output
    dy               cotangent of the output; left out, with the gradients, for comparisons
    dx0, dx1, dx2    gradients; left out for inputs that have none (indices, conditions)
    and the op's parameters, each an array by the name that the builder's argument or option has, without is_ and has_;
    an option that is not there has its default, and a truth is 0 or 1. Those that are more than that:
      sum mean max logsumexp          axes[n], dropped from the result; all axes are listed one by one
      softmax log_softmax             axis[]
      matmul linear                   none; linear has w as x1, [out, in], and b as x2 if there is a bias
      einsum                          equation = a text; operands x0, x1, ..
      tensordot                       x_axes[n], y_axes[n]
      bilinear                        none; weight as x2, bias as x3 if there is one
      cross                           axis[]
      normalize cosine_similarity     axis[], eps[]; normalize p[] too
      pairwise_distance cdist         p[]; pairwise_distance eps[] too
      slice                           axis[], start[], stop[], step[]
      concat                          axis[]; inputs x0, x1, ..
      permute                         axes[n]
      reshape broadcast               shape[n]
      gather_class                    none; x1 is the class of each row
      layer_norm rms_norm             axes[n]; weight[], bias[]: 1 if they are among the inputs; eps[]
      group_norm                      weight[], bias[], eps[], groups[]
      instance_norm batch_norm        weight[], bias[], eps[]; evaluation[]: 1 with running mean and variance as inputs
      local_response_norm             size[], alpha[], beta[], k[]
      conv conv_transpose             stride[n], dilation[n], padding[n], .. of n dimensions; same[]: padding that keeps
                                      the size
      max_pool avg_pool lp_pool       window[n], stride[n], ..; ceil[], leaves_out[]: the options of those names
      unfold fold                     window[n], ..; fold image[n] too
      qr svd polar                    part[]: which result, in the order of the struct; svd 3: u · diag(log(1 + s)) · vt.
                                      Vectors are squared, and so is r: their signs are free
      matrix_norm                     kind[] of bg_matrix_norm_kind
      *_indices *_places              the second result of the op whose name stands before
      resize_linear                   corners[]: the corners stay where they are; resize_nearest exact[]
      rnn lstm gru, their cells       hidden[], state[]: widths of the cell and of the state, which differ with projections
      *_loss                          reduction = none | mean | sum; x1 is the target
      *_loss                          reduction = none | mean | sum | batch_mean; x1 is the target, and what follows
                                      are further inputs, weights last; options by name, left out for their default:
                                      beta delta eps margin p label_smoothing ignore_index blank, and as 0 or 1 rate
                                      full log_target swap zero_infinity; weight positive_weight: which are inputs
      where_sqrt                      none; where(x0 > 0, sqrt(x0), 0)
    note             where it is there: what the record shows

nn/layers.txt: torch.nn modules
    layer            the layer's name in test_layers.c, whose builders read its options by name
    evaluation[]     1: in evaluation
    state.NAME       the state dict before the call; num_batches_tracked as a number
    x0, x1, x2       inputs; key and memory, h0, c0 are such
    y, dy, dx0 ..    as above; d.NAME: the gradient of a parameter
    after.NAME       the buffers after the call
nn/networks.txt: the networks of the reference workloads, tiny
    network          the name, as bg_network_find takes it
    width[], layers[], heads[], context[], classes[]      bg_network_options
    x, y             a batch; values of the parameters follow from their names: see pattern in networks.py
    logits           in evaluation, before the first step
    losses[3]        of steps of SGD with rate 0.1, momentum 0.9
    names, sums[n]   the parameters and float buffers; of each, after the steps, its sum weighted by a pattern

nn/lines.txt: networks as torch.nn.Sequential, in evaluation
    line             the layer line; classes[]: 1 if x0 are indices
    state.NAME, x0, y

training.txt: full-batch gradient descent for 20 steps on a network of 5 inputs, 7 tanh units and k outputs
    loss             one of the four losses, by the op's name in losses.txt
    reduction        mean or sum; none: the loss trained on is sum(weights * loss), for the record's weights
    w1 [7, 5], b1 [7], w2 [k, 7], b2 [k]        before the first step
    x [n, 5], target, weights (with none)
    lr[20], momentum[], weight_decay[], nesterov[]
    losses[20]       before the first update, .. before the last
    final_w1, final_b1, final_w2, final_b2      after the last

optimizers.txt: 20 steps of an optimizer on tanh(x weightᵀ + bias) scale - target and a cube on springs
    [problem]        x, target, center, stiffness, and the parameters before the first step
    optimizer        by its name in bg_optimizer_find; its numbers by the names of bg_optimizer's fields
    vectors[]        where it is there: bias and scale have half the learning rate and this weight decay
    lr[20], losses[20], final_weight, final_bias, final_cube, final_scale
    momenta[20]      where it is there: the momentum or beta1 of each step
    ema[] or swa[]   with the averages average_weight ..
lbfgs.txt: calls of LBFGS.step on the same problem
    max_iter[] ..    PyTorch's options; fixed_step[]: 1 without line search
    losses[n]        what each call returned; evaluations[n]: so far
schedules.txt: torch.optim.lr_scheduler for 40 steps
    kind             the function bg_schedule_<kind> or its like; then fields of bg_schedule by their names
    base[], rates[40]; momenta[40] where they change
    metrics[40]      plateau: what it is told after each step
metrics.txt: sklearn.metrics
    kind             classes, binary, numbers: of bg_evaluation_kind
    scores, targets, logits[] and top_k[], or threshold[]; predictions of numbers
    accuracy[], top[], precision[c], recall[c], f1[c], support[c], confusion[c,c], auc[c], mean_auc[]
    macro[3], weighted[3]        precision, recall, f1
    mae[t], rmse[t], r2[t], means[3]
pca.txt: sklearn.decomposition.PCA, with the largest element of each component positive
    x                examples
    components[] or share[], whitening[], eps[]      bg_pca_options; those that are not there are 0
    mean, variances, share_of_all[]
    y                the components of the examples, or the whitened examples
    back             what the components tell of the examples
"""
import argparse
import importlib
import math
import pathlib
import sys

import torch

from records import file_text, parse_number

HERE = pathlib.Path(__file__).resolve().parent
# The modules beside this script: FILES names the files of each, with the function that returns their records.
MODULES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("generate", "records"))


def same_number(a, b, scale):
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-12 * max(abs(b), min(scale, 1.0))


def same_line(a, b):
    """Equal but for the last bits of numbers: other processors take other paths through PyTorch's kernels."""
    if a == b:
        return True
    (left, _, numbers_a), (right, _, numbers_b) = a.partition(" = "), b.partition(" = ")
    if left != right or not left.endswith("]"):
        return False
    first, second = ([parse_number(word) for word in line.split()] for line in (numbers_a, numbers_b))
    scale = max((abs(q) for q in second if math.isfinite(q)), default=0.0)
    return len(first) == len(second) and all(same_number(p, q, scale) for p, q in zip(first, second))


def differences(path, text):
    if not path.exists():
        return [f"{path.name}: missing"]
    old, new = path.read_text().splitlines(), text.splitlines()
    if len(old) != len(new):
        return [f"{path.name}: {len(old)} lines, now {len(new)}"]
    return [f"{path.name}:{i}: differs" for i, (a, b) in enumerate(zip(old, new), 1) if not same_line(a, b)]


def main():
    parser = argparse.ArgumentParser(description="Writes the golden values beside this script.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare with the files that are there")
    parser.add_argument("modules", nargs="*", default=MODULES, metavar="MODULE", help="default: " + " ".join(MODULES))
    arguments = parser.parse_args()
    check = arguments.check
    if not torch.__version__.startswith("2.13."):
        sys.exit(f"generate.py: PyTorch 2.13 defines the golden values, this is {torch.__version__}")
    torch.set_num_threads(1)
    wrong = []
    for module in map(importlib.import_module, arguments.modules):
        for name, records in module.FILES.items():
            text = file_text(module.__doc__, records())
            if check:
                wrong += differences(HERE / name, text)
            else:
                (HERE / name).write_text(text)
                print(f"{name}: {len(text)} bytes")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
