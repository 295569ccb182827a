/* Pictures, drawn by the program gnuplot: it reads the script from a pipe, and no shell stands between. */
#define _GNU_SOURCE /* memfd_create */
#include "gnuplot.h"

#include "commands.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- Scripts ---- */

static bool make_room(gnuplot_script *script, size_t more)
{
    if (script->is_lost || script->length + more < script->capacity)
        return !script->is_lost;
    size_t capacity = 2 * script->capacity + more + 1024;
    char *text = realloc(script->text, capacity);
    script->is_lost = !text;
    if (!text)
        return false;
    script->text = text;
    script->capacity = capacity;
    return true;
}

void gnuplot_put(gnuplot_script *script, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, arguments);
    if (n >= 0 && make_room(script, (size_t)n + 1)) {
        vsnprintf(script->text + script->length, (size_t)n + 1, format, again);
        script->length += (size_t)n;
    }
    va_end(again);
    va_end(arguments);
}

void gnuplot_put_quoted(gnuplot_script *script, const char *text)
{
    gnuplot_put(script, "'");
    for (const char *c = text; *c; c++)
        gnuplot_put(script, *c == '\'' ? "''" : "%c", (unsigned char)*c < 0x20 ? ' ' : *c);
    gnuplot_put(script, "'");
}

void gnuplot_put_text(gnuplot_script *script, const char *text)
{
    gnuplot_put_quoted(script, text);
    gnuplot_put(script, " noenhanced");
}

void gnuplot_free(gnuplot_script *script)
{
    free(script->text);
    *script = (gnuplot_script){ .text = NULL };
}

/* ---- Running it ---- */

/* What draws a picture, by the end of its name; a number stands for each extent. */
static const struct {
    const char *ending, *terminal;
    double unit;
} terminals[] = {
    { ".svg", "svg size %g,%g dynamic font 'sans-serif,13' background 'white'", 1 },
    { ".png", "pngcairo size %g,%g font 'sans,11'", 1 },
    { ".pdf", "pdfcairo size %gin,%gin font 'sans,11'", 1.0 / 96 },
};
enum { TERMINALS = sizeof terminals / sizeof terminals[0] };

static int find_terminal(const char *picture)
{
    size_t length = strlen(picture);
    for (int i = 0; i < TERMINALS; i++) {
        size_t end = strlen(terminals[i].ending);
        if (length > end && strcmp(picture + length - end, terminals[i].ending) == 0)
            return i;
    }
    return -1;
}

bool gnuplot_takes_name(const char *picture)
{
    for (const char *c = picture; *c; c++)
        if ((unsigned char)*c < 0x20)
            return false;
    return find_terminal(picture) >= 0;
}

static void write_all(int file, const gnuplot_script *script)
{
    for (size_t at = 0; at < script->length;) {
        ssize_t written = write(file, script->text + at, script->length - at);
        if (written < 0 && errno != EINTR)
            return; /* gnuplot has ended, and says why */
        at += written > 0 ? (size_t)written : 0;
    }
}

/* What an interrupt has to put an end to, and to take away. posix_spawn lets no signal in between the start of the
 * process and the place where its number is kept. */
static struct {
    const char *volatile part; /* the picture that is being drawn; NULL: none */
    pid_t process;             /* what draws it; 0: none */
} drawing;

static void on_signal(int number)
{
    if (drawing.process > 0 && kill(drawing.process, SIGKILL) == 0)
        (void)waitpid(drawing.process, NULL, 0);
    if (drawing.part)
        (void)unlink(drawing.part);
    _exit(128 + number);
}

static void catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_signal }, before;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

/* The last line of what gnuplot wrote that says something. */
static void read_message(FILE *messages, char *text, size_t capacity)
{
    char line[400];
    snprintf(text, capacity, "it said nothing");
    rewind(messages);
    while (fgets(line, sizeof line, messages)) {
        char *start = line + strspn(line, " \t^");
        start[strcspn(start, "\r\n")] = 0;
        if (*start)
            snprintf(text, capacity, "%s", start);
    }
}

