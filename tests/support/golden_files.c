#define _DEFAULT_SOURCE
#include "golden_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_of_ops(const struct dirent *entry)
{
    static const char *const others[] = { "training.txt", "optimizers.txt", "schedules.txt",
                                          "lbfgs.txt",    "metrics.txt",    "pca.txt" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(entry->d_name, others[i]) == 0)
            return false;
    const char *end = strrchr(entry->d_name, '.');
    return end && strcmp(end, ".txt") == 0;
}

int golden_each(void (*visit)(const char *name, const golden_file *file, void *user), void *user)
{
    struct dirent **files = NULL;
    int n = scandir(GOLDEN_PATH(""), &files, is_of_ops, alphasort);
    for (int f = 0; f < n; f++) {
        char path[4096];
        snprintf(path, sizeof path, "%s%s", GOLDEN_PATH(""), files[f]->d_name);
        golden_file *file = golden_open(path);
        visit(files[f]->d_name, file, user);
        golden_close(file);
        free(files[f]);
    }
    free(files);
    return n;
}
