/* descend: where the gradient of a parameter is an outer product, mul, fma and fnma, which update its momentum
 * m = x y + m s and then w = w - m r, become one instruction. What waited for memory three times does so once. */
#include "compile/compile.h"

#include <string.h>

typedef struct {
    const bgi_compilation *c;
    bgi_loop *loop;
    const bgk_kernels *kernels;
} finished_loop;

static bool is_map(const bgi_instruction *x, bgk_map *kernel)
{
    return x->kind == BGI_DO_MAP && x->is_full && x->map == kernel;
}

static bool is_update(const finished_loop *f, int value)
{
    const bgi_loop_value *v = &f->loop->values[value];
    return v->kind == BGI_IS_MEMORY && f->c->values[v->node].update >= 0;
}

static int count_reads(const bgi_loop *loop, int value)
{
    int reads = 0;
    for (int i = 0; i < loop->n_instructions; i++)
        for (int k = 0; k < 3; k++)
            reads += loop->instructions[i].operand[k] == value;
    return reads;
}

/* Whether x[0] to x[2] scale a momentum, add to it, and take a step by it. */
static bool descends(const finished_loop *f, const bgi_instruction *x)
{
    int scaled = x[0].target, momentum = x[1].target;
    return is_map(&x[0], f->kernels->mul) && f->loop->values[scaled].kind == BGI_IS_TEMPORARY &&
           count_reads(f->loop, scaled) == 1 && is_map(&x[1], f->kernels->fma) && x[1].operand[2] == scaled &&
           is_update(f, momentum) && is_map(&x[2], f->kernels->fnma) && x[2].operand[2] != momentum &&
           (x[2].operand[0] == momentum) != (x[2].operand[1] == momentum) && is_update(f, x[2].target);
}

/* The three as one, in place of the first. */
static bg_status join(const finished_loop *f, bgi_instruction *x)
{
    int rate = x[2].operand[0] == x[1].target ? 1 : 0;
    const struct {
        int instruction, operand;
    } from[BGK_DESCEND_OPERANDS] = { { 1, 0 }, { 1, 1 }, { 0, 0 }, { 0, 1 }, { 2, rate }, { 2, 2 } };
    bgi_descent *descent = bgi_arena_push(&f->c->program->memory, sizeof *descent);
    if (!descent)
        return BG_ERR_NOMEM;
    *descent = (bgi_descent){ .run = f->kernels->descend, .momentum = x[1].target };
    for (int k = 0; k < BGK_DESCEND_OPERANDS; k++) {
        descent->operand[k] = x[from[k].instruction].operand[from[k].operand];
        descent->stride[k] = x[from[k].instruction].stride[from[k].operand];
    }
    x[0] = (bgi_instruction){ .kind = BGI_DO_DESCEND,
                              .is_full = true,
                              .target = x[2].target,
                              .operand = { -1, -1, -1 },
                              .name = "mul_fma_fnma",
                              .descent = descent };
    return BG_OK;
}

static bg_status join_all(const finished_loop *f)
{
    bgi_loop *loop = f->loop;
    for (int i = 0; i + 2 < loop->n_instructions; i++) {
        bgi_instruction *x = &loop->instructions[i];
        if (!descends(f, x))
            continue;
        bg_status status = join(f, x);
        if (status)
            return status;
        memmove(x + 1, x + 3, (size_t)(loop->n_instructions - i - 3) * sizeof *x);
        loop->n_instructions -= 2;
    }
    return BG_OK;
}

bg_status bgi_descend(bgi_compilation *c)
{
    bg_status status = BG_OK;
    for (int i = 0; i < c->program->n_steps && !status; i++) {
        bgi_loop *loop = &c->program->steps[i].as.loop;
        if (c->program->steps[i].kind == BGI_STEP_LOOP)
            status = join_all(&(finished_loop){ c, loop, bgi_kernels_of(c->engine, loop->dtype) });
    }
    return status;
}
