/* Interrupts: the first asks the program to stop, a further Ctrl-C ends it. */
#define _POSIX_C_SOURCE 200809L
#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    /* Whoever stops a group of processes may send SIGTERM to each of them, and a parent may pass its own on: that is
     * one wish, and no reason to lose what is being saved. */
    if (caught && number == SIGINT)
        _exit(128 + number);
    if (!caught)
        caught = number;
}

void signals_catch(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* nohup has it ignored, so that the program outlives its terminal. */
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

int signals_caught(void) { return (int)caught; }
