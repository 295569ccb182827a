/* Single kernels, as the kernel list has them. */
#include "inside.h"

#include "support/draw.h"
#include "support/maps.h"

#include <stdlib.h>

typedef enum { IS_MAP, IS_ROWS, IS_FOLD, IS_LOAD, IS_STORE } kernel_kind;

typedef struct {
    const char *name;
    kernel_kind kind;
    size_t field;       /* of bgk_kernels */
    size_t other_bytes; /* loads and stores: an element of the other type */
} kernel;

#define MAP(name)  { #name, IS_MAP, offsetof(bgk_kernels, name), 0 },
#define ROWS(name) { #name "_rows", IS_ROWS, offsetof(bgk_kernels, name##_rows), 0 },
#define FOLD(name) { #name "_fold", IS_FOLD, offsetof(bgk_kernels, name##_fold), 0 },
enum { BYTES_f32 = 4, BYTES_f64 = 8, BYTES_i32 = 4, BYTES_i64 = 8, BYTES_u8 = 1, BYTES_bool = 1 };
#define LOAD(type)  { "load_" #type, IS_LOAD, offsetof(bgk_kernels, load_##type), BYTES_##type },
#define STORE(type) { "store_" #type, IS_STORE, offsetof(bgk_kernels, store_##type), BYTES_##type },
static const kernel kernels[] = { BGK_MAPS(MAP) BGK_REDUCES(ROWS) BGK_REDUCES(FOLD) BGK_TYPES(LOAD) BGK_TYPES(STORE) };
enum { KERNELS = sizeof kernels / sizeof kernels[0] };

/* Reductions are of a matrix with so many columns. */
enum { COLUMNS = 64 };

struct inside_kernel {
    kernel kernel;
    map_case map; /* of maps */
    const bgk_kernels *table;
    size_t size; /* of an element */
    int64_t elements;
    void *operands[3], *result;
};

int inside_kernel_count(void) { return KERNELS; }
const char *inside_kernel_name(int i) { return kernels[i].name; }

static const bgk_table *find_table(const char *instruction_set)
{
    const bgk_table *const *table = bgi_kernel_tables;
    while (strcmp((*table)->name, instruction_set) != 0)
        table++;
    return *table;
}

/* The maps are the first kernels, in the order of their references. */
static map_case find_map(int i)
{
    map_case maps[MAP_COUNT];
    (void)list_maps(maps);
    return maps[i];
}

/* Numbers from 0.1 to 0.9, which every function takes without leaving its usual way; whole numbers 0 where the operand
 * holds these. */
static void fill(const inside_kernel *k, void *operand, int which)
{
    draw numbers = draw_from((uint64_t)which + 1);
    const element *e = &elements[k->size == 8];
    if (k->kernel.kind == IS_LOAD && strcmp(k->kernel.name, "load_f32") != 0 && strcmp(k->kernel.name, "load_f64") != 0)
        return; /* zeros */
    const element *from = k->kernel.kind == IS_LOAD ? &elements[k->kernel.other_bytes == 8] : e;
    for (int64_t i = 0; i < k->elements; i++)
        put(from, operand, i, (long double)draw_between(&numbers, 0.1, 0.9));
}

inside_kernel *inside_kernel_create(const char *instruction_set, int i, bool is_f64, int64_t elements_wanted)
{
    inside_kernel *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->kernel = kernels[i];
    k->table = is_f64 ? &find_table(instruction_set)->f64 : &find_table(instruction_set)->f32;
    k->size = is_f64 ? 8 : 4;
    k->elements = (elements_wanted + COLUMNS - 1) / COLUMNS * COLUMNS;
    if (k->kernel.kind == IS_MAP)
        k->map = find_map(i);
    bool is_there = true;
    for (int o = 0; o < 4; o++) {
        void *memory = aligned_alloc(64, (size_t)k->elements * 8);
        is_there = is_there && memory;
        if (memory)
            memset(memory, 0, (size_t)k->elements * 8);
        if (o == 3)
            k->result = memory;
        else
            k->operands[o] = memory;
        if (memory && o < 3)
            fill(k, memory, o);
    }
    if (is_there)
        return k;
    inside_kernel_destroy(k);
    return NULL;
}

