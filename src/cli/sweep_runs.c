/* The runs of a sweep as processes of the program itself, several side by side. */
#define _GNU_SOURCE /* strsignal, sigtimedwait */
#include "sweep_runs.h"

#include "commands.h"
#include "machine.h"
#include "output.h"
#include "progress.h"
#include "signals.h"
#include "train_config.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char program_name[] = "blasgrad", train_name[] = "train", full_name[] = "blasgrad train";

/* ---- Checks ---- */

/* Parses the options of setting after setting, and writes a byte for each that is right. A mistake may end the process.
 */
static int check_all(const sweep_state *state, int told)
{
    int code = 0;
    for (int64_t i = 0; i < state->space->settings && !code; i++) {
        word_list words = { .count = 0 };
        train_config config;
        code = word_list_add(&words, full_name);
        if (!code)
            code = sweep_space_words(state->space, state->out, i, &words);
        if (!code) {
            code = train_config_parse(&config, words.count, words.words);
            train_config_release(&config);
        }
        word_list_free(&words);
        ssize_t written = code ? 0 : write(told, "", 1);
        if (written < 0)
            code = EXIT_FAILED;
    }
    return code;
}

/* How many bytes come until the other side closes. */
static int64_t count_bytes(int from)
{
    char bytes[512];
    int64_t count = 0;
    for (ssize_t n = 1; n != 0;) {
        n = read(from, bytes, sizeof bytes);
        if (n < 0 && errno != EINTR)
            return count;
        count += n > 0 ? n : 0;
    }
    return count;
}

int sweep_runs_check(const sweep_state *state)
{
    int ends[2], status;
    pid_t process = pipe(ends) == 0 ? fork() : -1;
    if (process < 0)
        return output_failure("sweep: cannot start a process: %s", strerror(errno));
    if (process == 0) {
        close(ends[0]);
        _exit(check_all(state, ends[1]));
    }
    close(ends[1]);
    int64_t right = count_bytes(ends[0]);
    close(ends[0]);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        continue;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
    char name[SWEEP_NAME_BYTES], text[400];
    if (code)
        output_message("sweep: these are options of run %s: %s", sweep_space_name(state->space, right, name),
                       sweep_space_describe(state->space, right % state->space->settings, text, sizeof text));
    return code;
}

/* ---- One run ---- */

static const char *messages_path(const sweep_state *state, int64_t run, char path[SWEEP_PATH_BYTES])
{
    (void)sweep_space_directory(state->space, state->out, run, path);
    size_t length = strlen(path);
    snprintf(path + length, SWEEP_PATH_BYTES - length, "/messages.txt");
    return path;
}

/* In the child. The keys of the terminal reach the sweep alone, which tells its runs: a second Ctrl-C would end them at
 * once. If the sweep is killed they are told by the system. */
static void become_run(char **words, int messages, pid_t sweep, const sigset_t *mask)
{
    int nothing = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != sweep || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(nothing, STDOUT_FILENO) < 0 || dup2(messages, STDERR_FILENO) < 0)
        _exit(EXIT_FAILED);
    if (nothing > STDERR_FILENO)
        close(nothing);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execv("/proc/self/exe", words);
    dprintf(STDERR_FILENO, "/proc/self/exe: %s\n", strerror(errno));
    _exit(EXIT_FAILED);
}

/* -1 with errno set. Signals wait until the child is what it will be. */
static pid_t start_process(char **words, int messages)
{
    sigset_t all, before;
    pid_t sweep = getpid();
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    sigset_t of_child = before;
    sigdelset(&of_child, SIGCHLD);
    sigdelset(&of_child, SIGTSTP);
    pid_t process = fork();
    if (process == 0)
        become_run(words, messages, sweep, &of_child);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return process;
}

static int make_words(const sweep_state *state, int64_t run, word_list *words)
{
    int code = word_list_add(words, program_name);
    if (!code)
        code = word_list_add(words, train_name);
    if (!code)
        code = sweep_space_words(state->space, state->out, run, words);
    return code ? code : word_list_add(words, "--resume");
}

