/* The fuzz targets over the frozen corpus: what once was found, and one file of each kind; whole, cut off at every
 * byte, and with every bit of its begin and its end flipped. */
#define _GNU_SOURCE
#include "support/suite.h"

#include "fuzz/fuzz.h"

#define LLVMFuzzerTestOneInput fuzz_arrays
#include "fuzz/fuzz_arrays.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_cifar
#include "fuzz/fuzz_cifar.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_csv
#include "fuzz/fuzz_csv.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_idx
#include "fuzz/fuzz_idx.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_images
#include "fuzz/fuzz_images.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_layers
#include "fuzz/fuzz_layers.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_npy
#include "fuzz/fuzz_npy.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_npz
#include "fuzz/fuzz_npz.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_safetensors
#include "fuzz/fuzz_safetensors.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_text
#include "fuzz/fuzz_text.c"
#undef LLVMFuzzerTestOneInput

#include <dirent.h>
#include <stdio.h>

/* is_exact: the input is a file and nothing else, of a format that says how long it is. */
static const struct {
    const char *name;
    int (*target)(const uint8_t *data, size_t size);
    bool is_exact;
} formats[] = {
    { "arrays", fuzz_arrays, false }, { "cifar", fuzz_cifar, false },   { "csv", fuzz_csv, false },
    { "idx", fuzz_idx, true },        { "images", fuzz_images, false }, { "layers", fuzz_layers, false },
    { "npy", fuzz_npy, true },        { "npz", fuzz_npz, true },        { "safetensors", fuzz_safetensors, true },
    { "text", fuzz_text, false },
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* The input in memory of its exact size, so that reading beyond shows. */
static bg_status run(int format, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, size);
    (void)formats[format].target(copy, size);
    free(copy);
    return fuzz_status();
}

/* Cut off, a file is refused if its format says how long it is. */
static void run_cut(int format, const uint8_t *bytes, size_t size, const char *path)
{
    enum { BEGIN = 4096, END = 64 };
    bg_status status = run(format, bytes, size);
    for (size_t length = 0; length < size; length++) {
        if (length == BEGIN && size > BEGIN + END)
            length = size - END;
        bg_status cut = run(format, bytes, length);
        ck_assert_msg(!formats[format].is_exact || status || cut, "%s: cut off at byte %zu, it was taken", path,
                      length);
    }
}

static void run_flipped(int format, uint8_t *bytes, size_t size)
{
    enum { BEGIN = 384, END = 128 };
    for (size_t i = 0; i < size; i++) {
        if (i == BEGIN && size > BEGIN + END)
            i = size - END;
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            (void)run(format, bytes, size);
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
}

START_TEST(corpus)
{
    char folder[500], path[800];
    (void)snprintf(folder, sizeof folder, "%s/corpus/%s", BLASGRAD_TEST_DATA, formats[_i].name);
    DIR *entries = opendir(folder);
    ck_assert_msg(entries != NULL, "%s", folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(entries)); count++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        static uint8_t bytes[1 << 16];
        FILE *file = *entry->d_name == '.' ? NULL : fopen(path, "rb");
        if (!file)
            continue;
        size_t size = fread(bytes, 1, sizeof bytes, file);
        ck_assert_msg(feof(file), "%s is too large", path);
        (void)fclose(file);
        run_cut(_i, bytes, size, path);
        run_flipped(_i, bytes, size);
    }
    closedir(entries);
    ck_assert_int_ge(count, 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("corpus");
    TCase *tests = tcase_create("corpus");
    tcase_add_loop_test(tests, corpus, 0, FORMATS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
