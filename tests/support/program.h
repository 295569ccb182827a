/* For suites that try the program from the outside. */
#ifndef BLASGRAD_TESTS_PROGRAM_H
#define BLASGRAD_TESTS_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Starts $PROGRAM with arguments, which end with NULL, and assignments for its environment, which do too (NULL: none);
 * what it writes goes to the file `output`. */
pid_t program_start(const char *program, const char *const *arguments, const char *const *environment,
                    const char *output);

typedef struct {
    int code;         /* as a shell has it: 128 and the signal's number for one that a signal ended */
    bool is_signaled; /* it was ended by a signal, and did not exit by itself */
} program_end;
program_end program_wait(pid_t process);

double program_clock(void); /* seconds */
void program_sleep(double seconds);
/* A number in [0, 1) of a sequence that the state makes. */
double program_random(uint64_t *state);
/* Copies the text of a file, up to the capacity, and gives its place. */
const char *program_text(const char *path, char *text, size_t capacity);
/* Removes a folder with its files; nothing if there is none. */
void program_remove_folder(const char *path);

/* Both forms of a test: the short one, or with BLASGRAD_LONG in the environment the long one. */
int program_count(int few, int many);

/* The folders of two runs have the same weights, optimizer, place and log, but for times and resumptions; `what` is for
 * messages. Uses scratch_engine(). */
void program_expect_same_run(const char *a, const char *b, const char *what);

#endif