static void fail_trial(sweep_trial *trial, const char *what, int error)
{
    char text[SWEEP_PATH_BYTES + 200];
    snprintf(text, sizeof text, "%s: %s", what, strerror(error));
    trial->state = TRIAL_FAILED;
    trial->reason = strdup(text);
}

/* What cannot be started has failed. */
static int start(sweep_state *state, int64_t run)
{
    sweep_trial *trial = &state->trials[run];
    char path[SWEEP_PATH_BYTES], messages[SWEEP_PATH_BYTES];
    word_list words = { .count = 0 };
    int code = make_words(state, run, &words);
    free(trial->reason);
    trial->reason = NULL;
    if (!code) {
        (void)sweep_space_directory(state->space, state->out, run, path);
        bool is_there = mkdir(path, 0777) == 0 || errno == EEXIST;
        (void)messages_path(state, run, messages);
        trial->state = TRIAL_RUNNING;
        if (!is_there || sweep_messages_open(&trial->messages, messages) != 0)
            fail_trial(trial, is_there ? messages : path, errno);
    }
    if (!code && trial->state == TRIAL_RUNNING) {
        trial->begin = machine_seconds();
        trial->process = start_process(words.words, trial->messages.memory);
        if (trial->process < 0) {
            fail_trial(trial, "cannot start a process", errno);
            sweep_messages_close(&trial->messages);
        }
    }
    word_list_free(&words);
    return code;
}

/* ---- All of them ---- */

typedef struct {
    sweep_state *state;
    bool json;
    int64_t *running; /* runs under way */
    int64_t n_running, next;
    int64_t jobs;
    int64_t done, failed; /* in all */
    int64_t ended;        /* of this call */
    double spent;         /* on these, in seconds */
    double last_draw;
    const char *metric; /* that is looked at */
    int64_t best;       /* or -1 */
    bool is_told;
} sweep_loop;

static void note_best(sweep_loop *loop, int64_t run)
{
    const sweep_trial *trials = loop->state->trials;
    if (!loop->metric)
        loop->metric = sweep_metric_choose(loop->state);
    if (loop->metric &&
        (loop->best < 0 || sweep_metric_is_better(loop->metric, sweep_metric_value(&trials[run], loop->metric),
                                                  sweep_metric_value(&trials[loop->best], loop->metric))))
        loop->best = run;
}

/* One line for people, on standard error, where there is no bar, and of what fails always. */
static void show_line(const sweep_loop *loop, int64_t run)
{
    const sweep_state *state = loop->state;
    const sweep_trial *trial = &state->trials[run];
    char name[SWEEP_NAME_BYTES], settings[160] = ": ", text[40];
    progress_clear();
    sweep_space_name(state->space, run, name);
    sweep_space_describe(state->space, run % state->space->settings, settings + 2, sizeof settings - 2);
    if (state->space->n_axes == 0)
        settings[0] = 0;
    long long ended = (long long)(loop->done + loop->failed), n = (long long)state->n_trials;
    if (trial->state == TRIAL_FAILED)
        output_message("%s failed (%lld of %lld)%s: %s", name, ended, n, settings, trial->reason ? trial->reason : "");
    else if (!isatty(STDERR_FILENO))
        output_message("%s done (%lld of %lld)%s: %s %s", name, ended, n, settings, loop->metric ? loop->metric : "",
                       loop->metric
                           ? sweep_metric_text(loop->metric, sweep_metric_value(trial, loop->metric), text, sizeof text)
                           : "");
}

/* Takes a run that is done or has failed into the count. */
static void count_end(sweep_loop *loop, int64_t run)
{
    bool is_done = loop->state->trials[run].state == TRIAL_DONE;
    loop->done += is_done;
    loop->failed += !is_done;
    if (is_done)
        note_best(loop, run);
    if (!loop->json)
        return;
    event *e = sweep_trial_describe(loop->state, run);
    event_output(e);
    event_destroy(e);
}

