/* Functions of eigenvalues, and their divided differences, as accurate where arguments meet as elsewhere:
 * f[x, y] = (f(y) - f(x)) / (y - x), f'(x) where they are equal; f[x, y, z] = (f[y, z] - f[x, y]) / (z - x), half of
 * f'' where all are. Higham, Functions of matrices, 2008, section 3.2 and appendix B.16. */
#ifndef BGI_DIVIDED_H
#define BGI_DIVIDED_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { BGI_OF_SQRT, BGI_OF_INVERSE_SQRT, BGI_OF_EXP, BGI_OF_LOG, BGI_OF_POWER } bgi_function_kind;
/* Attributes of ops: no padding. */
typedef struct {
    int64_t kind;
    double exponent; /* of a power; otherwise 0 */
} bgi_function;

/* Where f and its derivatives up to `order` are defined. */
typedef enum { BGI_ANYWHERE, BGI_NOT_AT_0, BGI_AT_0_AND_ABOVE, BGI_ABOVE_0 } bgi_function_domain;
bgi_function_domain bgi_function_where(const bgi_function *f, int order);

/* Arguments in the domain of order 0, 1 and 2. */
double bgi_function_at(const bgi_function *f, double x);
double bgi_divided_1(const bgi_function *f, double x, double y);
double bgi_divided_2(const bgi_function *f, double x, double y, double z);

#endif
