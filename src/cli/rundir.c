/* The run directory: log, configuration and checkpoints of one training run. */
#define _POSIX_C_SOURCE 200809L
#include "rundir.h"

#include "commands.h"
#include "machine.h"
#include "output.h"
#include "run_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096 };
/* Between two saves that are not the last one, in seconds. */
static const double SAVE_INTERVAL = 1;

struct rundir {
    const char *path;
    bg_model *model;
    const bg_trainer *trainer;
    const checkpoint_about *about;
    run_log log;
    bool is_from_previous;
    best_model *best;
    bool has_saved;
    double last_save;
};

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
        return run_log_is_ours(name) ? NULL : "log.jsonl";
    return access(join(name, path, "config.json"), F_OK) == 0 ? "config.json" : NULL;
}

static const char *const OTHER = "choose another directory";

/* Whether a run can go on: from a checkpoint, or anew, as best alone may be what a run left that was killed in its
 * first save. Otherwise there were checkpoints to go on from, or it is the best of a search, and to begin anew would
 * replace all that is left. */
static bool can_go_on(const char *path)
{
    char name[PATH_MAX_BYTES];
    if (rundir_has_checkpoint(path))
        return true;
    bool has_best = access(join(name, path, "best.safetensors"), F_OK) == 0;
    return has_best && access(join(name, path, "log.jsonl"), F_OK) == 0 && !run_log_has_saved(name);
}

static int check_best(const char *path)
{
    char name[PATH_MAX_BYTES];
    if (access(join(name, path, "best.safetensors"), F_OK) != 0 || can_go_on(path))
        return 0;
    return output_failure("--out %s: holds best.safetensors without last or previous.safetensors to go on from; put "
                          "one of them back, or %s",
                          path, OTHER);
}

int rundir_check(const char *path, bool resumes)
{
    char name[PATH_MAX_BYTES];
    if (strlen(path) + 64 > sizeof name)
        return output_usage("--out: the path has more than %zu bytes", sizeof name - 64);
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISDIR(about.st_mode))
        return output_failure("--out %s: not a directory", path);
    bool has_log = access(join(name, path, "log.jsonl"), F_OK) == 0;
    if (resumes && has_log && !run_log_is_ours(name))
        return output_failure("--out %s: log.jsonl is none of a run; %s", path, OTHER);
    if (resumes)
        return check_best(path);
    const char *file = find_run(path);
    return file ? output_failure("--out %s: holds a run already (%s); %s%s", path, file,
                                 can_go_on(path) ? "go on with it with --resume, or " : "", OTHER)
                : 0;
}

bool rundir_has_checkpoint(const char *path)
{
    char name[PATH_MAX_BYTES];
    return access(join(name, path, "last.safetensors"), F_OK) == 0 ||
           access(join(name, path, "previous.safetensors"), F_OK) == 0;
}

int rundir_make(const char *path)
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

static int open_log(rundir *run, bool resumes)
{
    char name[PATH_MAX_BYTES];
    int code = rundir_check(run->path, resumes);
    if (code)
        return code;
    code = run_log_open(&run->log, run->path);
    if (code)
        return code;
    /* Another run may have come to its end meanwhile. */
    for (int i = 0; !resumes && checkpoints[i]; i++)
        if (access(join(name, run->path, checkpoints[i]), F_OK) == 0)
            return rundir_check(run->path, resumes);
    return 0;
}

/* The names of the coming last.safetensors, best.safetensors and previous.safetensors. */
#define LAST_NEW     ".last.new"
#define BEST_NEW     ".best.new"
#define PREVIOUS_NEW ".previous.new"

/* Saves that were killed leave files whose names begin with a dot; nobody else is writing here. A new best is needed
 * still if the checkpoint that came with it took its place. */
