/* blasgrad sweep */
#define _DEFAULT_SOURCE /* flock, dirfd */
#include "commands.h"
#include "output.h"
#include "rundir.h"
#include "signals.h"
#include "sweep_definition.h"
#include "sweep_options.h"
#include "sweep_runs.h"
#include "sweep_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- The directory ---- */

/* Whether there is nothing in it, but for what begins with a dot; also if it is not there. */
static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    bool is_bare = true;
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        is_bare = is_bare && entry->d_name[0] == '.';
    if (folder)
        closedir(folder);
    return is_bare;
}

/* Locks it for this process and its runs, which go on for a moment if this one is killed; where there are locks. */
static int lock_directory(const char *path, int *lock)
{
    *lock = open(path, O_RDONLY | O_DIRECTORY);
    if (*lock < 0) {
        int error = errno;
        return output_failure("--out %s: %s", path, strerror(error));
    }
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return output_failure("--out %s: a sweep is under way there, or its runs are being saved", path);
    return 0;
}

/* Files that were being written when a sweep was killed. */
static void remove_remains(const char *path)
{
    static const char begin[] = ".sweep.";
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (strncmp(entry->d_name, begin, sizeof begin - 1) == 0 && strstr(entry->d_name, ".tmp."))
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
}

static int check_new(const sweep_config *config)
{
    if (sweep_definition_is_there(config->out))
        return output_failure("--out %s: holds a sweep already; go on with it with --resume, or choose another "
                              "directory",
                              config->out);
    if (!is_empty(config->out))
        return output_failure("--out %s: not empty, and no sweep; choose another directory", config->out);
    return 0;
}

/* ---- The sweep ---- */

typedef struct {
    sweep_config config;
    event *definition;
    bool is_resumed;
    int lock; /* -1: none */
    sweep_space space;
    sweep_state state;
    bg_engine *engine; /* of one thread, for files */
} sweep;

/* The definition and what it comes to, checked before anything is written. */
static int set_up(sweep *s)
{
    sweep_config *config = &s->config;
    s->is_resumed = config->resumes && sweep_definition_is_there(config->out);
    int code = s->is_resumed ? lock_directory(config->out, &s->lock) : check_new(config);
    if (!code && s->is_resumed)
        code = sweep_definition_read(&s->definition, config->given, config->out);
    if (!code)
        code = sweep_space_make(&s->space, s->definition ? s->definition : config->given);
    s->state = (sweep_state){ .space = &s->space, .out = config->out, .by = config->by };
    if (!code) {
        s->state.n_trials = sweep_space_runs(&s->space);
        s->state.trials = calloc((size_t)s->state.n_trials, sizeof *s->state.trials);
        code = s->state.trials ? sweep_runs_check(&s->state) : output_failure("out of memory");
    }
    return code;
}

static int open_directory(sweep *s)
{
    int code = 0;
    if (!s->is_resumed) {
        code = rundir_make(s->config.out);
        if (!code)
            code = lock_directory(s->config.out, &s->lock);
        if (!code)
            code = check_new(&s->config); /* another may have begun meanwhile */
    }
    if (code)
        return code;
    remove_remains(s->config.out);
    return sweep_definition_write(s->definition ? s->definition : s->config.given, s->config.out, s->engine);
}

/* An engine for files; one with all threads says how many cores may be used. */
static int start_engine(sweep *s, int *cores)
{
    bg_engine *whole;
    if (bg_engine_create(&whole, NULL) != BG_OK)
        return output_library();
    *cores = bg_engine_describe(whole).threads;
    bg_engine_destroy(whole);
    return bg_engine_create(&s->engine, &(bg_engine_options){ .threads = 1 }) == BG_OK ? 0 : output_library();
}

