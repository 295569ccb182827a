/* The first byte chooses the variant and the label, the second a share; the rest is cut there into the files of
 * training and test. */
#define _GNU_SOURCE /* memfd_create, mkdtemp */
#include "fuzz/fuzz.h"

enum { CIFAR_FILES = 8 };
static const char *const cifar_names[CIFAR_FILES] = { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                      "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin",
                                                      "train.bin",        "test.bin" };

/* Two folders, made once and removed at the process's end, whose files are links to two descriptors. */
enum { TRAIN_DESCRIPTOR = 200, TEST_DESCRIPTOR };
static char cifar_folders[2][40];

static void cifar_walk(bool removes)
{
    for (int i = 0; i < CIFAR_FILES; i++) {
        bool is_test = i == 5 || i == 7;
        char target[40], path[100];
        (void)snprintf(target, sizeof target, "/proc/self/fd/%d", is_test ? TEST_DESCRIPTOR : TRAIN_DESCRIPTOR);
        (void)snprintf(path, sizeof path, "%s/%s", cifar_folders[i >= 6], cifar_names[i]);
        fuzz_check((removes ? unlink(path) : symlink(target, path)) == 0);
    }
}

static void cifar_remove(void)
{
    cifar_walk(true);
    fuzz_check(rmdir(cifar_folders[0]) == 0 && rmdir(cifar_folders[1]) == 0);
}

static void cifar_make(void)
{
    for (int i = 0; i < 2; i++) {
        (void)snprintf(cifar_folders[i], sizeof cifar_folders[i], "/tmp/blasgrad-fuzz-XXXXXX");
        fuzz_check(mkdtemp(cifar_folders[i]) != NULL);
    }
    cifar_walk(false);
    fuzz_check(atexit(cifar_remove) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    bool is_hundred = data[0] & 1;
    size_t cut = (size - 2) * data[1] / 255;
    fuzz_case *c = fuzz_begin(data + 2, cut);
    int test_file = memfd_create("test", MFD_CLOEXEC);
    fuzz_check(test_file >= 0 && write(test_file, data + 2 + cut, size - 2 - cut) == (ssize_t)(size - 2 - cut));
    if (!*cifar_folders[0])
        cifar_make();
    fuzz_check(dup2(c->descriptor, TRAIN_DESCRIPTOR) >= 0 && dup2(test_file, TEST_DESCRIPTOR) >= 0);
    size_t held = c->memory.held;
    bg_data_options options = { .with_coarse_labels = data[0] & 2, .dtype = data[0] & 4 ? BG_F64 : BG_F32 };
    bg_dataset *train, *test;
    bg_status status = bg_data_read_cifar(&train, &test, c->engine, cifar_folders[is_hundred], &options);
    fuzz_check((status == BG_OK) == (train != NULL) && (status == BG_OK) == (test != NULL));
    if (train)
        fuzz_check(bg_dataset_size(train) > 0 && bg_dataset_size(test) > 0);
    else
        fuzz_check((status == BG_ERR_FORMAT || status == BG_ERR_ARGUMENT) &&
                   strstr(bg_last_error(), "read_cifar: ") == bg_last_error());
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    (void)close(test_file);
    (void)close(TRAIN_DESCRIPTOR);
    (void)close(TEST_DESCRIPTOR);
    /* Up to five times the training file, a byte of which becomes a number of eight. */
    fuzz_end(c, held, 8 * 5 * size + (1 << 16));
    return 0;
}
