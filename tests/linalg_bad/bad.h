/* Bad input for the routines of linalg.h: what each is given, and what has to come of it. */
#ifndef BLASGRAD_TESTS_LINALG_BAD_H
#define BLASGRAD_TESTS_LINALG_BAD_H

#include <blasgrad/blasgrad.h>

enum { BAD_INPUTS = 4, BAD_PARTS = 3 };

/* ---- Operands, of a size n ---- */

/* Their numbers are multiples of 1/16 up to 4, exact in f32, and matrices are well conditioned with eigenvalues and
 * singular values apart. The forms that say so have no zeros outside of a diagonal, so that an unread triangle counts
 * if it is read. */
typedef enum {
    NO_FORM,
    GENERAL,    /* [n, n] */
    POSITIVE,   /* [n, n], symmetric positive definite */
    INDEFINITE, /* [n, n], symmetric */
    TRIANGLE,   /* [n, n], with numbers in both triangles */
    TALL,       /* [n + 3, n] */
    WIDE,       /* [n, n + 3] */
    RIGHT,      /* [n, 2] */
    TALL_RIGHT, /* [n + 3, 2] */
    DIAGONAL,   /* [n] */
    BESIDE,     /* [n - 1], a tridiagonal matrix's other diagonals */
    VECTOR,     /* [n] */
} bad_form;

typedef enum {
    REGULAR,
    ZERO,
    DEFICIENT, /* of rank n - 1: two equal rows, or columns if it is tall; a triangle with 0 as last on the diagonal; a
                  positive one whose Cholesky factor is of small integers and ends in 0 */
    NEGATIVE,  /* the last on the diagonal of a positive one is -1 */
    BAD_VARIANTS
} bad_variant;

bg_shape bad_shape(bad_form form, int64_t n);
/* Writes the operand's numbers times scale; stream: which of several. */
void bad_fill(double *values, bad_form form, bad_variant variant, int64_t n, int stream, double scale);

/* ---- Matrices in long double, which neither overflow nor vanish: for residuals ---- */

typedef struct {
    int64_t rows, columns;
    long double *v;
} matrix;
/* Of memory that stays until matrices_free. */
matrix matrix_of(int64_t rows, int64_t columns);
void matrices_free(void);
matrix identity(int64_t n);
matrix transposed(matrix a);
matrix product(matrix a, matrix b);
matrix difference(matrix a, matrix b);
/* The triangle of a, symmetric, or with zeros (and ones on the diagonal) in the other. */
matrix symmetric_of(matrix a, bg_triangle triangle);
matrix triangle_of(matrix a, bg_triangle triangle, bool is_unit);
matrix diagonal_of(matrix column);
/* The largest sum of magnitudes in a column. */
long double norm_1(matrix a);

/* One run of a routine that succeeded. */
typedef struct {
    int64_t n;
    long double epsilon;
    matrix x[BAD_INPUTS], y[BAD_PARTS]; /* operands and results; vectors are columns */
} bad_run;
/* ‖residual‖ / (size · n · epsilon) with 0 / 0 = 0, as LAPACK's testers take it. */
long double ratio_of(const bad_run *run, matrix residual, long double size);

/* ---- The table ---- */

/* What a run comes to. */
typedef enum {
    RIGHT_ANSWER, /* finite, with a residual ratio up to 30 where the row has one */
    ANY_ANSWER,   /* finite, or a status: which one is a matter of rounding */
    ANY_VALUE,    /* finite or infinite */
    ZEROS,
    ONES,
    IDENTITY,
    INFINITE,
    MINUS_INFINITE,
    COTANGENT,           /* a gradient equal to the cotangent of the result */
    SYMMETRIC_COTANGENT, /* equal to its symmetric part */
} bad_answer;
typedef struct {
    const char *refused; /* what the message of BG_ERR_NUMERIC holds, # standing for n; NULL: there is an answer */
    bool or_right;       /* refused, or the right answer: which one is a matter of rounding */
    int64_t from;        /* refused from this n on, with the right answer below */
    bad_answer answer;
} bad_outcome;
#define REFUSED(part)                                                                                                  \
    {                                                                                                                  \
        .refused = (part)                                                                                              \
    }
#define REFUSED_OR_RIGHT(part)                                                                                         \
    {                                                                                                                  \
        .refused = (part), .or_right = true                                                                            \
    }
#define REFUSED_FROM_2(part)                                                                                           \
    {                                                                                                                  \
        .refused = (part), .from = 2                                                                                   \
    }
#define GIVES(kind)                                                                                                    \
    {                                                                                                                  \
        .answer = (kind)                                                                                               \
    }

typedef enum { READS_ALL, READS_LOWER, READS_UPPER, READS_LOWER_UNIT } bad_reading;

typedef struct {
    const char *name; /* begins with the routine's */
    bad_form forms[BAD_INPUTS];
    bad_reading reads; /* of input 0 */
    int64_t largest;   /* n; 0: any */

    /* A result that does not depend on the sign of vectors: its values and gradients are compared. */
    bg_node *(*value)(bg_node *const *x);
    bool has_no_gradient;
    bool passes_on; /* no factorisation: what is not finite may come out as it went in */
    /* The results for the residual ratio; NULL: the value alone. */
    int (*parts)(bg_node *const *x, bg_node **y);
    long double (*ratio)(const bad_run *run);

    /* Where all of an input is multiplied by s, the value is multiplied by s^degree (of det by s^(degree n)), and then
     * logs · log s is added, on the diagonal if it is a matrix. */
    double degree[BAD_INPUTS];
    double logs;
    bool degree_times_n;
    bool only_together;  /* no degree in one input without the others */
    bool has_no_degree;  /* scaled input is refused or has a finite result */
    bool is_exponential; /* of tiny input it is the identity with the cotangent as gradient, of huge input refused */

    bad_outcome at[BAD_VARIANTS], gradient_at[BAD_VARIANTS]; /* input 0 is of that variant */
} bad_row;

extern const bad_row bad_triangular_rows[], bad_lu_rows[], bad_orthogonal_rows[], bad_singular_rows[],
    bad_symmetric_rows[];

/* ---- Runs; each returns whether all was as it should be, and else has said what was not, with bad_report ---- */

void bad_report(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What is being done, in memory that the watchdog's owner reads. */
void bad_doing(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* All variants, scales and elements that are not finite, one matrix at a time. */
bool bad_check_row(const bad_row *row, bg_dtype dtype, int64_t n);
/* Batches with one bad matrix, on so many threads. */
bool bad_check_batch(const bad_row *row, bg_dtype dtype, int64_t n, int64_t batch, int threads);

#endif