static void remove_remains(const char *path)
{
    static const char *const begins[] = { "..last.new.tmp.",
                                          "..best.new.tmp.",
                                          ".best.safetensors.tmp.",
                                          ".config.json.tmp.",
                                          LAST_NEW,
                                          PREVIOUS_NEW,
                                          NULL };
    char name[PATH_MAX_BYTES];
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (const struct dirent *entry; (entry = readdir(folder));)
        for (int i = 0; begins[i]; i++)
            if (strncmp(entry->d_name, begins[i], strlen(begins[i])) == 0 && strlen(entry->d_name) < 60)
                unlink(join(name, path, entry->d_name));
    closedir(folder);
}

int rundir_open(rundir **run, const char *path, bool resumes, bg_model *model, const bg_trainer *trainer,
                const checkpoint_about *about, best_model *best)
{
    rundir *made = calloc(1, sizeof *made);
    if (!made)
        return output_failure("out of memory");
    *made = (rundir){
        .path = path, .model = model, .trainer = trainer, .about = about, .log = { .file = -1 }, .best = best
    };
    int code = rundir_make(path);
    if (!code)
        code = open_log(made, resumes);
    if (code) {
        rundir_close(made);
        return code;
    }
    remove_remains(path);
    *run = made;
    return 0;
}

void rundir_close(rundir *run)
{
    if (!run)
        return;
    run_log_close(&run->log);
    free(run);
}

/* ---- Going on ---- */

typedef enum { LOADED, DAMAGED, MISSING, FAILED } load_result;

static load_result load(const rundir *run, const char *file, bg_archive **archive, event **state)
{
    char name[PATH_MAX_BYTES];
    if (access(join(name, run->path, file), F_OK) != 0 && errno == ENOENT)
        return MISSING;
    bg_status status = bg_archive_load(archive, bg_model_engine(run->model), name);
    if (status != BG_OK) {
        (void)output_library();
        return status == BG_ERR_FORMAT ? DAMAGED : FAILED;
    }
    const char *text = checkpoint_run_state(name, *archive);
    *state = text ? event_parse(text) : NULL;
    if (*state)
        return LOADED;
    if (text)
        (void)output_failure("%s: its %s is no JSON object", name, CHECKPOINT_RUN);
    bg_archive_destroy(*archive);
    *archive = NULL;
    return DAMAGED;
}

int rundir_load(rundir *run, bg_archive **archive, event **state)
{
    load_result last = load(run, "last.safetensors", archive, state);
    if (last == LOADED || last == FAILED)
        return last == LOADED ? 0 : EXIT_FAILED;
    load_result previous = load(run, "previous.safetensors", archive, state);
    if (previous != LOADED)
        return output_failure("%s: last.safetensors is %s, and previous.safetensors %s", run->path,
                              last == DAMAGED ? "damaged" : "missing",
                              previous == MISSING ? "is missing" : "cannot be loaded either");
    output_message("%s: last.safetensors is %s; the run goes on from previous.safetensors", run->path,
                   last == DAMAGED ? "damaged" : "missing");
    run->is_from_previous = true;
    return 0;
}

bg_archive *rundir_peek(const char *path, bg_engine *engine)
{
    char name[PATH_MAX_BYTES];
    bg_archive *archive = NULL;
    if (bg_archive_load(&archive, engine, join(name, path, "last.safetensors")) != BG_OK)
        (void)bg_archive_load(&archive, engine, join(name, path, "previous.safetensors"));
    return archive;
}

/* Otherwise the next save would make the damaged file the previous one. */
static int restore_previous(const rundir *run)
{
    char last[PATH_MAX_BYTES], previous[PATH_MAX_BYTES];
    join(last, run->path, "last.safetensors");
    join(previous, run->path, "previous.safetensors");
    return rename(previous, last) == 0 ? 0 : fail_file(run->path, "previous.safetensors");
}

/* Whether the best of the state is in a file: a save that was killed may have brought one of the two alone. Earlier
 * versions left the epoch out. */
static bool is_of_epoch(const bg_archive *archive, double epoch)
{
    const char *text = bg_archive_text(archive, CHECKPOINT_EPOCH);
    return !text || strtod(text, NULL) == epoch;
}

