/* Cores by affinity mask and cgroup quota, kernels by instruction set. */
#define _GNU_SOURCE
#include "base/cpu.h"

#include <blasgrad/graph.h>

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads a small file as a text; false if it cannot be read. What does not fit is left out. */
static bool read_text(const char *path, char *text, size_t capacity)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    size_t length = 0;
    ssize_t count = 1;
    while (length < capacity - 1 && (count = read(file, text + length, capacity - 1 - length)) > 0)
        length += (size_t)count;
    (void)close(file);
    text[length] = '\0';
    return count >= 0 && length > 0;
}

/* ---- Quota ---- */

/* ceil(quota / period) of "max 100000", "150000 100000" (version 2), or of two files (version 1, where -1 is no limit).
 */
static int whole_processors(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return INT_MAX;
    long long processors = quota / period + (quota % period != 0);
    return processors < INT_MAX ? (int)processors : INT_MAX;
}

static int quota_of_folder(const char *folder, bool is_version_2)
{
    char path[PATH_MAX], text[64];
    if (is_version_2) {
        if (snprintf(path, sizeof path, "%s/cpu.max", folder) >= (int)sizeof path ||
            !read_text(path, text, sizeof text) || strncmp(text, "max", 3) == 0)
            return INT_MAX;
        char *end = NULL;
        long long quota = strtoll(text, &end, 10);
        return whole_processors(quota, strtoll(end, NULL, 10));
    }
    if (snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder) >= (int)sizeof path ||
        !read_text(path, text, sizeof text))
        return INT_MAX;
    long long quota = strtoll(text, NULL, 10);
    if (snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder) >= (int)sizeof path ||
        !read_text(path, text, sizeof text))
        return INT_MAX;
    return whole_processors(quota, strtoll(text, NULL, 10));
}

/* The least quota from a group up to the root of its mount. In a container the path may be one of the host, which is
 * not there: the walk then still ends at the container's own root. */
static int quota_of_group(const char *root, const char *mount, const char *group, bool is_version_2)
{
    char folder[PATH_MAX];
    int head = snprintf(folder, sizeof folder, "%s%s", root, mount);
    int length = snprintf(folder, sizeof folder, "%s%s%s", root, mount, group);
    if (head < 0 || length >= (int)sizeof folder)
        return INT_MAX;

    int least = INT_MAX;
    for (;;) {
        int quota = quota_of_folder(folder, is_version_2);
        least = quota < least ? quota : least;
        char *slash = strrchr(folder + head, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* Whether a list "cpu,cpuacct" has an item. */
static bool list_has(const char *list, const char *item)
{
    size_t length = strlen(item);
    for (const char *at = list; *at;) {
        size_t span = strcspn(at, ",");
        if (span == length && strncmp(at, item, length) == 0)
            return true;
        at += span + (at[span] == ',');
    }
    return false;
}

int bgi_cpu_quota(const char *root)
{
    static const char *const mounts_1[] = { "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct" };
    static const char *const mounts_2[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

    char path[PATH_MAX], text[8192];
    if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) >= (int)sizeof path ||
        !read_text(path, text, sizeof text))
        return INT_MAX;

    /* Lines "number:controllers:/group"; version 2 has number 0 and no controllers. */
    int least = INT_MAX;
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *controllers++ = '\0';
        *group++ = '\0';
        bool is_version_2 = *controllers == '\0';
        if (!is_version_2 && !list_has(controllers, "cpu"))
            continue;
        for (int i = 0; i < 2; i++) {
            int quota = quota_of_group(root, is_version_2 ? mounts_2[i] : mounts_1[i], group, is_version_2);
            least = quota < least ? quota : least;
        }
    }
    return least;
}

/* ---- Cores ---- */

/* Room for 8192 processors, the most that Linux can be built for. */
enum { SETS = 8192 / CPU_SETSIZE, PROCESSORS = SETS * CPU_SETSIZE };
typedef struct {
    cpu_set_t sets[SETS];
} mask;

static bool mask_has(const mask *m, int processor)
{
    return CPU_ISSET((size_t)processor % CPU_SETSIZE, &m->sets[processor / CPU_SETSIZE]);
}

static bool is_among(const int *threads, int n, long thread)
{
    for (int i = 0; i < n; i++)
        if (threads[i] == thread)
            return true;
    return false;
}

/* Whether one of the threads is in a list "0-3,8". */
static bool list_has_one(const char *list, const int *threads, int n)
{
    for (const char *at = list; *at >= '0' && *at <= '9';) {
        char *end = NULL;
        long first = strtol(at, &end, 10), last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        for (long thread = first; thread <= last && thread < PROCESSORS; thread++)
            if (is_among(threads, n, thread))
                return true;
        at = *end == ',' ? end + 1 : end;
    }
    return false;
}

/* A core is counted by the first of its threads. */
int bgi_cpu_cores_of(const char *root, const int *threads, int n)
{
    int cores = 0;
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX], siblings[1024];
        (void)snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", root,
                       threads[i]);
        cores += !read_text(path, siblings, sizeof siblings) || !list_has_one(siblings, threads, i);
    }
    return cores;
}

static void count_processors(int *threads, int *cores)
{
    mask available;
    int found[PROCESSORS], n = 0;
    memset(&available, 0, sizeof available);
    if (sched_getaffinity(0, sizeof available, available.sets) != 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        *threads = *cores = online > 0 && online < PROCESSORS ? (int)online : 1;
        return;
    }
    for (int p = 0; p < PROCESSORS; p++)
        if (mask_has(&available, p))
            found[n++] = p;
    *threads = n;
    *cores = bgi_cpu_cores_of("", found, n);
}

static int within_quota(int count)
{
    int quota = bgi_cpu_quota("");
    count = count < quota ? count : quota;
    return count > 1 ? count : 1;
}

int bgi_cpu_cores(void)
{
    int threads = 0, cores = 0;
    count_processors(&threads, &cores);
    return within_quota(cores);
}

int bgi_cpu_threads(void)
{
    int threads = 0, cores = 0;
    count_processors(&threads, &cores);
    return within_quota(threads);
}

/* ---- Kernels ---- */

bg_status bgi_cpu_kernels(const bgk_table **table)
{
    const char *forced = getenv("BLASGRAD_KERNELS");
    char available[128] = "";
    size_t length = 0;
    for (const bgk_table *const *t = bgi_kernel_tables; *t; t++) {
        if (!(*t)->is_supported())
            continue;
        if (!forced || !*forced || strcmp(forced, (*t)->name) == 0) {
            *table = *t;
            return BG_OK;
        }
        int added = snprintf(available + length, sizeof available - length, "%s%s", length ? ", " : "", (*t)->name);
        if (added > 0 && (size_t)added < sizeof available - length)
            length += (size_t)added;
    }
    return bg_fail(BG_ERR_SYSTEM, "engine: BLASGRAD_KERNELS is \"%.40s\"; this machine has: %s", forced ? forced : "",
                   available);
}
