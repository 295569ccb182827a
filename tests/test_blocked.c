/* Factorisations and systems of large matrices, which all threads share, and of smaller ones, each of which is one
 * thread's: residuals as LAPACK's testers define them, the
 * same bits for any number of threads, and failures that name the right place. The tests stand in blocked/. */
#include "blocked/problem.h"
#include "support/suite.h"

static Suite *make_suite(void)
{
    Suite *suite = suite_create("blocked factorisations");
    suite_add_tcase(suite, positive_case());
    suite_add_tcase(suite, triangular_case());
    suite_add_tcase(suite, lu_case());
    suite_add_tcase(suite, system_case());
    suite_add_tcase(suite, qr_case());
    suite_add_tcase(suite, gradient_case());
    return suite;
}

int main(void) { return run_suite(make_suite()); }