/* Ends what a save that was killed behind its checkpoint had still to do, or takes back what it did before that. */
static int settle_best(const rundir *run, const event *state)
{
    char name[PATH_MAX_BYTES], best[PATH_MAX_BYTES];
    bg_archive *archive;
    if (access(join(name, run->path, BEST_NEW), F_OK) != 0)
        return 0;
    bool is_kept = state && bg_archive_load(&archive, bg_model_engine(run->model), name) == BG_OK;
    if (is_kept) {
        is_kept = is_of_epoch(archive, event_get_number(state, "best_epoch"));
        bg_archive_destroy(archive);
    }
    int result = is_kept ? rename(name, join(best, run->path, "best.safetensors")) : unlink(name);
    return result == 0 ? 0 : fail_file(run->path, "best.safetensors");
}

/* The best loss of the state, if its file is there: without it the next epoch's model is the best. */
static void restore_best(rundir *run, const event *state)
{
    char name[PATH_MAX_BYTES];
    bg_archive *archive;
    double loss = event_get_number(state, "best_loss"), epoch = event_get_number(state, "best_epoch");
    if (isnan(loss))
        return;
    if (bg_archive_load(&archive, bg_model_engine(run->model), join(name, run->path, "best.safetensors")) != BG_OK) {
        output_message("%s; the best of the epochs to come replaces it", bg_last_error());
        return;
    }
    if (!is_of_epoch(archive, epoch))
        output_message("%s is of epoch %.20s, and the checkpoint of %.0f; the best of the epochs to come replaces it",
                       name, bg_archive_text(archive, CHECKPOINT_EPOCH), epoch);
    else if (best_model_take(run->best, archive, loss, epoch > 0 ? (int64_t)epoch : 0) != BG_OK)
        output_message("%s is of another network; the best of the epochs to come replaces it", name);
    bg_archive_destroy(archive);
}

int rundir_begin(rundir *run, const event *config, const event *state)
{
    char name[PATH_MAX_BYTES];
    int code = run->is_from_previous ? restore_previous(run) : 0;
    if (!code)
        code = run_log_cut(&run->log, state ? event_get_number(state, "log_bytes") : 0);
    if (!code)
        code = settle_best(run, state);
    if (code)
        return code;
    if (state)
        restore_best(run, state);
    char *text = event_pretty(config);
    if (!text)
        return output_failure("out of memory");
    bg_status status =
        bg_file_write(bg_model_engine(run->model), join(name, run->path, "config.json"), text, strlen(text));
    free(text);
    return status == BG_OK ? 0 : output_library();
}

int rundir_log(rundir *run, const event *e) { return run_log_append(&run->log, e); }

/* ---- Saving ---- */

static bool lacks_links(int error)
{
    return error == EPERM || error == EOPNOTSUPP || error == ENOSYS || error == EMLINK;
}

/* last.safetensors becomes previous.safetensors under a second name, so that it has its first one until the new file
 * takes that. */
static int keep_previous(const rundir *run)
{
    char last[PATH_MAX_BYTES], previous[PATH_MAX_BYTES], temporary[PATH_MAX_BYTES];
    join(last, run->path, "last.safetensors");
    join(previous, run->path, "previous.safetensors");
    join(temporary, run->path, PREVIOUS_NEW);
    unlink(temporary);
    bool is_linked = link(last, temporary) == 0;
    if (!is_linked && errno == ENOENT)
        return 0;
    if (!is_linked && !lacks_links(errno))
        return fail_file(run->path, "previous.safetensors");
    int code = rename(is_linked ? temporary : last, previous) == 0 ? 0 : fail_file(run->path, "previous.safetensors");
    /* Renaming one name of a file to another name of it does nothing. */
    if (is_linked)
        unlink(temporary);
    return code;
}