static void show_start(const sweep *s, int64_t jobs)
{
    const sweep_space *space = &s->space;
    int64_t done = sweep_count(&s->state, TRIAL_DONE), threads = sweep_space_threads(space);
    char seeds[48] = "";
    if (space->seeds > 1)
        snprintf(seeds, sizeof seeds, " of %lld setting%s", (long long)space->settings,
                 space->settings == 1 ? "" : "s");
    output_message("%s: %lld run%s%s, %lld at a time, %lld thread%s each", s->config.out, (long long)s->state.n_trials,
                   s->state.n_trials == 1 ? "" : "s", seeds, (long long)jobs, (long long)threads,
                   threads == 1 ? "" : "s");
    if (s->is_resumed)
        output_message("%s: going on; %lld run%s done", s->config.out, (long long)done, done == 1 ? " is" : "s are");
}

static void show_end(const sweep *s, const sweep_table *table)
{
    event *e = event_create("done");
    char name[SWEEP_NAME_BYTES];
    event_integer(e, "runs", s->state.n_trials);
    event_integer(e, "done", sweep_count(&s->state, TRIAL_DONE));
    event_integer(e, "failed", sweep_count(&s->state, TRIAL_FAILED));
    if (table->metric) {
        event_text(e, "by", table->metric);
        snprintf(name, sizeof name, "%04lld", (long long)table->rows[0].setting + 1);
        event_text(e, "best", name);
        event_number(e, table->metric, sweep_table_mean(table, table->rows[0].setting, table->metric).mean);
    }
    event_output(e);
    event_destroy(e);
}

/* The table so far, as results and as files. */
static int report(const sweep *s)
{
    sweep_table table;
    int code = sweep_table_make(&table, &s->state);
    if (!code && s->config.json)
        show_end(s, &table);
    else if (!code)
        code = sweep_table_show(&table);
    int failure = code ? code : sweep_table_write(&table, s->engine);
    if (!failure && s->config.by && table.metric && strcmp(s->config.by, table.metric) != 0)
        failure = output_failure("--by %s: no run has it; the table is ordered by %s", s->config.by, table.metric);
    sweep_table_free(&table);
    return failure;
}

static int run(sweep *s)
{
    int cores = 1;
    int code = start_engine(s, &cores);
    if (!code)
        code = open_directory(s);
    if (code)
        return code;
    signals_catch();
    sweep_runs_collect(&s->state);
    int64_t jobs = s->config.jobs ? s->config.jobs : cores / sweep_space_threads(&s->space);
    jobs = jobs < 1 ? 1 : jobs > s->state.n_trials ? s->state.n_trials : jobs;
    show_start(s, jobs);
    code = sweep_runs_make(&s->state, jobs, s->config.json);
    int failure = report(s);
    code = code ? code : failure;
    int64_t done = sweep_count(&s->state, TRIAL_DONE), failed = sweep_count(&s->state, TRIAL_FAILED);
    if (signals_caught()) {
        output_message("interrupted: %lld of %lld runs are done; go on with blasgrad sweep --resume --out %s",
                       (long long)done, (long long)s->state.n_trials, s->config.out);
        return 128 + signals_caught();
    }
    if (failed && !code)
        code = output_failure("%lld of %lld runs failed; what they had to say is in messages.txt of their directories",
                              (long long)failed, (long long)s->state.n_trials);
    return code;
}

int command_sweep(int argc, char **argv)
{
    sweep s = { .lock = -1 };
    int code = sweep_options_parse(&s.config, argc, argv);
    if (!code)
        code = set_up(&s);
    if (!code)
        code = run(&s);
    for (int64_t i = 0; i < s.state.n_trials && s.state.trials; i++) {
        event_destroy(s.state.trials[i].end);
        free(s.state.trials[i].reason);
    }
    free(s.state.trials);
    bg_engine_destroy(s.engine);
    sweep_space_free(&s.space);
    event_destroy(s.definition);
    sweep_options_release(&s.config);
    if (s.lock >= 0)
        close(s.lock);
    return code ? code : output_has_failed() ? EXIT_FAILED : EXIT_DONE;
}