static char *describe_failure(const sweep_trial *trial, int status)
{
    char text[120];
    if (WIFSIGNALED(status)) {
        snprintf(text, sizeof text, "ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return strdup(text);
    }
    char *reason = sweep_messages_last(&trial->messages);
    if (WEXITSTATUS(status) && (!reason || *reason))
        return reason;
    free(reason);
    snprintf(text, sizeof text, WEXITSTATUS(status) ? "exit code %d" : "its log does not come to an end",
             WEXITSTATUS(status));
    return strdup(text);
}

/* What came of it, by how its process ended. */
static void settle(const sweep_loop *loop, int64_t run, int status)
{
    sweep_state *state = loop->state;
    sweep_trial *trial = &state->trials[run];
    char path[SWEEP_PATH_BYTES];
    bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    trial->end = is_done ? sweep_trial_read_end(sweep_space_directory(state->space, state->out, run, path)) : NULL;
    trial->state = trial->end ? TRIAL_DONE : TRIAL_FAILED;
    int signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128;
    bool is_stopped = loop->is_told || signals_caught(); /* the signal may have reached both */
    if (is_stopped && !is_done && signal_number == SIGTERM)
        trial->state = TRIAL_OPEN;
    else if (!trial->end)
        trial->reason = describe_failure(trial, status);
}

static void end_run(sweep_loop *loop, int64_t place, int status)
{
    int64_t run = loop->running[place];
    sweep_trial *trial = &loop->state->trials[run];
    loop->running[place] = loop->running[--loop->n_running];
    settle(loop, run, status);
    sweep_messages_close(&trial->messages);
    if (trial->state == TRIAL_OPEN)
        return;
    loop->ended++;
    loop->spent += machine_seconds() - trial->begin;
    count_end(loop, run);
    show_line(loop, run);
}

/* Takes the runs that have ended. */
static void reap(sweep_loop *loop)
{
    int status;
    for (int64_t i = 0; i < loop->n_running;) {
        sweep_trial *trial = &loop->state->trials[loop->running[i]];
        if (waitpid(trial->process, &status, WNOHANG) > 0) {
            end_run(loop, i, status);
        } else {
            sweep_messages_copy(&trial->messages);
            i++;
        }
    }
}

static void signal_all(const sweep_loop *loop, int number)
{
    for (int64_t i = 0; i < loop->n_running; i++)
        kill(loop->state->trials[loop->running[i]].process, number);
}

/* Ctrl-Z reaches the sweep alone: it stops its runs and itself, and with it they go on. No run takes longer by that. */
static void stop_for_a_while(sweep_loop *loop)
{
    double begin = machine_seconds();
    progress_clear();
    signal_all(loop, SIGSTOP);
    raise(SIGSTOP);
    signal_all(loop, SIGCONT);
    for (int64_t i = 0; i < loop->n_running; i++)
        loop->state->trials[loop->running[i]].begin += machine_seconds() - begin;
}

static void tell(sweep_loop *loop)
{
    if (loop->is_told)
        return;
    loop->is_told = true;
    progress_clear();
    if (loop->n_running > 0)
        output_message("interrupted: %lld run%s under way save%s and end%s", (long long)loop->n_running,
                       loop->n_running == 1 ? "" : "s", loop->n_running == 1 ? "s" : "",
                       loop->n_running == 1 ? "s" : "");
    signal_all(loop, SIGTERM);
}

/* Runs to come take as long as those that have ended, on average, and those under way the rest of that. */
static double time_left(const sweep_loop *loop, double now)
{
    double mean = loop->spent / (double)loop->ended, under_way = 0;
    for (int64_t i = 0; i < loop->n_running; i++)
        under_way += fmax(mean - (now - loop->state->trials[loop->running[i]].begin), 0);
    int64_t to_come = loop->state->n_trials - loop->done - loop->failed - loop->n_running;
    return ((double)to_come * mean + under_way) / (double)loop->jobs;
}

static void draw(sweep_loop *loop)
{
    double now = machine_seconds();
    if (now - loop->last_draw < 0.1 || loop->is_told)
        return;
    loop->last_draw = now;
    const sweep_state *state = loop->state;
    int64_t ended = loop->done + loop->failed, n = state->n_trials;
    char title[64], rest[240], failed[40] = "", best[120] = "", left[48] = "", text[40], name[SWEEP_NAME_BYTES];
    snprintf(title, sizeof title, "run %lld/%lld", (long long)ended, (long long)n);
    if (loop->failed)
        snprintf(failed, sizeof failed, "  %lld failed", (long long)loop->failed);
    if (loop->best >= 0)
        snprintf(best, sizeof best, "  best %s %s: %s", loop->metric,
                 sweep_metric_text(loop->metric, sweep_metric_value(&state->trials[loop->best], loop->metric), text,
                                   sizeof text),
                 sweep_space_name(state->space, loop->best, name));
    if (loop->ended > 0)
        snprintf(left, sizeof left, "  %s", progress_time_left(time_left(loop, now), text, sizeof text));
    snprintf(rest, sizeof rest, "%lld running%s%s%s", (long long)loop->n_running, failed, best, left);
    progress_draw(title, (double)ended / (double)n, rest);
}

/* The signals that the loop waits for; Ctrl-Z only if it is not ignored, as nohup and the like may have it. */
static sigset_t awaited_signals(void)
{
    struct sigaction stop;
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    if (sigaction(SIGTSTP, NULL, &stop) == 0 && stop.sa_handler != SIG_IGN)
        sigaddset(&awaited, SIGTSTP);
    return awaited;
}

/* Until a run ends, a signal comes, or the bar should be drawn again. */
static void wait_a_while(sweep_loop *loop)
{
    sigset_t awaited = awaited_signals();
    if (sigtimedwait(&awaited, NULL, &(struct timespec){ .tv_nsec = 200000000 }) == SIGTSTP)
        stop_for_a_while(loop);
}

/* Starts the next run that is not done, if there is one. */
static int start_next(sweep_loop *loop)
{
    sweep_state *state = loop->state;
    while (loop->next < state->n_trials && state->trials[loop->next].state == TRIAL_DONE)
        loop->next++;
    if (loop->next == state->n_trials)
        return 0;
    int64_t run = loop->next++;
    int code = start(state, run);
    if (state->trials[run].state == TRIAL_RUNNING) {
        loop->running[loop->n_running++] = run;
    } else if (!code) {
        count_end(loop, run);
        show_line(loop, run);
    }
    return code;
}

static int run_loop(sweep_loop *loop)
{
    int code = 0;
    for (;;) {
        bool stops = code || signals_caught() || output_has_failed();
        if (stops)
            tell(loop);
        while (!stops && loop->n_running < loop->jobs && loop->next < loop->state->n_trials && !code)
            code = start_next(loop);
        if (loop->n_running == 0 && (stops || loop->next == loop->state->n_trials))
            return code;
        draw(loop);
        if (loop->n_running > 0)
            wait_a_while(loop);
        reap(loop);
    }
}

void sweep_runs_collect(sweep_state *state)
{
    char path[SWEEP_PATH_BYTES];
    for (int64_t i = 0; i < state->n_trials; i++) {
        state->trials[i].end = sweep_trial_read_end(sweep_space_directory(state->space, state->out, i, path));
        if (state->trials[i].end)
            state->trials[i].state = TRIAL_DONE;
    }
}

int sweep_runs_make(sweep_state *state, int64_t jobs, bool json)
{
    sweep_loop loop = { .state = state, .json = json, .jobs = jobs, .best = -1, .last_draw = -1 };
    loop.running = calloc((size_t)jobs, sizeof *loop.running);
    if (!loop.running)
        return output_failure("out of memory");
    /* With SIGCHLD ignored, as a parent may have left it, nobody learns how a child ended. */
    signal(SIGCHLD, SIG_DFL);
    sigset_t awaited = awaited_signals(), before;
    sigprocmask(SIG_BLOCK, &awaited, &before);
    for (int64_t i = 0; i < state->n_trials; i++)
        if (state->trials[i].state == TRIAL_DONE)
            count_end(&loop, i);
    int code = run_loop(&loop);
    progress_clear();
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(loop.running);
    return code;
}