/* Brings the names of the folder to the disk. */
static int sync_folder(const rundir *run)
{
    int folder = open(run->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;
    if (folder < 0)
        return fail_file(run->path, "last.safetensors");
    do {
        result = fsync(folder);
    } while (result != 0 && errno == EINTR);
    /* Some file systems cannot sync a folder and say EINVAL. */
    int code = result == 0 || errno == EINVAL ? 0 : fail_file(run->path, "last.safetensors");
    close(folder);
    return code;
}

/* The new file is complete and on the disk before any name is given away: a save that fails in writing leaves both
 * checkpoints as they were. */
static int replace_last(const rundir *run, const char *state, bool *is_replaced)
{
    char name[PATH_MAX_BYTES], last[PATH_MAX_BYTES];
    join(name, run->path, LAST_NEW);
    *is_replaced = false;
    int code = checkpoint_save(name, run->model, run->about, &(checkpoint_run){ run->trainer, state }, NULL);
    if (code)
        return code;
    code = keep_previous(run);
    if (!code && rename(name, join(last, run->path, "last.safetensors")) != 0)
        code = fail_file(run->path, "last.safetensors");
    *is_replaced = !code;
    if (code)
        unlink(name);
    return code ? code : sync_folder(run);
}

/* The best model is that of a checkpoint: its file is written before the checkpoint's, and takes its name behind it, so
 * that a kill between the two leaves what can be told apart. */
static int replace_both(rundir *run, const char *state)
{
    char name[PATH_MAX_BYTES], best[PATH_MAX_BYTES];
    bool has_best = run->best->is_new, is_replaced = false;
    const checkpoint_kept kept = { run->best->copies, run->best->epoch };
    join(name, run->path, BEST_NEW);
    int code = has_best ? checkpoint_save(name, run->model, run->about, NULL, &kept) : 0;
    if (!code)
        code = replace_last(run, state, &is_replaced);
    if (has_best && !is_replaced)
        unlink(name);
    if (!has_best || !is_replaced)
        return code;
    if (rename(name, join(best, run->path, "best.safetensors")) != 0)
        return fail_file(run->path, "best.safetensors");
    run->best->is_new = false;
    return code;
}

static bool is_finite(const bg_tensor *tensor)
{
    const void *data = bg_tensor_const_data(tensor);
    bool is_f64 = bg_tensor_dtype(tensor) == BG_F64, holds = true;
    int64_t n = bg_shape_count(bg_tensor_shape(tensor));
    for (int64_t i = 0; i < n && holds; i++)
        holds = is_f64 ? isfinite(((const double *)data)[i]) : isfinite(((const float *)data)[i]);
    return holds;
}

/* A parameter that is no number will never be one again: the checkpoint before it is worth more. */
static int check_finite(const rundir *run)
{
    for (size_t i = 0; i < bg_model_count(run->model); i++) {
        const bg_tensor *tensor = bg_model_tensor(run->model, i);
        if (bg_model_is_parameter(run->model, i) && !is_finite(tensor))
            return output_failure("the parameter \"%s\" has become infinite or NaN; %s keeps the checkpoint before "
                                  "that",
                                  bg_model_name(run->model, i), run->path);
    }
    return 0;
}

static int save(rundir *run, event *state)
{
    int code = check_finite(run);
    /* A checkpoint knows how long the log is, which so has to be on the disk before it. */
    if (!code)
        code = run_log_sync(&run->log);
    event_number(state, "best_loss", run->best->loss);
    event_integer(state, "best_epoch", run->best->epoch);
    event_integer(state, "log_bytes", (int64_t)run->log.bytes);
    char *text = code ? NULL : event_line(state);
    if (!code && !text)
        code = output_failure("out of memory");
    if (!code)
        code = replace_both(run, text);
    free(text);
    return code;
}

int rundir_save(rundir *run, event *state)
{
    int code = save(run, state);
    event_destroy(state);
    run->has_saved = true;
    run->last_save = machine_seconds();
    return code;
}

bool rundir_is_due(const rundir *run) { return !run->has_saved || machine_seconds() - run->last_save >= SAVE_INTERVAL; }
