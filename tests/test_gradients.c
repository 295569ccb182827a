/* Every op of the tables against the naive evaluator, its gradient and second derivative against differences. */
#define _DEFAULT_SOURCE
#include "cases/instance.h"
#include "support/evaluate.h"
#include "support/golden_files.h"
#include "support/sanitized.h"
#include "support/trial.h"

#include "ops/ops.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Sanitizers look at the programs, which run alike at each point: there one element and one direction of each input. */
enum { LEAST_SHAPES = 20, SINGLE = IS_ADDRESS_SANITIZED ? 1 : 12, DIRECTIONS = IS_ADDRESS_SANITIZED ? 1 : 3 };

/* Worst errors of a case; in memory shared with the children that Check forks. */
typedef struct {
    int variants;
    int64_t derivatives, golden; /* golden: numbers of PyTorch's that test_golden compares */
    double f64, f32, gradient, forward, second;
} result;
static result *results;

/* Whether the op is among the nodes, or in what they are composed of. */
static bool has_op(const op_instance *o)
{
    for (int i = 0; i < o->graph->count; i++) {
        bg_node *node = o->graph->nodes[i];
        if (strcmp(node->op->name, o->c->op) == 0)
            return true;
        if (node->op->compose)
            bgi_compose(node);
    }
    return false;
}
/* The same, or in the gradients. */
static bool shows_op(const op_instance *o)
{
    if (has_op(o))
        return true;
    bg_node *dxs[CASE_MOST_INPUTS], *one = bg_ones(o->graph, o->dtype, bg_node_shape(o->y));
    return !bg_grad_from((bg_node *[]){ o->y }, &one, 1, o->xs, (size_t)o->n_xs, dxs) && has_op(o);
}

static void make(op_instance *o, int case_index, int variant, op_way way, bg_dtype dtype)
{
    must(op_instance_make(o, trial_engine(), case_index, variant, way, dtype), o->label);
}

/* ---- Forward ---- */

static bg_program *compile(const op_instance *o, bg_node *const *outputs, int n)
{
    bg_program *program = NULL;
    /* Random ops draw the same numbers in every run. */
    must(bg_compile(&program, o->graph, outputs, (size_t)n, &(bg_compile_options){ .no_updates = true }), o->label);
    return program;
}

/* The numbers of an output, until the next run: each look at the engine asks the system for the process. */
typedef struct {
    const void *data;
    bg_dtype dtype;
} numbers;
static numbers numbers_of(const bg_program *program, int output)
{
    const bg_tensor *tensor = bg_program_output(program, (size_t)output);
    return (numbers){ bg_tensor_const_data(tensor), bg_tensor_dtype(tensor) };
}
static double item(numbers x, int64_t i) { return element_of(x.data, x.dtype, i); }

static void check_against_evaluator(const op_instance *o, bg_node *const *outputs, int n, const bg_program *program,
                                    double *worst)
{
    evaluator *e = evaluator_create(o->graph);
    for (int i = 0; i < n; i++) {
        const evaluated *expected = evaluator_value(e, outputs[i]);
        ck_assert_msg(expected != NULL, "%s: the evaluator: %s", o->label, bg_last_error());
        int64_t at = evaluated_compare(expected, bg_program_output(program, (size_t)i), worst, NULL);
        if (at >= 0)
            ck_abort_msg("%s: element %lld of %s %d is %.17g, not %.17g within %.3g", o->label, (long long)at,
                         i == 0 ? "the value" : "gradient", i, item(numbers_of(program, i), at), expected->values[at],
                         2 * expected->errors[at]);
    }
    evaluator_destroy(e);
}

/* f32 against f64, with the error that the table of tolerances allows. */
static void check_single(int case_index, int variant, const bg_program *wide)
{
    op_instance o;
    make(&o, case_index, variant, IS_PLAIN, BG_F32);
    bg_program *narrow = compile(&o, &o.y, 1);
    must(bg_program_run(narrow), o.label);
    double unused = 0, rho = o.c->rho > 0 ? o.c->rho : 1e-6;
    check_against_evaluator(&o, &o.y, 1, narrow, &unused);
    numbers of_wide = numbers_of(wide, 0), of_narrow = numbers_of(narrow, 0);
    for (int64_t i = 0; i < bg_shape_count(bg_node_shape(o.y)); i++) {
        double exact = item(of_wide, i), value = item(of_narrow, i);
        double error = value == exact ? 0 : fabs(value - exact) / fmax(1, fabs(exact));
        ck_assert_msg(o.c->sums || error <= rho, "%s: element %lld differs from f64 by %.3g", o.label, (long long)i,
                      error);
        results[case_index].f32 = fmax(results[case_index].f32, error);
    }
    bg_program_destroy(narrow);
    op_instance_free(&o);
}

/* ---- Gradients ---- */

static bg_node *random_constant(op_instance *o, bg_shape shape)
{
    int64_t count = bg_shape_count(shape);
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (double)(float)draw_between(&o->draw, -1, 1);
    bg_tensor *tensor = tensor_of(o->engine, o->dtype, shape, values);
    bg_node *node = bg_constant(o->graph, tensor);
    bg_tensor_destroy(tensor);
    free(values);
    return node;
}

