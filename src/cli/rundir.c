/* The run directory: log, configuration and checkpoints of one training run. */
#define _DEFAULT_SOURCE /* flock */
#include "rundir.h"

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096 };
/* Between two saves that are not the last one, in seconds. */
static const double SAVE_INTERVAL = 1;

struct rundir {
    const char *path;
    bg_model *model;
    const bg_trainer *trainer;
    const checkpoint_about *about;
    FILE *log;
    bg_tensor **best; /* copies of the model's own tensors when its loss was lowest */
    size_t n_best;
    double best_loss;
    bool best_is_new;
    bool has_saved;
    double last_save;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char *join(char *buffer, const char *folder, const char *name)
{
    snprintf(buffer, PATH_MAX_BYTES, "%s/%s", folder, name);
    return buffer;
}

static int fail_file(const char *folder, const char *name)
{
    int error = errno;
    return output_failure("%s/%s: %s", folder, name, strerror(error));
}

/* Whether a log is one of ours; so is an empty one, of a run that ended before its first line. */
static bool is_our_log(const char *path)
{
    static const char start[] = "{\"event\":\"start\",";
    char line[sizeof start] = "";
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t length = fread(line, 1, sizeof start - 1, file);
    bool is_ours = !ferror(file) && (length == 0 || strcmp(line, start) == 0);
    fclose(file);
    return is_ours;
}

static const char *const checkpoints[] = { "last.safetensors", "previous.safetensors", "best.safetensors", NULL };

/* The file by which a directory holds a run, or something else that is not to be touched; NULL if there is none. What
 * a run that failed before its first checkpoint left behind does not count. */
static const char *find_run(const char *path)
{
    char name[PATH_MAX_BYTES];
    for (int i = 0; checkpoints[i]; i++)
        if (access(join(name, path, checkpoints[i]), F_OK) == 0)
            return checkpoints[i];
    bool has_log = access(join(name, path, "log.jsonl"), F_OK) == 0;
    if (has_log)
        return is_our_log(name) ? NULL : "log.jsonl";
    return access(join(name, path, "config.json"), F_OK) == 0 ? "config.json" : NULL;
}

int rundir_check(const char *path)
{
    char name[PATH_MAX_BYTES];
    if (strlen(path) + 32 > sizeof name)
        return output_usage("--out: the path has more than %zu bytes", sizeof name - 32);
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISDIR(about.st_mode))
        return output_failure("--out %s: not a directory", path);
    const char *file = find_run(path);
    return file ? output_failure("--out %s: holds a run already (%s); choose another directory", path, file) : 0;
}

static int make_folders(const char *path)
{
    char part[PATH_MAX_BYTES];
    size_t length = strlen(path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST) {
            int error = errno;
            return output_failure("%s: %s", part, strerror(error));
        }
    }
    return 0;
}

static int write_config(const char *path, const event *config)
{
    char name[PATH_MAX_BYTES];
    char *text = event_pretty(config);
    FILE *file = fopen(join(name, path, "config.json"), "w");
    if (!file || !text) {
        free(text);
        int code = fail_file(path, "config.json");
        if (file)
            fclose(file);
        return code;
    }
    bool is_written = fprintf(file, "%s\n", text) >= 0;
    free(text);
    if (fclose(file) != 0 || !is_written) {
        int code = fail_file(path, "config.json");
        unlink(name);
        return code;
    }
    return 0;
}

/* Opens the log and locks it: a run that has not saved yet is not taken for one that failed. Where there are no locks,
 * it goes without. */
