/* How work is cut into tasks, and who multiplies.
 *
 * What decides arithmetic follows from shapes alone: the rows of a task, and with them the blocks given to one call of
 * a product and the kernel that serves it. So results do not depend on the number of threads. The constants were
 * measured (bench/grid.md). */
#include "compile/compile.h"

#include "blas/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_PER_CALL = 64,      /* of a product whose rows are samples */
    ROWS_OF_LARGE = 128,     /* .. by a matrix so large that OpenBLAS multiplies, and packs it for each call */
    LARGE_MATRIX = 1 << 19,  /* elements */
    LEAST_SPLIT_ROWS = 16,   /* from here on two workers have something to do */
    TILE_BYTES = 200 * 1000, /* of a result that needs every sample (weight gradients): stays in L2 for its update */
    LEAST_TILE_ROWS = 64,    /* .. unless its rows are so long that a call would have too few of them */
    LEAST_TILES = 4,
    LEAST_LEVEL_TILES = 16 /* of all groups of a level */
};
/* Work is counted in operations of a product. Others take so many times as long, since they wait for memory. */
static const double OTHER_WORK = 8;
static const double LEAST_TASK_WORK = 2e5, LEAST_SPLIT_WORK = 3e5;
static const double LEAST_SHARED_WORK = 5e5; /* below, waking the workers costs more than they save */

/* ---- Slices ---- */

bool bgi_is_row_product(const bgi_compilation *c, const bgi_step *step, int64_t units)
{
    return units > 1 && bgi_edge_units(c, c->graph->nodes[step->defines[0]], 0) % units == 0;
}

/* size / part, rounded up; size + part may not be a number. */
static int64_t pieces(int64_t size, int64_t part) { return size / part + (size % part != 0); }

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t slices_of_rows(int64_t rows, int64_t largest_matrix)
{
    int64_t rows_per_call = largest_matrix > LARGE_MATRIX ? ROWS_OF_LARGE : ROWS_PER_CALL;
    int64_t slices = pieces(rows, rows_per_call);
    return slices < 2 && rows >= LEAST_SPLIT_ROWS ? 2 : slices;
}

/* share: of the work of all groups that run at its side. */
static int64_t slices_of_tiles(const bgi_group *group, int64_t row_bytes, double share)
{
    int64_t slices = pieces(group->units * row_bytes, TILE_BYTES), by_rows = group->units / LEAST_TILE_ROWS;
    int64_t least = bgk_least(LEAST_TILES, (int64_t)ceil(share * LEAST_LEVEL_TILES));
    double tasks = group->work / LEAST_TASK_WORK;
    int64_t most = tasks < (double)group->units ? (int64_t)tasks : group->units;
    if (slices > by_rows)
        slices = by_rows;
    if (slices < least)
        slices = least;
    return slices < most ? slices : most;
}

static double work_of(const bg_program *p, const bgi_group *group)
{
    double work = 0;
    for (int i = group->first_step; i < group->first_step + group->n_steps; i++)
        work += p->steps[i].product_flops + OTHER_WORK * (p->steps[i].flops - p->steps[i].product_flops);
    return work;
}

static void slice_group(const bgi_compilation *c, bgi_group *group, double share)
{
    const bg_program *p = c->program;
    int64_t rows = 0, row_bytes = 1, largest_matrix = 0, grain = 0, least = 1;
    for (int i = 0; i < group->n_steps; i++) {
        const bgi_step *step = &p->steps[group->first_step + i];
        const bg_node *node = c->graph->nodes[step->defines[0]];
        int64_t bytes = c->values[node->id].count / group->units * (int64_t)bg_dtype_size(node->dtype);
        if (step->kind == BGI_STEP_CALL && node->op->grain) {
            int64_t worth = pieces(node->op->grain(node), step->as.calling.units / group->units);
            grain = larger(grain, worth);
            if (node->op->product_flops) /* of fewer units its products would be slower, however long the others are */
                least = larger(least, worth);
        }
        if (bytes > row_bytes && step->kind != BGI_STEP_CALL)
            row_bytes = bytes;
        if (step->kind == BGI_STEP_PRODUCT && bgi_is_row_product(c, step, group->units)) {
            int64_t count = step->as.product.batch * step->as.product.m;
            rows = count > rows ? count : rows;
            int64_t matrix = step->as.product.n * step->as.product.k;
            largest_matrix = matrix > largest_matrix ? matrix : largest_matrix;
        }
    }
    int64_t slices = group->work < LEAST_SPLIT_WORK ? 1
                     : rows > 0                     ? slices_of_rows(rows, largest_matrix)
                                                    : slices_of_tiles(group, row_bytes, share);
    /* The units of such calls are large, and need not be of equal work. */
    bool is_by_grain = grain > 0 && rows == 0 && slices > 1;
    if (is_by_grain)
        slices = pieces(group->units, grain);
    if (slices > group->units)
        slices = group->units;
    if (slices < 1)
        slices = 1;
    group->chunk = pieces(group->units, slices);
    bool is_unit_one_row = (rows == 0 && !is_by_grain) || rows == group->units;
    if (slices > 1 && group->units >= 2 * LEAST_SPLIT_ROWS && is_unit_one_row)
        group->chunk = pieces(group->chunk, LEAST_SPLIT_ROWS) * LEAST_SPLIT_ROWS;
    if (group->chunk < least)
        group->chunk = least;
    if (group->chunk > group->units)
        group->chunk = group->units;
}