/* The gradient is linear in the cotangent to the last bit for factors 2 and 0. */
static void check_linearity(const op_instance *o, bg_program *program, bg_node *cotangent, bg_tensor *c)
{
    int64_t total = 0, at = 0;
    for (int x = 0; x < o->n_xs; x++)
        total += o->counts[o->which[x]];
    double *before = malloc(((size_t)total + 1) * sizeof *before);
    ck_assert_ptr_nonnull(before);
    for (int x = 0; x < o->n_xs; x++) {
        numbers dx = numbers_of(program, 1 + x);
        for (int64_t i = 0; i < o->counts[o->which[x]]; i++)
            before[at++] = item(dx, i);
    }
    bg_tensor *scaled = NULL;
    must(bg_tensor_create(&scaled, o->engine, bg_tensor_dtype(c), bg_tensor_shape(c)), o->label);
    must(bg_program_bind(program, cotangent, scaled), o->label);
    for (int factor = 0; factor <= 2; factor += 2) {
        const double *from = bg_tensor_const_data(c);
        double *to = bg_tensor_data(scaled);
        for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(c)); i++)
            to[i] = factor * from[i];
        must(bg_program_run(program), o->label);
        at = 0;
        for (int x = 0; x < o->n_xs; x++) {
            numbers dx = numbers_of(program, 1 + x);
            for (int64_t i = 0; i < o->counts[o->which[x]]; i++, at++) {
                double value = item(dx, i);
                bool is_same = value == factor * before[at] || (isnan(before[at]) && isnan(value));
                ck_assert_msg(is_same, "%s: %d times the cotangent gives %.17g, once %.17g", o->label, factor, value,
                              before[at]);
            }
        }
    }
    bg_tensor_destroy(scaled);
    free(before);
}

/* The gradients of all inputs by differences: no kinks, as the numbers are chosen to keep away from them. */
static void check_derivatives(const op_instance *o, bg_node *y, result *r)
{
    bg_gradcheck_report report;
    bg_gradcheck_options options = { .elements = SINGLE, .directions = DIRECTIONS, .seed = o->draw.state };
    must(bg_gradcheck(&y, 1, o->xs, (size_t)o->n_xs, &options, &report), o->label);
    ck_assert_msg(report.kinks + report.edges == 0, "%s: %lld kinks, %lld edges", o->label, (long long)report.kinks,
                  (long long)report.edges);
    r->derivatives += report.derivatives;
    r->gradient = fmax(r->gradient, report.gradient);
    r->forward = fmax(r->forward, report.forward);
    r->second = fmax(r->second, report.second);
}

static void check_variant(int case_index, int variant, op_way way)
{
    op_instance o;
    result *r = &results[case_index];
    make(&o, case_index, variant, way, BG_F64);
    bg_node *y = bgi_is_float(o.y->dtype) ? o.y : bg_cast(o.y, BG_F64), *outputs[1 + CASE_MOST_INPUTS] = { o.y };
    bg_node *cotangent = bg_input(o.graph, "cotangent", BG_F64, bg_node_shape(y));
    bg_node *c = random_constant(&o, bg_node_shape(y));
    must(bg_grad_from(&y, &cotangent, 1, o.xs, (size_t)o.n_xs, outputs + 1), o.label);
    bg_program *gradients = compile(&o, outputs, 1 + o.n_xs);
    must(bg_program_bind(gradients, cotangent, c->tensor), o.label);
    must(bg_program_run(gradients), o.label);

    check_against_evaluator(&o, &o.y, 1, gradients, &r->f64);
    if (way == IS_PLAIN)
        check_single(case_index, variant, gradients);
    if (o.c->gradient != IS_STOPPED)
        check_derivatives(&o, y, r);
    for (int x = 0; x < o.n_xs && o.c->gradient != IS_DIFFERENTIABLE; x++) {
        numbers dx = numbers_of(gradients, 1 + x);
        for (int64_t i = 0; i < o.counts[o.which[x]]; i++)
            ck_assert_msg(item(dx, i) == 0, "%s: the gradient is not zero", o.label);
    }
    check_linearity(&o, gradients, cotangent, c->tensor);
    bg_program_destroy(gradients);
    op_instance_free(&o);
    r->variants++;
}

START_TEST(test_case)
{
    const op_case *c = op_case_at(_i);
    ck_assert_int_ge(c->n_variants, LEAST_SHAPES);
    for (int i = 0; i < c->n_variants; i++) {
        check_variant(_i, i, IS_PLAIN);
        check_variant(_i, i, i % 2 ? IS_STRIDED : IS_VIEWED);
        if (op_can_be_twice(c, &c->variants[i]))
            check_variant(_i, i, IS_TWICE);
    }
}
END_TEST

/* ---- The table is complete ---- */

static int case_of(const bg_op *op)
{
    for (int i = 0; i < op_case_count(); i++)
        if (op_case_at(i)->op && strcmp(op_case_at(i)->op, op->name) == 0)
            return i;
    ck_abort_msg("the op %s has no case", op->name);
    return -1;
}

