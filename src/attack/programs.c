/* The programs of an attacker: scores of a batch, and the gradient of a loss by the inputs. */
#include <blasgrad/grad.h>
#include <blasgrad/loss.h>
#include <blasgrad/ops.h>

#include "attack/attack.h"
#include "train/metrics.h"

#include <math.h>

/* ---- Losses as nodes ----
 * Each is [batch], and grows as the attack succeeds. */

typedef struct {
    bg_node *x, *labels, *targets, *scores;
    int64_t classes;
    bool is_targeted;
} built;

/* max(z without the class) - z[class] */
static bg_node *margin(const built *b, bg_node *classes)
{
    bg_node *mask = bg_cast(bg_one_hot(classes, b->classes, bg_node_dtype(b->scores)), BG_BOOL);
    bg_node *others = bg_max_along(bg_masked_fill(b->scores, mask, -INFINITY), -1, NULL);
    return bg_sub(others, bg_gather_class(b->scores, classes));
}

/* The scale of DLR. Equal scores would make it 0; the reference code of the paper adds this number. */
static bg_node *spread(const built *b)
{
    int64_t k = b->is_targeted ? 4 : 3;
    bg_node *top = bg_topk(b->scores, k, -1, false, NULL);
    bg_node *lower = bg_select(top, -1, 2);
    if (b->is_targeted)
        lower = bg_mul_scalar(bg_add(lower, bg_select(top, -1, 3)), 0.5);
    return bg_add_scalar(bg_sub(bg_select(top, -1, 0), lower), 1e-12);
}

static bg_node *loss_of(const built *b, bgi_ask ask)
{
    if (ask == BGI_ASK_CROSS_ENTROPY) {
        bg_node *loss = bg_cross_entropy_loss(b->scores, b->is_targeted ? b->targets : b->labels, BG_NONE);
        return b->is_targeted ? bg_neg(loss) : loss;
    }
    if (ask == BGI_ASK_MARGIN)
        return b->is_targeted ? bg_neg(margin(b, b->targets)) : margin(b, b->labels);
    if (ask == BGI_ASK_DIFFERENCE)
        return bg_sub(bg_gather_class(b->scores, b->targets), bg_gather_class(b->scores, b->labels));
    bg_node *gain = b->is_targeted
                        ? bg_sub(bg_gather_class(b->scores, b->targets), bg_gather_class(b->scores, b->labels))
                        : margin(b, b->labels);
    return bg_div(gain, spread(b));
}

/* ---- Programs ---- */

static bg_status build(bg_attacker *attacker, bg_graph *graph, built *b)
{
    b->x = bg_input(graph, "x", bg_model_dtype(attacker->of.model), attacker->of.input);
    b->labels = bg_input(graph, "labels", BG_I64, BG_SHAPE(attacker->of.batch));
    b->targets = bg_input(graph, "targets", BG_I64, BG_SHAPE(attacker->of.batch));
    bg_status status = b->x ? bgi_classifier_scores(&attacker->of, b->x, &b->scores) : bg_graph_status(graph);
    b->classes = attacker->of.classes;
    return status;
}

static bg_status compile(bg_attacker *attacker, const built *b, bgi_ask ask, bg_program **program)
{
    bg_node *outputs[] = { b->scores, NULL };
    bg_status status = BG_OK;
    /* The sum over examples, which do not meet: each row is the gradient of its own loss. */
    if (ask != BGI_ASK_SCORES)
        status = bg_grad(bg_sum(loss_of(b, ask), BG_ALL_AXES), (bg_node *const[]){ b->x }, 1, &outputs[1]);
    if (status == BG_OK)
        status = bg_compile(program, bg_node_graph(b->x), outputs, ask == BGI_ASK_SCORES ? 1 : 2,
                            &(bg_compile_options){ .no_updates = true });
    if (status == BG_OK)
        status = bg_program_bind(*program, b->x, attacker->x);
    if (status == BG_OK)
        status = bg_program_bind(*program, b->labels, attacker->labels);
    if (status == BG_OK)
        status = bg_program_bind(*program, b->targets, attacker->targets);
    return status;
}

