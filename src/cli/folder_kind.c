/* What a folder of data holds, by the names of its files. */
#define _POSIX_C_SOURCE 200809L /* opendir, stat */
#include "folder_kind.h"

#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef enum { HOLDS_TABLES, HOLDS_NPY, HOLDS_NPZ, HOLDS_TEXTS, HOLDS_FOLDERS, HOLDS_OTHERS, CONTENTS } content;

/* The endings of those that are known come first. */
static const struct {
    const char *text;
    data_kind kind;
} contents[CONTENTS] = {
    [HOLDS_TABLES] = { ".csv", DATA_CSV },      [HOLDS_NPY] = { ".npy", DATA_ARRAYS },
    [HOLDS_NPZ] = { ".npz", DATA_ARRAYS },      [HOLDS_TEXTS] = { ".txt", DATA_TEXT },
    [HOLDS_FOLDERS] = { .text = "of folders" }, [HOLDS_OTHERS] = { .text = "of other names" },
};

typedef struct {
    bool is_mnist, is_cifar;
    long long counts[CONTENTS];
    char first[CONTENTS][64]; /* a name of each */
} census;

static bool is_mnist(const char *name)
{
    return (strncmp(name, "train-", 6) == 0 || strncmp(name, "t10k-", 5) == 0) &&
           (data_name_ends_with(name, "-ubyte") || data_name_ends_with(name, "-ubyte.gz"));
}

static bool is_cifar(const char *name)
{
    static const char *const files[] = { "data_batch_1.bin", "test_batch.bin", "train.bin", "test.bin" };
    for (int i = 0; i < 4; i++)
        if (strcmp(name, files[i]) == 0)
            return true;
    return false;
}

/* Tables and texts may be gzipped. */
static content content_of(const char *name, bool is_folder)
{
    char plain[260];
    size_t length = strlen(name);
    if (is_folder)
        return HOLDS_FOLDERS;
    if (length > 3 && length < sizeof plain && data_name_ends_with(name, ".gz")) {
        (void)snprintf(plain, sizeof plain, "%.*s", (int)length - 3, name);
        content inside = content_of(plain, false);
        return inside == HOLDS_TABLES || inside == HOLDS_TEXTS ? inside : HOLDS_OTHERS;
    }
    for (content i = HOLDS_TABLES; i <= HOLDS_TEXTS; i++)
        if (data_name_ends_with(name, contents[i].text))
            return i;
    return HOLDS_OTHERS;
}

static void count(census *c, const char *folder, const char *name)
{
    char path[4096 + 260];
    struct stat about;
    bool is_folder = snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && stat(path, &about) == 0 &&
                     S_ISDIR(about.st_mode);
    content found = content_of(name, is_folder);
    c->is_mnist = c->is_mnist || (!is_folder && is_mnist(name));
    c->is_cifar = c->is_cifar || (!is_folder && is_cifar(name));
    /* The first by name, so that the message is the same each time. */
    if (c->counts[found] == 0 || strcmp(name, c->first[found]) < 0)
        (void)snprintf(c->first[found], sizeof c->first[found], "%.60s", name);
    c->counts[found]++;
}

static int take_census(census *c, const char *folder)
{
    *c = (census){ .is_mnist = false };
    DIR *entries = opendir(folder);
    if (!entries)
        return output_failure("%s: %s", folder, strerror(errno));
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(entries)); errno = 0)
        if (entry->d_name[0] != '.')
            count(c, folder, entry->d_name);
    int error = errno;
    closedir(entries);
    return error ? output_failure("%s: %s", folder, strerror(error)) : 0;
}

static int fail(const census *c, const char *folder)
{
    char text[600] = "no files";
    size_t length = 0;
    for (int i = 0; i < CONTENTS; i++)
        if (c->counts[i] > 0)
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%lld %s (%s)", length ? ", " : "",
                                       c->counts[i], contents[i].text, c->first[i]);
    return output_usage(
        "%s: the folder holds %s; --data takes folders with the files of MNIST or CIFAR, and folders "
        "with files of one kind and nothing else: tables (.csv), arrays (.npy or .npz) or texts (.txt), "
        ".csv and .txt gzipped or not",
        folder, text);
}

int folder_kind_find(data_kind *kind, bool *is_npz, const char *folder, bool are_texts)
{
    census c;
    int code = take_census(&c, folder), kinds = 0;
    if (code)
        return code;
    content only = HOLDS_OTHERS;
    for (content i = 0; i < CONTENTS; i++)
        if (c.counts[i] > 0) {
            only = i;
            kinds++;
        }
    *is_npz = only == HOLDS_NPZ;
    if (c.is_cifar || c.is_mnist) {
        *kind = c.is_cifar ? DATA_CIFAR : DATA_MNIST;
        return 0;
    }
    bool is_known = kinds == 1 && only <= HOLDS_TEXTS;
    if (!is_known && !(are_texts && kinds > 0 && c.counts[HOLDS_FOLDERS] == 0))
        return fail(&c, folder);
    *kind = are_texts ? DATA_TEXT : contents[only].kind;
    return 0;
}
