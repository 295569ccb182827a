/* Reads golden files: named records of texts and arrays of numbers. tests/golden/generate.py writes them, and its
 * docstring explains the format and what the records hold.
 *
 *     golden_file *file = golden_open(GOLDEN_PATH("losses.txt"));
 *     const golden_record *record = golden_find(file, "l2_loss_mean");
 *     const golden_array *x = golden_get(record, "x0");           x->rank, x->dims, x->values
 *     golden_close(file);
 *
 * A call that fails returns NULL, passes NULL on, and golden_error() says what is wrong: file, line, reason. One check
 * at the end of such a chain is enough.
 */
#ifndef BLASGRAD_TESTS_GOLDEN_H
#define BLASGRAD_TESTS_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* BLASGRAD_TEST_DATA is the path of the folder tests/, a string literal. */
#define GOLDEN_PATH(name) BLASGRAD_TEST_DATA "/golden/" name

enum { GOLDEN_MAX_RANK = 8 };

typedef struct {
    int rank;
    int64_t dims[GOLDEN_MAX_RANK];
    int64_t count;        /* the product of the dims; 1 for rank 0 */
    const double *values; /* in row-major order */
} golden_array;

typedef struct golden_file golden_file;
typedef struct golden_record golden_record;

/* Reads and checks the whole file. */
golden_file *golden_open(const char *path);
/* Frees the file with all of its records and arrays. NULL is allowed. */
void golden_close(golden_file *file);

/* The records in the order of the file, for tests that walk all of them. */
size_t golden_count(const golden_file *file);
const golden_record *golden_at(const golden_file *file, size_t index);
const golden_record *golden_find(const golden_file *file, const char *name);
const char *golden_name(const golden_record *record);

/* The keys of a record in the order of the file; NULL behind the last. */
const char *golden_key(const golden_record *record, size_t index);
/* Whether the record has a text or array of this key. */
bool golden_has(const golden_record *record, const char *key);
const char *golden_text(const golden_record *record, const char *key);
const golden_array *golden_get(const golden_record *record, const char *key);
/* The number in an array of one element; NaN if there is no such array. */
double golden_number(const golden_record *record, const char *key);

/* The message of the calling thread's last failed call; "" before the first. */
const char *golden_error(void);

#endif
