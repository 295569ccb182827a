/* Tests of the tests: what gradient rules return is altered, rule by rule, and gradcheck has to notice. */
#define _DEFAULT_SOURCE
#include "cases/instance.h"
#include "support/suite.h"
#include "support/trial.h"

#include "ops/ops.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST_OPS = 400, MOST_PLACES = 20000, MOST_NAMES = 16384 };

/* ---- Mutations ---- */

typedef enum { DROPPED, SCALED, SWAPPED, NOT_SUMMED, MUTATIONS } mutation;
static const char *const mutation_names[] = { "dropped", "times 1.001", "swapped", "not summed" };

/* The mutant of the hook: of one op's rule and one input; for SWAPPED of inputs 0 and 1. */
static const bg_op *mutant_op;
static mutation mutant;
static int mutant_input;
static bool was_applied; /* somewhere: inputs that differ in shape cannot be swapped */

/* The first of the elements that were repeated, in place of their sum. */
static bg_node *first_of_repeated(const bg_node *x, bg_node *dy)
{
    int added = dy->shape.rank - x->shape.rank;
    for (int i = 0; i < dy->shape.rank; i++)
        if (i < added || (x->shape.dims[i - added] == 1 && dy->shape.dims[i] > 1))
            dy = bg_slice(dy, i, 0, 1, 1);
    return bg_reshape(dy, x->shape);
}

static bool is_mutant_of(const bg_node *node, int input)
{
    return node->op == mutant_op && (mutant == SWAPPED ? input < 2 : input == mutant_input);
}

static bg_node *altered(bg_node *node, int input, bg_node *dy, bg_node *dx)
{
    bg_node *other = NULL;
    switch (mutant) {
    case DROPPED:
        return NULL;
    case SCALED:
        return bg_mul_scalar(dx, 1.001);
    case SWAPPED:
        if (node->n_inputs < 2 || !bg_shape_equal(node->inputs[0]->shape, node->inputs[1]->shape) ||
            node->inputs[0]->dtype != node->inputs[1]->dtype)
            return dx;
        other = node->op->gradient(node, 1 - input, dy);
        return other ? other : dx;
    case NOT_SUMMED:
        return dy->shape.rank > 0 && bg_shape_count(dy->shape) > 0 ? first_of_repeated(node->inputs[0], dy) : dx;
    case MUTATIONS:
        break;
    }
    return dx;
}

static bg_node *alter(bg_node *node, int input, bg_node *dy, bg_node *dx)
{
    if (!dx || !is_mutant_of(node, input))
        return dx;
    bg_node *instead = altered(node, input, dy, dx);
    was_applied = was_applied || instead != dx;
    return instead;
}

/* ---- Where rules are used ---- */

typedef struct {
    int case_index, variant;
} place;

static const bg_op *ops[MOST_OPS];
static int n_ops;

/* Of each op and place, in memory shared with the children that Check forks; bit i: the rule gave a gradient for input
 * i there. */
typedef uint16_t seen_inputs[MOST_OPS];
static struct {
    int n;
    place places[MOST_PLACES];
    seen_inputs inputs[MOST_PLACES];
} * seen;

static bg_node *look(bg_node *node, int input, bg_node *dy, bg_node *dx)
{
    (void)dy;
    for (int i = 0; i < n_ops && dx; i++)
        if (ops[i] == node->op)
            seen->inputs[seen->n][i] |= (uint16_t)(1 << (input < 8 ? input : 8));
    return dx;
}

static void list_ops(void)
{
    for (int f = 0; bgi_op_families[f]; f++)
        for (int k = 0; bgi_op_families[f][k]; k++)
            if (bgi_op_families[f][k]->gradient && !bgi_op_families[f][k]->is_constant && n_ops < MOST_OPS)
                ops[n_ops++] = bgi_op_families[f][k];
}

/* Gradients of all inputs for a cotangent of the instance's own numbers. */
static bg_status gradients_of(op_instance *o, bg_node **dxs)
{
    bg_dtype dtype = bg_node_dtype(o->y);
    bg_node *y = dtype == BG_F64 ? o->y : bg_cast(o->y, BG_F64);
    int64_t count = bg_shape_count(bg_node_shape(y));
    bg_node *steps = bg_arange(o->graph, BG_F64, 1, (double)count + 0.5, 1);
    bg_node *cotangent = bg_reshape(bg_sin(steps), bg_node_shape(y));
    return bg_grad_from(&y, &cotangent, 1, o->xs, (size_t)o->n_xs, dxs);
}