/* Groups are numbered level by level. */
void bgi_slice_groups(const bgi_compilation *c)
{
    bg_program *p = c->program;
    for (int first = 0, last; first < p->n_groups; first = last) {
        double work = 0;
        for (last = first; last < p->n_groups && p->groups[last].level == p->groups[first].level; last++)
            work += p->groups[last].work = work_of(p, &p->groups[last]);
        for (int g = first; g < last; g++)
            slice_group(c, &p->groups[g], work > 0 ? p->groups[g].work / work : 1);
    }
}

/* ---- Providers ---- */

/* Where our kernels are faster than a call of CBLAS, by the size of one call. */
typedef struct {
    double small;  /* m n k up to which the call costs more than the product */
    double matrix; /* n k, where there is more than one row and column */
} limits;

/* Per instruction set: where they were measured, bench/grid.md says. The scalar kernels have no chance against
 * OpenBLAS, which knows the processor. */
static const struct {
    const char *kernels;
    limits f32, f64;
} limits_of[] = {
    { "avx512", { 30000, INFINITY }, { 30000, INFINITY } },
    { "avx2", { 30000, 3 << 20 }, { 30000, 3 << 20 } },
    { "scalar", { 4000, 0 }, { 4000, 0 } },
};

static const limits no_limits = { 0, 0 };

static bgi_provider provider_of(const limits *l, double m, double n, double k)
{
    if (m * n * k < l->small)
        return BGI_BY_KERNEL;
    if (m == 1 || n == 1)
        return BGI_BY_VECTOR;
    return n * k < l->matrix ? BGI_BY_KERNEL : BGI_BY_BLAS;
}

size_t bgi_choose_provider(bgi_product *p, const bgi_group *group, const bg_engine *engine)
{
    size_t i = 0;
    while (i + 1 < sizeof limits_of / sizeof *limits_of && strcmp(limits_of[i].kernels, engine->kernels->name) != 0)
        i++;
    const limits *l = p->dtype == BG_F64 ? &limits_of[i].f64 : &limits_of[i].f32;
    int64_t m = p->splits_columns ? 1 : p->batch * p->m / group->units * group->chunk;
    m = m < p->m ? m : p->m;
    int64_t n = p->splits_columns ? p->n / group->units * group->chunk : p->n;
    if (engine->gemm == BG_GEMM_OPENBLAS)
        l = &no_limits;
    p->provider = provider_of(l, (double)m, (double)n, (double)p->k);
    return p->provider == BGI_BY_KERNEL ? bgk_product_scratch(m, n, p->k) * bg_dtype_size(p->dtype) : 0;
}

/* ---- Tasks ---- */

static int by_work(const void *x, const void *y)
{
    const bgi_task *a = x, *b = y;
    if (a->work != b->work)
        return a->work < b->work ? 1 : -1;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

static void list_tasks(bg_program *p, int g)
{
    const bgi_group *group = &p->groups[g];
    for (int64_t first = 0; first < group->units; first += group->chunk) {
        int64_t last = group->units - first > group->chunk ? first + group->chunk : group->units;
        p->tasks[p->n_tasks++] = (bgi_task){ .group = g,
                                             .first = first,
                                             .last = last,
                                             .work = group->work * (double)(last - first) / (double)group->units };
    }
}

/* Groups are numbered level by level. */
bg_status bgi_deal_tasks(bgi_compilation *c)
{
    bg_program *p = c->program;
    int64_t n = 0;
    for (int g = 0; g < p->n_groups; g++)
        n += pieces(p->groups[g].units, p->groups[g].chunk);
    p->tasks = bgi_arena_push(&p->memory, (size_t)(n ? n : 1) * sizeof *p->tasks);
    p->level_tasks = bgi_arena_push(&p->memory, (size_t)(p->n_levels + 1) * sizeof *p->level_tasks);
    p->counters = bgi_arena_push(&p->memory, (size_t)(p->n_levels + 1) * sizeof *p->counters);
    if (!p->tasks || !p->level_tasks || !p->counters)
        return BG_ERR_NOMEM;
    double work = 0;
    bool is_shared = false;
    for (int level = 0, g = 0; level < p->n_levels; level++) {
        p->level_tasks[level] = p->n_tasks;
        for (; g < p->n_groups && p->groups[g].level == level; g++) {
            work += p->groups[g].work;
            list_tasks(p, g);
        }
        /* The longest first, so that the short ones fill the gaps at the end. */
        int count = p->n_tasks - p->level_tasks[level];
        qsort(p->tasks + p->level_tasks[level], (size_t)count, sizeof *p->tasks, by_work);
        is_shared |= count > 1;
    }
    p->level_tasks[p->n_levels] = p->n_tasks;
    p->runs_alone = !is_shared || work < LEAST_SHARED_WORK;
    return BG_OK;
}
