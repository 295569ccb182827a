/* The commands of the program. Each takes its own arguments (argv[0] is "blasgrad NAME") and returns the exit code. */
#ifndef COMMANDS_H
#define COMMANDS_H

/* Exit codes. An interrupted run ends with 128 and the signal's number. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int command_train(int argc, char **argv);
int command_sweep(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_search(int argc, char **argv);
int command_attack(int argc, char **argv);
int command_certify(int argc, char **argv);
int command_lecture(int argc, char **argv);
int command_info(int argc, char **argv);
int command_gradcheck(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_plot(int argc, char **argv);

#endif
