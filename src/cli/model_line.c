/* The network of --model: its mistakes, and its help. */
#include "model_line.h"

#include "commands.h"
#include "network.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One place on the screen for each character of UTF-8, whose further bytes begin with the bits 10. */
static bool is_first_byte(char c) { return ((unsigned char)c & 0xC0) != 0x80; }

/* The line as one line of text, without characters that move the cursor. */
static void show_line(const char *line)
{
    fputs("  ", stderr);
    for (const char *c = line; *c; c++)
        fputc((unsigned char)*c < 0x20 || *c == 0x7F ? ' ' : *c, stderr);
    fputc('\n', stderr);
}

static void underline(const char *line, size_t start, size_t length)
{
    fputs("  ", stderr);
    for (size_t i = 0; i < start; i++)
        if (is_first_byte(line[i]))
            fputc(' ', stderr);
    fputc('^', stderr);
    for (size_t i = 1; i < length; i++)
        if (is_first_byte(line[start + i]))
            fputc('~', stderr);
    fputc('\n', stderr);
}

int model_line_check(const char *line)
{
    size_t start = 0, length = 0;
    if (network_check(line) == BG_OK)
        return EXIT_DONE;
    output_usage("%s", bg_last_error());
    if (bg_layers_find_mistake(line, &start, &length) != BG_OK && length > 0) {
        show_line(line);
        underline(line, start, length);
    }
    return EXIT_USAGE;
}

char *model_line_help(const char *text)
{
    size_t before = strlen(text), length = bg_layers_grammar(NULL, 0);
    char *help = malloc(before + length + 3);
    if (!help)
        return (char *)(uintptr_t)text;
    memcpy(help, text, before);
    memcpy(help + before, "\n\n", 3);
    bg_layers_grammar(help + before + 2, length + 1);
    if (length > 0)
        help[before + 1 + length] = 0; /* argp ends the line */
    return help;
}
