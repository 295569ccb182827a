/* The fuzz targets over the frozen corpus: what once was found, and one file of each kind. */
#define _GNU_SOURCE /* memfd_create */
#include "support/suite.h"

#include "fuzz/fuzz.h"

#define LLVMFuzzerTestOneInput fuzz_csv
#include "fuzz/fuzz_csv.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_idx
#include "fuzz/fuzz_idx.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_cifar
#include "fuzz/fuzz_cifar.c"
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

#include <check.h>
#include <dirent.h>

static void run_folder(const char *format, int (*target)(const uint8_t *data, size_t size))
{
    char folder[500], path[800];
    (void)snprintf(folder, sizeof folder, "%s/corpus/%s", BLASGRAD_TEST_DATA, format);
    DIR *entries = opendir(folder);
    ck_assert_msg(entries != NULL, "%s", folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (*entry->d_name == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "rb");
        ck_assert_msg(file != NULL, "%s", path);
        static uint8_t bytes[1 << 16];
        size_t size = fread(bytes, 1, sizeof bytes, file);
        ck_assert_msg(feof(file), "%s is too large", path);
        (void)fclose(file);
        /* In memory of its exact size, so that reading beyond shows; and without its last byte. */
        for (size_t cut = 0; cut < 2 && cut <= size; cut++) {
            uint8_t *copy = malloc(size - cut + 1);
            ck_assert_ptr_nonnull(copy);
            memcpy(copy, bytes, size - cut);
            (void)target(copy, size - cut);
            free(copy);
        }
        count++;
    }
    closedir(entries);
    ck_assert_int_ge(count, 5);
}

START_TEST(corpus)
{
    run_folder("csv", fuzz_csv);
    run_folder("idx", fuzz_idx);
    run_folder("cifar", fuzz_cifar);
    run_folder("npy", fuzz_npy);
    run_folder("npz", fuzz_npz);
    run_folder("safetensors", fuzz_safetensors);
    run_folder("text", fuzz_text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("corpus");
    TCase *tests = tcase_create("corpus");
    tcase_add_test(tests, corpus);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
