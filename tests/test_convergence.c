/* Singular values where LAPACK does not converge, as these functions before its own have it. A static LAPACK leaves no
 * room for them. */
#define _GNU_SOURCE
#include "support/matrices.h"
#include "support/run_once.h"
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int no_gesdd, no_gesvd; /* calls that are told to fail */

#define GESDD(name, type)                                                                                              \
    int name(int layout, char job, int m, int n, type *a, int lda, type *s, type *u, int ldu, type *vt, int ldvt,      \
             type *work, int work_count, int *integers);                                                               \
    int name(int layout, char job, int m, int n, type *a, int lda, type *s, type *u, int ldu, type *vt, int ldvt,      \
             type *work, int work_count, int *integers)                                                                \
    {                                                                                                                  \
        static int (*real)(int, char, int, int, type *, int, type *, type *, int, type *, int, type *, int, int *);    \
        void *address = dlsym(RTLD_NEXT, #name);                                                                       \
        memcpy(&real, &address, sizeof real);                                                                          \
        int info = real(layout, job, m, n, a, lda, s, u, ldu, vt, ldvt, work, work_count, integers);                   \
        if (work_count < 0 || no_gesdd == 0)                                                                           \
            return info;                                                                                               \
        no_gesdd--;                                                                                                    \
        for (int i = 0; i < (m < n ? m : n); i++)                                                                      \
            s[i] = (type)NAN;                                                                                          \
        return 1;                                                                                                      \
    }
GESDD(LAPACKE_sgesdd_work, float)
GESDD(LAPACKE_dgesdd_work, double)

#define GESVD(name, type)                                                                                              \
    int name(int layout, char job_u, char job_vt, int m, int n, type *a, int lda, type *s, type *u, int ldu, type *vt, \
             int ldvt, type *work, int work_count);                                                                    \
    int name(int layout, char job_u, char job_vt, int m, int n, type *a, int lda, type *s, type *u, int ldu, type *vt, \
             int ldvt, type *work, int work_count)                                                                     \
    {                                                                                                                  \
        static int (*real)(int, char, char, int, int, type *, int, type *, type *, int, type *, int, type *, int);     \
        void *address = dlsym(RTLD_NEXT, #name);                                                                       \
        memcpy(&real, &address, sizeof real);                                                                          \
        if (work_count < 0 || no_gesvd == 0)                                                                           \
            return real(layout, job_u, job_vt, m, n, a, lda, s, u, ldu, vt, ldvt, work, work_count);                   \
        no_gesvd--;                                                                                                    \
        return 2;                                                                                                      \
    }
GESVD(LAPACKE_sgesvd_work, float)
GESVD(LAPACKE_dgesvd_work, double)

static int build_svd(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    bg_svd_factors f = bg_svd(x[0], NULL);
    outputs[0] = bg_matmul(bg_mul(f.u, bg_unsqueeze(f.s, -2)), f.vt);
    outputs[1] = f.s;
    outputs[2] = bg_svdvals(x[0]);
    return 3;
}

/* Where divide and conquer does not converge, iterations do: the same values, and vectors that make the same matrix. */
START_TEST(iterations)
{
    bg_dtype dtype = _i ? BG_F64 : BG_F32;
    bg_tensor *a = matrix_batch(trial_engine(), dtype, 2, 7, 5, MATRIX_RANDOM), *out[3];
    no_gesdd = 4;
    OK(run_once(trial_engine(), &a, 1, build_svd, NULL, out));
    ck_assert_int_eq(no_gesdd, 0);
    double *x = matrix_values(a), *y = matrix_values(out[0]), *s = matrix_values(out[1]),
           *values = matrix_values(out[2]);
    for (int i = 0; i < 70; i++)
        ck_assert_msg(fabs(x[i] - y[i]) <= 30 * matrix_epsilon(dtype), "[%d]: %g, not %g", i, y[i], x[i]);
    for (int i = 0; i < 10; i++)
        ck_assert_msg(fabs(s[i] - values[i]) <= 30 * matrix_epsilon(dtype) * s[0], "value %d: %g, %g", i, s[i],
                      values[i]);
    free(x);
    free(y);
    free(s);
    free(values);
    for (int i = 0; i < 3; i++)
        bg_tensor_destroy(out[i]);
    bg_tensor_destroy(a);
}
END_TEST

START_TEST(none_converges)
{
    bg_tensor *a = matrix_batch(trial_engine(), _i ? BG_F64 : BG_F32, 3, 7, 5, MATRIX_RANDOM), *out[3];
    no_gesdd = no_gesvd = 1;
    FAILS(run_once(trial_engine(), &a, 1, build_svd, NULL, out), BG_ERR_NUMERIC,
          ": matrix [0] of [3]: the singular values were not found: no convergence");
    bg_tensor_destroy(a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("convergence");
    TCase *cases = tcase_create("svd");
    tcase_add_checked_fixture(cases, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(cases, iterations, 0, 2);
    tcase_add_loop_test(cases, none_converges, 0, 2);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
