/* What the operating system says about the machine. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/* The processor's name; "unknown" if the system does not tell. Returns buffer. */
const char *machine_cpu(char *buffer, size_t capacity);
/* The machine's own name in the network. Returns buffer. */
const char *machine_name(char *buffer, size_t capacity);
/* Logical processors that are online. */
int machine_processors(void);
/* Bytes of memory that the machine has; 0 if the system does not tell. */
double machine_memory(void);
/* The most memory this process has had since it began, or since machine_forget_memory, in bytes; NAN if the system does
 * not tell. */
double machine_peak_memory(void);
/* Gives freed memory back to the system. False if the system goes on counting from the beginning. */
bool machine_forget_memory(void);
/* Seconds on a clock that only goes forward. */
double machine_seconds(void);

#endif