/* Every op has a case, in whose graph it is found, with a gradient unless it is constant. */
START_TEST(test_every_op_has_a_case)
{
    for (int f = 0; bgi_op_families[f]; f++)
        for (int k = 0; bgi_op_families[f][k]; k++) {
            const bg_op *op = bgi_op_families[f][k];
            int at = case_of(op);
            const op_case *c = op_case_at(at);
            ck_assert_msg(op->is_constant || op->gradient || op->compose,
                          "the op %s has no gradient and is not constant", op->name);
            ck_assert_msg(!op->is_constant || c->gradient != IS_DIFFERENTIABLE ||
                              strcmp(op->name, "check_classes") == 0,
                          "the op %s is constant, its case is not", op->name);
            bool is_shown = false;
            for (int i = 0; i < c->n_variants && !is_shown; i++) {
                op_instance o;
                make(&o, at, i, IS_PLAIN, BG_F64);
                is_shown = shows_op(&o);
                op_instance_free(&o);
            }
            ck_assert_msg(is_shown, "the case %s does not contain the op %s", c->name, op->name);
        }
}
END_TEST

/* ---- The coverage table ---- */

/* Whether a case is of a builder, whose name stands first in its own. */
static bool is_case_of(const op_case *c, const char *builder)
{
    size_t length = strcspn(c->name, ", ");
    return builder && strncmp(c->name, builder, length) == 0 && builder[length] == '\0';
}

/* Numbers of a record: its value and gradients. */
static int64_t numbers_in(const golden_record *record)
{
    int64_t count = golden_has(record, "y") ? golden_get(record, "y")->count : 0;
    for (char key[] = "dx0"; key[2] <= '9'; key[2]++)
        count += golden_has(record, key) ? golden_get(record, key)->count : 0;
    return count;
}

static void count_golden(const char *name, const golden_file *file, void *user)
{
    (void)name, (void)user;
    for (size_t i = 0; file && i < golden_count(file); i++) {
        const golden_record *record = golden_at(file, i);
        for (int k = 0; k < op_case_count(); k++)
            if (is_case_of(op_case_at(k), golden_text(record, "op")))
                results[k].golden += numbers_in(record);
    }
}

/* No op without all of it: shapes, derivatives unless it has none, and PyTorch's numbers unless there are none. */
START_TEST(test_coverage)
{
    for (int i = 0; i < op_case_count(); i++) {
        const op_case *c = op_case_at(i);
        const result *r = &results[i];
        bool has_floats = c->domains[0] < IS_LAST_NUMBERS && c->arity != 0;
        ck_assert_msg(r->variants >= LEAST_SHAPES, "%s was tried on %d sets of shapes", c->name, r->variants);
        ck_assert_msg(r->derivatives > 0 || c->gradient != IS_DIFFERENTIABLE || !has_floats,
                      "no derivative of %s was compared", c->name);
        ck_assert_msg(r->golden > 0 || c->is_ours || c->is_safe, "no golden values of %s", c->name);
    }
}
END_TEST

static void print_results(void)
{
    int ops = 0;
    result all = { 0 };
    printf("%-30s %6s %8s %9s %9s %11s %9s %9s %9s\n", "case", "shapes", "of bound", "f32", "points", "gradient",
           "forward", "second", "PyTorch");
    for (int i = 0; i < op_case_count(); i++) {
        const result *r = &results[i];
        printf("%-30s %6d %8.2f %9.1e %9lld %11.1e %9.1e %9.1e %9lld\n", op_case_at(i)->name, r->variants, r->f64,
               r->f32, (long long)r->derivatives, r->gradient, r->forward, r->second, (long long)r->golden);
        ops += op_case_at(i)->op != NULL;
        all.variants += r->variants;
        all.derivatives += r->derivatives;
        all.gradient = fmax(all.gradient, r->gradient);
        all.forward = fmax(all.forward, r->forward);
        all.second = fmax(all.second, r->second);
    }
    printf(
        "%d cases, %d of them of an op, %d sets of shapes, %lld derivatives; worst error of a gradient %.1e, forward "
        "%.1e, second derivative %.1e\n",
        op_case_count(), ops, all.variants, (long long)all.derivatives, all.gradient, all.forward, all.second);
}

int main(void)
{
    size_t bytes = (size_t)op_case_count() * sizeof *results;
    results = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED)
        return EXIT_FAILURE;
    Suite *suite = suite_create("gradients");
    TCase *cases = tcase_create("ops");
    tcase_set_timeout(cases, 300);
    tcase_add_checked_fixture(cases, trial_set_up_single, trial_tear_down);
    tcase_add_test(cases, test_every_op_has_a_case);
    tcase_add_loop_test(cases, test_case, 0, op_case_count());
    suite_add_tcase(suite, cases);
    TCase *coverage = tcase_create("coverage");
    tcase_add_test(coverage, test_coverage);
    suite_add_tcase(suite, coverage);
    golden_each(count_golden, NULL);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    print_results();
    munmap(results, bytes);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
