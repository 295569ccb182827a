/* What the bench takes from the inside of the library: OpenBLAS without anything around it, single kernels, and files
 * that are whole or not there. */
#ifndef INSIDE_H
#define INSIDE_H

#include <blasgrad/status.h>

#include <stdbool.h>
#include <stdint.h>

/* y [m, n] = x · w, row-major, as many times as said, by cblas_sgemm or cblas_dgemm on the calling thread alone; x is
 * stored [k, m] where it is transposed, w [n, k]. An engine has to be there. */
typedef struct {
    bool is_f64, transposes_x, transposes_w;
    int64_t m, n, k;
    const void *x, *w;
    void *y;
} inside_product;
void inside_multiply(const inside_product *p, int64_t times);

/* ---- Kernels ----
 * Those that go over elements, of the kernel list: maps, reductions of rows and of columns, loads and stores. */

int inside_kernel_count(void);
/* "tanh", "sum_rows", "load_i32". */
const char *inside_kernel_name(int kernel);

/* A kernel of one instruction set (its name as in bg_engine_info) at work on so many elements. */
typedef struct inside_kernel inside_kernel;
/* NULL if memory is out. */
inside_kernel *inside_kernel_create(const char *instruction_set, int kernel, bool is_f64, int64_t elements);
void inside_kernel_destroy(inside_kernel *k);
void inside_kernel_run(const inside_kernel *k, int64_t times);
/* Bytes that one run reads and writes. */
double inside_kernel_bytes(const inside_kernel *k);

/* The worst error of a map in units in the last place, against a reference in long double, and where it is. The sample:
 * so many points, half of them uniform from -8 to 8, half of either sign with an exponent uniform from -30 to 30;
 * operands of maps of several are drawn alike, each by itself. */
typedef struct {
    bool is_map; /* otherwise the rest is 0 */
    int operands;
    double ulp, at[3];
} inside_error;
inside_error inside_kernel_error(const char *instruction_set, int kernel, bool is_f64, int64_t points);

/* ---- Files ----
 * One that appears whole under its name, or not at all. After a failure nothing is left to be given back. */

typedef struct inside_file inside_file;
/* caller and path are used until it is closed; messages begin with them. */
bg_status inside_file_begin(inside_file **file, const char *caller, const char *path);
bg_status inside_file_write(inside_file *file, const char *text);
bg_status inside_file_close(inside_file *file);
/* Gives up: the old file, if any, stays. */
void inside_file_discard(inside_file *file);

#endif
