#define _GNU_SOURCE /* environ */
#include "support/program.h"
#include "support/child.h"
#include "support/scratch.h"

#include <blasgrad/blasgrad.h>

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 60 };

pid_t program_start(const char *program, const char *const *arguments, const char *const *environment,
                    const char *output)
{
    /* A signal before the child is another program would reach Check's handler in it, which ends the whole test. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)fflush(NULL);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    pid_t process = fork();
    if (process != 0) {
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        ck_assert_int_ge(process, 0);
        return process;
    }
    end_with_parent();
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    char *words[WORDS_MAX] = { (char *)(uintptr_t)program };
    for (int i = 0; arguments[i] && i + 2 < WORDS_MAX; i++)
        words[i + 1] = (char *)(uintptr_t)arguments[i];
    for (int i = 0; environment && environment[i]; i++)
        (void)putenv((char *)(uintptr_t)environment[i]);
    int file = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0)
        _exit(99);
    (void)close(file);
    execv(program, words);
    _exit(98);
}

program_end program_wait(pid_t process)
{
    int status = 0;
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    bool is_signaled = WIFSIGNALED(status);
    return (program_end){ .code = is_signaled ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
                          .is_signaled = is_signaled };
}

double program_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void program_sleep(double seconds)
{
    struct timespec time = { .tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds)) };
    (void)nanosleep(&time, NULL);
}

double program_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (double)(*state >> 11) * 0x1p-53;
}

const char *program_text(const char *path, char *text, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    text[file ? fread(text, 1, capacity - 1, file) : 0] = '\0';
    if (file)
        (void)fclose(file);
    return text;
}

void program_remove_folder(const char *path)
{
    char name[1000];
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        (void)unlink(name);
    }
    if (folder)
        (void)closedir(folder);
    (void)rmdir(path);
}

int program_count(int few, int many)
{
    const char *text = getenv("BLASGRAD_LONG");
    return text && *text && strcmp(text, "0") != 0 ? many : few;
}

/* ---- Comparing runs ---- */

static bool is_time(const char *name)
{
    return strcmp(name, "trainer.seconds") == 0 || strcmp(name, "trainer.epoch_seconds") == 0 ||
           strcmp(name, "trainer.epoch_stall") == 0;
}

static bg_archive *load(const char *folder, const char *name, const char *what)
{
    char path[1000];
    bg_archive *archive;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_msg(bg_archive_load(&archive, scratch_engine(), path) == BG_OK, "%s: %s", what, bg_last_error());
    return archive;
}

static void expect_same_tensors(const char *a, const char *b, const char *name, const char *what)
{
    bg_archive *first = load(a, name, what), *second = load(b, name, what);
    ck_assert_uint_eq(bg_archive_count(first), bg_archive_count(second));
    for (size_t i = 0; i < bg_archive_count(first); i++) {
        const bg_tensor *x = bg_archive_tensor(first, i), *y = bg_archive_tensor(second, i);
        const char *tensor = bg_archive_name(first, i);
        ck_assert_str_eq(tensor, bg_archive_name(second, i));
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(x)) * bg_dtype_size(bg_tensor_dtype(x));
        ck_assert_msg(bg_shape_equal(bg_tensor_shape(x), bg_tensor_shape(y)), "%s: %s", what, tensor);
        if (!is_time(tensor))
            ck_assert_msg(memcmp(bg_tensor_const_data(x), bg_tensor_const_data(y), bytes) == 0,
                          "%s: %s: %s is not the same", what, name, tensor);
    }
    bg_archive_destroy(second);
    bg_archive_destroy(first);
}

/* The next event that belongs to the run as a whole, without its times; NULL at the end. */
static json_t *next_event(FILE *log, const char *what)
{
    char line[8192];
    while (fgets(line, sizeof line, log)) {
        json_t *event = json_loads(line, 0, NULL);
        ck_assert_msg(event != NULL, "%s: the log has the line %s", what, line);
        const char *kind = json_string_value(json_object_get(event, "event"));
        if (strcmp(kind, "start") != 0 && strcmp(kind, "resumed") != 0) {
            (void)json_object_del(event, "seconds");
            (void)json_object_del(event, "stall_seconds");
            (void)json_object_del(event, "samples_per_second");
            return event;
        }
        json_decref(event);
    }
    return NULL;
}

static FILE *open_log(const char *folder)
{
    char path[1000];
    (void)snprintf(path, sizeof path, "%s/log.jsonl", folder);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    return file;
}

static void expect_same_log(const char *a, const char *b, const char *what)
{
    FILE *first = open_log(a), *second = open_log(b);
    for (int i = 0;; i++) {
        json_t *x = next_event(first, what), *y = next_event(second, what);
        bool is_end = !x && !y;
        ck_assert_msg(is_end || (x && y && json_equal(x, y)), "%s: event %d of the log is another", what, i);
        json_decref(x);
        json_decref(y);
        if (is_end)
            break;
    }
    (void)fclose(second);
    (void)fclose(first);
}

void program_expect_same_run(const char *a, const char *b, const char *what)
{
    expect_same_tensors(a, b, "last.safetensors", what);
    expect_same_tensors(a, b, "best.safetensors", what);
    expect_same_log(a, b, what);
}
