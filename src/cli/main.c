/* The program blasgrad: finds the command. */
#include "commands.h"
#include "output.h"
#include "spelling.h"

#include <blasgrad/version.h>

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    { "train", "fit a network to data by gradient steps, or a line by least squares", command_train },
    { "sweep", "train with many settings, side by side, and compare the runs", command_sweep },
    { "eval", "loss and accuracy of a trained network on data", command_eval },
    { "predict", "what a trained network makes of data, or text from a prompt", command_predict },
    { "search", "find parameters without gradients; compare ways to find them", command_search },
    { "attack", "accuracy of a trained network on inputs changed to fool it", command_attack },
    { "certify", "what no change of inputs can do to a trained network", command_certify },
    { "lecture", "how parameters are found, step by step on five rows", command_lecture },
    { "info", "this machine; what a checkpoint holds; what a network costs", command_info },
    { "gradcheck", "gradients of every op against differences", command_gradcheck },
    { "bench", "speed of training steps on the reference workloads", command_bench },
    { "plot", "pictures of runs, and of what bench measured", command_plot },
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *stream)
{
    fprintf(stream, "Usage: blasgrad COMMAND [OPTION...]\n"
                    "BLAS-accelerated dense tensors and gradients: trains and measures networks on\n"
                    "this machine's processor.\n\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(stream, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fprintf(stream, "\n  blasgrad COMMAND --help   the options of a command, with examples\n"
                    "  blasgrad --version        the version\n\n"
                    "Exit codes: 0 done, 1 failed, 2 wrong usage, 129, 130 and 143 interrupted by\n"
                    "SIGHUP, SIGINT and SIGTERM (after saving).\n");
}

int main(int argc, char **argv)
{
    output_start();
    const char *name = argc > 1 ? argv[1] : "";
    char help[] = "--help";
    if (argc == 3 && strcmp(name, "help") == 0) {
        name = argv[2];
        argv[2] = help;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0 ||
        strcmp(name, "-?") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("blasgrad %s\n", bg_version());
        return EXIT_DONE;
    }
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0) {
            char full_name[40];
            snprintf(full_name, sizeof full_name, "blasgrad %s", name);
            argv[1] = full_name;
            return commands[i].run(argc - 1, argv + 1);
        }
    char names[200];
    size_t length = 0;
    spelling meant = { .text = name, .length = strlen(name) };
    for (int i = 0; i < COMMANDS; i++) {
        length += (size_t)snprintf(names + length, sizeof names - length, " %s", commands[i].name);
        spelling_offer(&meant, commands[i].name);
    }
    return output_usage("there is no command \"%s\"; %s%s%sthe commands are%s", name, meant.closest ? "is it " : "",
                        meant.closest ? meant.closest : "", meant.closest ? "? " : "", names);
}