bg_status bgi_attack_prepare(bg_attacker *attacker, bgi_ask ask, bool is_targeted)
{
    bg_program **place = &attacker->programs[ask][is_targeted], *program = NULL;
    if (*place)
        return BG_OK;
    bg_graph *graph;
    bg_status status = bg_graph_create(&graph, attacker->of.engine);
    if (status != BG_OK)
        return status;
    built b = { .is_targeted = is_targeted };
    status = build(attacker, graph, &b);
    if (status == BG_OK)
        status = compile(attacker, &b, ask, &program);
    bg_graph_destroy(graph);
    if (status != BG_OK)
        bg_program_destroy(program);
    else
        *place = program;
    return status;
}

/* ---- Asking ---- */

static void round_into(bg_tensor *x, double *point, int64_t n)
{
    void *data = bg_tensor_data(x);
    for (int64_t k = 0; k < n; k++) {
        if (bg_tensor_dtype(x) == BG_F64)
            ((double *)data)[k] = point[k];
        else
            point[k] = ((float *)data)[k] = (float)point[k];
    }
}

static void read_from(double *values, const bg_tensor *tensor, int64_t n)
{
    const void *data = bg_tensor_const_data(tensor);
    bg_dtype dtype = bg_tensor_dtype(tensor);
    for (int64_t k = 0; k < n; k++)
        values[k] = bgi_float_at(data, dtype, k);
}

bg_status bgi_attack_ask(bgi_attack_batch *batch, bgi_ask ask)
{
    bg_attacker *attacker = batch->attacker;
    bool has_gradient = ask != BGI_ASK_SCORES;
    bg_program *program = attacker->programs[ask][has_gradient && batch->is_targeted];
    round_into(attacker->x, batch->point, batch->n * batch->width);
    bg_status status = bgi_classifier_run(&attacker->of, "attack_run", program, batch->first);
    if (status != BG_OK)
        return status;
    read_from(batch->scores, bg_program_output(program, 0), batch->n * batch->classes);
    if (has_gradient)
        read_from(batch->gradient, bg_program_output(program, 1), batch->n * batch->width);
    *(has_gradient ? &batch->gradients : &batch->queries) += (double)batch->n;
    return BG_OK;
}

/* ---- Losses as numbers ---- */

static double largest_other(const double *z, int64_t n, int64_t class)
{
    double largest = -INFINITY;
    for (int64_t k = 0; k < n; k++)
        if (k != class && !(z[k] <= largest))
            largest = z[k];
    return largest;
}

static double cross_entropy(const double *z, int64_t n, int64_t class)
{
    double largest = fmax(largest_other(z, n, class), z[class]), sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += exp(z[k] - largest);
    return largest + log(sum) - z[class];
}

/* The difference by which DLR divides, of a row of scores: by selection of the first four. */
static double spread_of(const double *z, int64_t n, bool is_targeted)
{
    double top[4] = { -INFINITY, -INFINITY, -INFINITY, -INFINITY };
    for (int64_t k = 0; k < n; k++) {
        double score = z[k];
        for (int place = 0; place < 4; place++)
            if (score > top[place]) {
                double lower = top[place];
                top[place] = score;
                score = lower;
            }
    }
    return top[0] - (is_targeted ? (top[2] + top[3]) / 2 : top[2]) + 1e-12;
}

double bgi_attack_value(const bgi_attack_batch *batch, bg_attack_loss loss, int64_t i)
{
    int64_t n = batch->classes, label = batch->labels[i], target = batch->targets[i];
    const double *z = batch->scores + i * n;
    if (loss == BG_ATTACK_CROSS_ENTROPY)
        return batch->is_targeted ? -cross_entropy(z, n, target) : cross_entropy(z, n, label);
    if (loss == BG_ATTACK_MARGIN)
        return batch->is_targeted ? z[target] - largest_other(z, n, target) : largest_other(z, n, label) - z[label];
    double gain = batch->is_targeted ? z[target] - z[label] : largest_other(z, n, label) - z[label];
    return gain / spread_of(z, n, batch->is_targeted);
}

bool bgi_attack_succeeds(const bgi_attack_batch *batch, int64_t i)
{
    const double *z = batch->scores + i * batch->classes;
    int64_t answer = bgi_answer(z, BG_F64, batch->classes);
    if (isnan(z[answer]))
        return !batch->is_targeted;
    return batch->is_targeted ? answer == batch->targets[i] : answer != batch->labels[i];
}
