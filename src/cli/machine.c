/* What the operating system says about the machine. */
#define _DEFAULT_SOURCE
#include "machine.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *machine_cpu(char *buffer, size_t capacity)
{
    snprintf(buffer, capacity, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file)
        return buffer;
    char line[512];
    while (fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value)
            continue;
        value += strspn(value, ": \t");
        snprintf(buffer, capacity, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    fclose(file);
    return buffer;
}

const char *machine_name(char *buffer, size_t capacity)
{
    if (gethostname(buffer, capacity) != 0)
        snprintf(buffer, capacity, "unknown");
    buffer[capacity - 1] = 0;
    return buffer;
}

int machine_processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

double machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (double)pages * (double)bytes : 0;
}

double machine_peak_memory(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    double kibibytes = 0;
    while (file && fgets(line, sizeof line, file) && sscanf(line, "VmHWM: %lf", &kibibytes) != 1)
        continue;
    if (file)
        fclose(file);
    return kibibytes > 0 ? 1024 * kibibytes : NAN;
}

bool machine_forget_memory(void)
{
    (void)malloc_trim(0);
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file)
        return false;
    bool is_written = fputs("5", file) >= 0;
    return fclose(file) == 0 && is_written;
}

double machine_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