static int open_log(rundir *run)
{
    char name[PATH_MAX_BYTES];
    int code = rundir_check(run->path);
    if (code)
        return code;
    int descriptor = open(join(name, run->path, "log.jsonl"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return fail_file(run->path, "log.jsonl");
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        code = output_failure("--out %s: a run is under way there; choose another directory", run->path);
    /* Another run may have come to its end meanwhile. */
    for (int i = 0; !code && checkpoints[i]; i++)
        if (access(join(name, run->path, checkpoints[i]), F_OK) == 0)
            code = output_failure("--out %s: holds a run already (%s); choose another directory", run->path,
                                  checkpoints[i]);
    run->log = code ? NULL : fdopen(descriptor, "w");
    if (!code && (!run->log || ftruncate(descriptor, 0) != 0))
        code = fail_file(run->path, "log.jsonl");
    if (!run->log)
        close(descriptor);
    return code;
}

static int copy_tensors(rundir *run)
{
    run->best = calloc(bg_model_count(run->model) + 1, sizeof *run->best);
    if (!run->best)
        return output_failure("out of memory");
    for (size_t i = 0; i < bg_model_count(run->model); i++) {
        if (!checkpoint_is_state(bg_model_name(run->model, i)))
            continue;
        const bg_tensor *tensor = bg_model_tensor(run->model, i);
        if (bg_tensor_create(&run->best[run->n_best], bg_model_engine(run->model), bg_tensor_dtype(tensor),
                             bg_tensor_shape(tensor)) != BG_OK)
            return output_library();
        run->n_best++;
    }
    return 0;
}

int rundir_open(rundir **run, const char *path, bg_model *model, const bg_trainer *trainer,
                const checkpoint_about *about, const event *config)
{
    rundir *made = calloc(1, sizeof *made);
    if (!made)
        return output_failure("out of memory");
    *made = (rundir){ .path = path, .model = model, .trainer = trainer, .about = about, .best_loss = INFINITY };
    int code = copy_tensors(made);
    if (!code)
        code = make_folders(path);
    if (!code)
        code = open_log(made);
    if (!code)
        code = write_config(path, config);
    if (code) {
        rundir_close(made);
        return code;
    }
    *run = made;
    return 0;
}

void rundir_close(rundir *run)
{
    if (!run)
        return;
    for (size_t i = 0; i < run->n_best; i++)
        bg_tensor_destroy(run->best[i]);
    free(run->best);
    if (run->log)
        fclose(run->log);
    free(run);
}

int rundir_log(rundir *run, const event *e)
{
    char *line = event_line(e);
    if (!line)
        return output_failure("out of memory");
    bool is_written = fprintf(run->log, "%s\n", line) >= 0 && fflush(run->log) == 0;
    free(line);
    return is_written ? 0 : fail_file(run->path, "log.jsonl");
}

/* last.safetensors gets a second name first, so that at every moment one of the two is whole. */
static void keep_previous(const rundir *run)
{
    char last[PATH_MAX_BYTES], previous[PATH_MAX_BYTES], temporary[PATH_MAX_BYTES];
    join(last, run->path, "last.safetensors");
    join(previous, run->path, "previous.safetensors");
    join(temporary, run->path, ".previous.tmp");
    unlink(temporary);
    if (link(last, temporary) == 0 ? rename(temporary, previous) != 0 : errno != ENOENT)
        rename(last, previous); /* a file system without links */
    /* Renaming one name of a file to another name of it does nothing. */
    unlink(temporary);
}

int rundir_save(rundir *run)
{
    char name[PATH_MAX_BYTES];
    int code = 0;
    if (run->best_is_new)
        code = checkpoint_save(join(name, run->path, "best.safetensors"), run->model, run->about, NULL, run->best);
    if (code)
        return code;
    run->best_is_new = false;
    keep_previous(run);
    code = checkpoint_save(join(name, run->path, "last.safetensors"), run->model, run->about, run->trainer, NULL);
    run->has_saved = true;
    run->last_save = seconds_now();
    return code;
}

/* Copies the model's own tensors to those of the best one. */
static int remember(rundir *run)
{
    bool has_averages = bg_model_swap_averages(run->model) == BG_OK;
    bg_status status = BG_OK;
    size_t copy = 0;
    for (size_t i = 0; i < bg_model_count(run->model) && status == BG_OK; i++)
        if (checkpoint_is_state(bg_model_name(run->model, i)))
            status = bg_tensor_copy(run->best[copy++], bg_model_tensor(run->model, i));
    if (has_averages)
        bg_model_swap_averages(run->model);
    return status == BG_OK ? 0 : output_library();
}

int rundir_end_epoch(rundir *run, double loss)
{
    if (loss < run->best_loss) {
        int code = remember(run);
        if (code)
            return code;
        run->best_loss = loss;
        run->best_is_new = true;
    }
    bool is_due = !run->has_saved || seconds_now() - run->last_save >= SAVE_INTERVAL;
    return is_due ? rundir_save(run) : 0;
}