static bool start(int input, int picture, FILE *messages)
{
    static char name[] = "gnuplot", input_name[] = "-";
    static char *const arguments[] = { name, input_name, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, picture, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, fileno(messages), STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    errno = posix_spawnp(&drawing.process, arguments[0], &files, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return errno == 0;
}

/* Draws into a file that is open. */
static int run(const gnuplot_script *script, int picture)
{
    FILE *messages = tmpfile();
    int ends[2] = { -1, -1 }, status = 0;
    if (!messages || pipe(ends) != 0) {
        int code = output_failure("plot: %s", strerror(errno));
        if (messages)
            fclose(messages);
        return code;
    }
    /* gnuplot waits for the end of the pipe, so it must not hold the writing end itself. */
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    bool is_running = start(ends[0], picture, messages);
    int error = errno;
    close(ends[0]);
    if (is_running)
        write_all(ends[1], script);
    close(ends[1]);
    int code = EXIT_DONE;
    if (!is_running)
        code = error == ENOENT ? output_failure("plot: the program gnuplot is not there; on Debian: apt-get install "
                                                "gnuplot-nox")
                               : output_failure("plot: gnuplot: %s", strerror(error));
    else if (waitpid(drawing.process, &status, 0) != drawing.process)
        code = output_failure("plot: gnuplot: %s", strerror(errno));
    else if (status != 0) {
        char message[400];
        read_message(messages, message, sizeof message);
        code = output_failure("plot: gnuplot failed: %s", message);
    }
    drawing.process = 0;
    fclose(messages);
    return code;
}

static bool copy(int from, int to)
{
    char piece[1 << 16];
    for (off_t at = 0;;) {
        ssize_t got = pread(from, piece, sizeof piece, at), written = got > 0 ? write(to, piece, (size_t)got) : 0;
        if (got == 0)
            return true;
        if ((got < 0 || written < 0) && errno != EINTR)
            return false;
        at += written > 0 ? written : 0;
    }
}

static int save(int drawn, const char *path, const char *picture)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool is_saved = file >= 0 && copy(drawn, file);
    int error = errno;
    if (file >= 0 && close(file) != 0 && is_saved) {
        is_saved = false;
        error = errno;
    }
    if (is_saved && rename(path, picture) == 0)
        return EXIT_DONE;
    error = is_saved ? errno : error;
    if (file >= 0)
        unlink(path);
    return output_failure("plot: %s: %s", picture, strerror(error));
}

/* gnuplot draws into memory, as it says nothing of a disk that is full. */
static int draw_to(const char *path, const gnuplot_script *script, const char *picture, int width, int height)
{
    int terminal = find_terminal(picture), drawn = memfd_create("picture", MFD_CLOEXEC);
    if (drawn < 0)
        return output_failure("plot: %s", strerror(errno));
    double unit = terminals[terminal].unit;
    gnuplot_script whole = { .text = NULL };
    gnuplot_put(&whole, "set terminal ");
    gnuplot_put(&whole, terminals[terminal].terminal, unit * width, unit * height);
    gnuplot_put(&whole, "\n%s\nunset output\n", script->text);
    drawing.part = path;
    catch_signals();
    int code = script->is_lost || whole.is_lost ? output_failure("out of memory") : run(&whole, drawn);
    if (!code)
        code = save(drawn, path, picture);
    drawing.part = NULL;
    gnuplot_free(&whole);
    close(drawn);
    return code;
}

int gnuplot_draw(const gnuplot_script *script, const char *picture, int width, int height)
{
    size_t bytes = strlen(picture) + sizeof ".part";
    char *path = malloc(bytes);
    if (!path)
        return output_failure("out of memory");
    snprintf(path, bytes, "%s.part", picture);
    int code = draw_to(path, script, picture, width, height);
    free(path);
    return code;
}
