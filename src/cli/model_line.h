/* The network of --model, a layer line or a name. */
#ifndef BLASGRAD_CLI_MODEL_LINE_H
#define BLASGRAD_CLI_MODEL_LINE_H

/* EXIT_DONE for a line that is well formed, or a network's name; otherwise EXIT_USAGE, after a message and the line
 * with its wrong word underlined. */
int model_line_check(const char *line);
/* A text followed by the grammar of layer lines, for argp to free; the text itself if there is no memory. */
char *model_line_help(const char *text);

#endif
