/* What the tests of large factorisations share: problems that are solved on one thread and on more, and matrices of
 * doubles, which the results are judged in. */
#ifndef BLASGRAD_TESTS_PROBLEM_H
#define BLASGRAD_TESTS_PROBLEM_H

#include "linalg/blocked.h"
#include "support/draw.h"
#include "support/expect.h"
#include "support/sanitized.h"

#include <math.h>
#include <stdlib.h>

/* Large matrices take minutes under ASan: a few of them there. */
#define UNDER_ASAN(few, all) (IS_ADDRESS_SANITIZED ? (few) : (all))

enum { MOST_RATIO = 30, MOST_THREADS = UNDER_ASAN(2, 4), MOST_OPERANDS = 2 };

/* Half of the distance from 1 to the next number, as LAPACK's epsilon. */
double epsilon_of(bg_dtype dtype);
double get(const bg_tensor *t, int64_t i);
void put(bg_tensor *t, int64_t i, double value);
extern const bg_dtype types[2];
/* Between -1 and 1, from where each problem begins anew. */
double any(void);
void begin_anew(uint64_t seed);

/* ---- Matrices of doubles; their data are the caller's to free ---- */

typedef struct {
    int64_t rows, columns;
    double *data;
} matrix;
matrix new_matrix(int64_t rows, int64_t columns); /* of zeros */
matrix matrix_of(const bg_tensor *t, int64_t index, int64_t rows, int64_t columns);
matrix turned(matrix x);
matrix turned_if(bool turns, matrix x); /* else a copy */
matrix product(matrix x, matrix w);
/* The largest sum of magnitudes in a row of x - y, where y may be left out. */
double norm_between(matrix x, const matrix *y);
/* residual / (size epsilon) is at most MOST_RATIO. */
void expect_ratio(double residual, double size, bg_dtype dtype, const char *what, int64_t n);

/* ---- Problems ---- */

typedef bg_node *build_function(bg_node **operands, int which);
typedef struct {
    build_function *build;
    int which;
    bg_dtype dtype;
    bg_shape shapes[MOST_OPERANDS];
    int n_operands;
    void (*fill)(bg_tensor **operands, int which);
} problem;
/* Its status, and the operands and the result where they are wanted: for forget. */
bg_status solve(const problem *p, int threads, bg_tensor **operands, bg_tensor **result);
/* The same of one thread, without a failure; more threads get the same bits. */
void solve_alike(const problem *p, bg_tensor **operands, bg_tensor **result, const char *what);
void forget(const problem *p, bg_tensor **operands, bg_tensor *result);

/* Numbers of the second of two matrices [BAD_ROWS, BAD_ROWS] that are altered, and what the run then fails with. */
typedef struct {
    const char *name;
    int64_t row, column;
    double value;
    const char *message;
} mistake;
enum { BAD_ROWS = 300 };
extern const mistake *altered;
void alter(bg_tensor *a, int index);

/* ---- Of the single files ---- */

build_function build_cholesky; /* whether upper */
build_function build_solution; /* these */
enum { IS_UPPER = 1, IS_TRANSPOSED = 2, IS_UNIT = 4, IS_RIGHT = 8, ALL_OPTIONS = 16 };
build_function build_lu; /* one of these */
enum { LOWER, UPPER, PERMUTATION, PARTS };
void fill_any(bg_tensor **operands, int which);

TCase *positive_case(void), *triangular_case(void), *lu_case(void), *system_case(void), *qr_case(void),
    *gradient_case(void);

#endif