START_TEST(test_places)
{
    for (int i = 0; i < op_case_count(); i++)
        for (int v = 0; v < op_case_at(i)->n_variants && op_case_at(i)->gradient != IS_STOPPED; v++, seen->n++) {
            op_instance o;
            bg_node *dxs[CASE_MOST_INPUTS];
            ck_assert_int_lt(seen->n, MOST_PLACES);
            seen->places[seen->n] = (place){ i, v };
            must(op_instance_make(&o, trial_engine(), i, v, IS_PLAIN, BG_F64), o.label);
            o.graph->alter_gradient = look;
            must(gradients_of(&o, dxs), o.label);
            op_instance_free(&o);
        }
}
END_TEST

/* The op's own cases first. */
static int find_places(int op, place *places, int *inputs)
{
    int n = 0;
    *inputs = 0;
    for (int is_own = 1; is_own >= 0; is_own--)
        for (int i = 0; i < seen->n; i++) {
            const op_case *c = op_case_at(seen->places[i].case_index);
            if ((c->op && strcmp(c->op, ops[op]->name) == 0) != is_own || !seen->inputs[i][op])
                continue;
            *inputs |= seen->inputs[i][op];
            places[n++] = seen->places[i];
        }
    return n;
}

/* ---- Killing ---- */

static bg_program *gradient_program(op_instance *o, place p, bg_node *(*hook)(bg_node *, int, bg_node *, bg_node *))
{
    bg_node *dxs[CASE_MOST_INPUTS];
    bg_program *program = NULL;
    must(op_instance_make(o, trial_engine(), p.case_index, p.variant, IS_PLAIN, BG_F64), o->label);
    o->graph->alter_gradient = hook;
    must(gradients_of(o, dxs), o->label);
    o->graph->alter_gradient = NULL;
    must(bg_compile(&program, o->graph, dxs, (size_t)o->n_xs, &(bg_compile_options){ .no_updates = true }), o->label);
    must(bg_program_run(program), o->label);
    return program;
}

/* Whether the gradients are those of the mutant: inputs that differ in shape cannot be swapped. */
static bool is_there(place p)
{
    op_instance o;
    bg_node *dxs[CASE_MOST_INPUTS];
    was_applied = false;
    must(op_instance_make(&o, trial_engine(), p.case_index, p.variant, IS_PLAIN, BG_F64), o.label);
    o.graph->alter_gradient = alter;
    must(gradients_of(&o, dxs), o.label);
    op_instance_free(&o);
    return was_applied;
}

/* Whether the mutant gives other gradients than the rule. */
static bool has_effect(place p)
{
    op_instance right, wrong;
    bg_program *a = gradient_program(&right, p, NULL), *b = gradient_program(&wrong, p, alter);
    bool differs = false;
    for (int x = 0; x < right.n_xs; x++)
        for (int64_t i = 0; i < right.counts[right.which[x]]; i++) {
            double value = 0, altered = 0;
            must(bg_tensor_item(bg_program_output(a, (size_t)x), i, &value), "a gradient");
            must(bg_tensor_item(bg_program_output(b, (size_t)x), i, &altered), "a gradient");
            differs = differs || !(fabs(value - altered) <= 1e-12 * fmax(1, fabs(value)));
        }
    bg_program_destroy(a);
    bg_program_destroy(b);
    op_instance_free(&right);
    op_instance_free(&wrong);
    return differs;
}

static bool is_caught(place p, bool with_second)
{
    op_instance o;
    must(op_instance_make(&o, trial_engine(), p.case_index, p.variant, IS_PLAIN, BG_F64), o.label);
    bg_node *y = bg_node_dtype(o.y) == BG_F64 ? o.y : bg_cast(o.y, BG_F64);
    o.graph->alter_gradient = alter;
    bg_gradcheck_options options = { .elements = 12, .only_gradient = !with_second };
    bg_status status = bg_gradcheck(&y, 1, o.xs, (size_t)o.n_xs, &options, NULL);
    ck_assert_msg(!status || status == BG_ERR_GRADIENT, "%s: %s", o.label, bg_last_error());
    op_instance_free(&o);
    return status == BG_ERR_GRADIENT;
}

/* Ops of linear algebra, and the cases that show one. */
static bool is_matrix_op(const bg_op *op)
{
#define LISTED(family) bgi_##family##_ops,
    static const bg_op *const *const families[] = { BGI_MATRIX_FAMILIES(LISTED) };
#undef LISTED
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (const bg_op *const *listed = families[f]; *listed; listed++)
            if (*listed == op)
                return true;
    return false;
}
static bool is_of_matrices(const op_case *c)
{
    for (int f = 0; c->op && bgi_op_families[f]; f++)
        for (const bg_op *const *listed = bgi_op_families[f]; *listed; listed++)
            if (strcmp((*listed)->name, c->op) == 0)
                return is_matrix_op(*listed);
    return false;
}

