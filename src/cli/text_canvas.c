/* Curves made of characters. */
#include "text_canvas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void put_dot(text_canvas *c, int row, int column)
{
    c->dots[row / 2][column / 2] |= (unsigned char)(1 << (row % 2 * 2 + column % 2));
}

void text_canvas_line(text_canvas *c, int row, int column, int next_row, int next_column)
{
    int across = next_column - column, down = next_row - row;
    int dots = abs(across) > abs(down) ? abs(across) : abs(down);
    for (int i = 0; i <= dots; i++)
        put_dot(c, row + (dots ? (int)lround((double)down * i / dots) : 0),
                column + (dots ? (int)lround((double)across * i / dots) : 0));
}

/* In `one`, if it is a mark. */
static const char *cell_text(const text_canvas *c, int row, int column, char one[2])
{
    static const char *const blocks[] = {
        " ", "▘", "▝", "▀", "▖", "▌", "▞", "▛", "▗", "▚", "▐", "▜", "▄", "▙", "▟", "█"
    };
    unsigned dots = c->dots[row][column];
    if (c->marks[row][column]) {
        one[0] = c->marks[row][column];
        one[1] = 0;
        return one;
    }
    if (c->has_blocks || dots == 0)
        return blocks[dots];
    return (dots & 3) == 0 ? "." : ((dots & 12) == 0 ? "'" : ":");
}

bool text_canvas_has_label(const text_canvas *c, int row)
{
    return row == 0 || row == c->rows - 1 || row == c->rows / 2;
}

void text_canvas_row(const text_canvas *c, int row, const char *label, char line[TEXT_LINE_BYTES])
{
    char one[2];
    size_t length = (size_t)snprintf(line, TEXT_LINE_BYTES, "%*.16s |", TEXT_LABEL - 2, label ? label : "");
    for (int column = 0; column < c->columns; column++)
        length += (size_t)snprintf(line + length, TEXT_LINE_BYTES - length, "%s", cell_text(c, row, column, one));
    while (line[length - 1] == ' ')
        line[--length] = 0;
}
