/* The clock that time is measured with: it only goes forward. */
#ifndef BGI_CLOCK_H
#define BGI_CLOCK_H

#include <stdint.h>

int64_t bgi_clock_nanoseconds(void);
double bgi_clock_seconds(void);

#endif