void inside_kernel_destroy(inside_kernel *k)
{
    if (!k)
        return;
    for (int o = 0; o < 3; o++)
        free(k->operands[o]);
    free(k->result);
    free(k);
}

/* The kernel's address, of whatever type its kind has. */
static void find_kernel(const inside_kernel *k, void *function)
{
    memcpy(function, (const char *)k->table + k->kernel.field, sizeof(bgk_map *));
}

void inside_kernel_run(const inside_kernel *k, int64_t times)
{
    int64_t rows = k->elements / COLUMNS;
    const void *a = k->operands[0];
    bgk_map *map;
    bgk_reduce *reduce;
    bgk_fold *fold;
    bgk_load *load;
    bgk_store *store;
    switch (k->kernel.kind) {
    case IS_MAP:
        find_kernel(k, &map);
        for (int64_t t = 0; t < times; t++)
            map(k->result, a, 1, k->operands[1], k->map.arity > 1, k->operands[2], k->map.arity > 2, k->elements);
        break;
    case IS_ROWS:
        find_kernel(k, &reduce);
        for (int64_t t = 0; t < times; t++)
            reduce(k->result, a, rows, COLUMNS, COLUMNS);
        break;
    case IS_FOLD:
        find_kernel(k, &fold);
        for (int64_t t = 0; t < times; t++)
            fold(k->result, a, rows, COLUMNS, COLUMNS);
        break;
    case IS_LOAD:
        find_kernel(k, &load);
        for (int64_t t = 0; t < times; t++)
            load(k->result, a, rows, COLUMNS, COLUMNS, 1);
        break;
    case IS_STORE:
        find_kernel(k, &store);
        for (int64_t t = 0; t < times; t++)
            store(k->result, a, k->elements);
        break;
    }
}

double inside_kernel_bytes(const inside_kernel *k)
{
    double n = (double)k->elements, size = (double)k->size;
    switch (k->kernel.kind) {
    case IS_MAP:
        return n * size * (k->map.arity + 1);
    case IS_ROWS:
        return (n + n / COLUMNS) * size;
    case IS_FOLD:
        return (n + COLUMNS) * size;
    default:
        return n * (size + (double)k->kernel.other_bytes);
    }
}

/* ---- Errors ---- */

static double draw_point(draw *numbers, bool is_f64)
{
    double value = draw_between(numbers, -8, 8);
    if (draw_below(numbers, 2)) {
        double sign = draw_below(numbers, 2) ? 1 : -1;
        value = sign * ldexp(draw_between(numbers, 1, 2), (int)draw_below(numbers, 61) - 30);
    }
    return is_f64 ? value : (double)(float)value;
}

inside_error inside_kernel_error(const char *instruction_set, int i, bool is_f64, int64_t points)
{
    enum { BLOCK = 1024 };
    inside_error worst = { .is_map = kernels[i].kind == IS_MAP };
    if (!worst.is_map)
        return worst;
    const bgk_table *table = find_table(instruction_set);
    const element *e = &elements[is_f64];
    map_case c = find_map(i);
    bgk_map *map = map_of(kernels_of(table, e), &c);
    draw numbers = draw_from(1);
    double operands[3][BLOCK], result[BLOCK];
    worst.operands = c.arity;
    for (int64_t done = 0; done < points; done += BLOCK) {
        for (int o = 0; o < c.arity; o++)
            for (int64_t p = 0; p < BLOCK; p++)
                put(e, operands[o], p, (long double)draw_point(&numbers, is_f64));
        map(result, operands[0], 1, operands[1], c.arity > 1, operands[2], c.arity > 2, BLOCK);
        for (int64_t p = 0; p < BLOCK; p++) {
            long double x[3] = { 0 };
            for (int o = 0; o < c.arity; o++)
                x[o] = get(e, operands[o], p);
            double error = (double)ulp_error(e, get(e, result, p), c.reference(x[0], x[1], x[2]));
            if (!(error <= worst.ulp)) {
                worst.ulp = error;
                for (int o = 0; o < c.arity; o++)
                    worst.at[o] = (double)x[o];
            }
        }
    }
    return worst;
}