/* Counts of all mutants, in memory shared with the children that Check forks. */
typedef struct {
    int planted, killed, without_effect;
    size_t length;
    char names[MOST_NAMES]; /* of those without effect */
} totals;
static totals *total;

static void plant(const bg_op *op, const place *places, int n, bool in_second)
{
    bool is_killed = false, is_felt = false, is_planted = false;
    for (int i = 0; i < n && !is_killed; i++) {
        was_applied = in_second ? false : is_there(places[i]);
        bool is_tried = in_second || (was_applied && has_effect(places[i]));
        is_killed = is_tried && is_caught(places[i], in_second);
        is_felt = is_felt || is_tried;
        is_planted = is_planted || was_applied;
    }
    if (!is_planted)
        return;
    total->planted++;
    total->killed += is_killed;
    ck_assert_msg(is_killed || !is_felt, "%s, input %d %s: changes a gradient, and nothing notices", op->name,
                  mutant_input, mutation_names[mutant]);
    if (is_killed)
        return;
    total->without_effect++;
    int written = snprintf(total->names + total->length, MOST_NAMES - total->length, "  %s, input %d %s\n", op->name,
                           mutant_input, mutation_names[mutant]);
    if (written > 0 && total->length + (size_t)written < MOST_NAMES)
        total->length += (size_t)written;
}

/* Rules of linear algebra that no gradient uses serve second derivatives, or refuse: the op's own cases, then a few of
 * each of that family. */
static int find_second_places(const bg_op *op, place *places)
{
    int n = 0;
    for (int is_own = 1; is_own >= 0; is_own--)
        for (int i = 0; i < op_case_count(); i++) {
            const op_case *c = op_case_at(i);
            bool shows = c->op && strcmp(c->op, op->name) == 0;
            for (int v = 0; v < c->n_variants && shows == is_own && (is_own ? v < 8 : is_of_matrices(c) && v < 3); v++)
                if (c->gradient != IS_STOPPED)
                    places[n++] = (place){ i, v };
        }
    return n;
}

START_TEST(test_rule)
{
    const bg_op *op = ops[_i];
    static place places[MOST_PLACES];
    int inputs, n = find_places(_i, places, &inputs);
    bool in_second = n == 0 && is_matrix_op(op);
    ck_assert_msg(n > 0 || in_second, "no case uses the rule of %s", op->name);
    if (in_second) {
        n = find_second_places(op, places);
        inputs = op->arity == 1 ? 1 : 3;
    }
    mutant_op = op;
    for (mutant = DROPPED; mutant < MUTATIONS; mutant++)
        for (mutant_input = 0; mutant_input < 8; mutant_input++) {
            bool is_swap = mutant == SWAPPED && (inputs & 3) == 3 && mutant_input == 0;
            bool is_sum = mutant == NOT_SUMMED && strcmp(op->name, "broadcast") == 0 && mutant_input == 0;
            if (is_swap || is_sum || (mutant <= SCALED && inputs >> mutant_input & 1))
                plant(op, places, n, in_second);
        }
}
END_TEST

/* What has no effect is not looked for: few may have none. */
START_TEST(test_effects)
{
    ck_assert_msg(total->planted > n_ops && total->without_effect <= 4, "%d of %d mutants are without effect",
                  total->without_effect, total->planted);
}
END_TEST

int main(void)
{
    list_ops();
    total = mmap(NULL, sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (total == MAP_FAILED || seen == MAP_FAILED)
        return EXIT_FAILURE;
    Suite *suite = suite_create("mutants");
    TCase *cases = tcase_create("rules");
    tcase_set_timeout(cases, 300);
    tcase_add_checked_fixture(cases, trial_set_up_single, trial_tear_down);
    tcase_add_test(cases, test_places);
    tcase_add_loop_test(cases, test_rule, 0, n_ops);
    tcase_add_test(cases, test_effects);
    suite_add_tcase(suite, cases);
    int code = run_suite(suite);
    printf("mutants of %d rules: %d killed of %d planted, %d without effect\n%s", n_ops, total->killed, total->planted,
           total->without_effect, total->names);
    munmap(total, sizeof *total);
    munmap(seen, sizeof *seen);
    return code;
}
