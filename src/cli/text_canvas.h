/* Curves made of characters: a grid of cells, each with 2 x 2 dots or a mark. */
#ifndef TEXT_CANVAS_H
#define TEXT_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

/* A line has a label of TEXT_LABEL columns and the cells; TEXT_LINE_BYTES hold it. */
enum { TEXT_COLUMNS_MAX = 200, TEXT_ROWS_MAX = 20, TEXT_LABEL = 10 };
enum { TEXT_LINE_BYTES = TEXT_LABEL + 4 * TEXT_COLUMNS_MAX + 8 };

typedef struct {
    int columns, rows; /* of cells */
    bool has_blocks;   /* dots are drawn with the block elements of Unicode, else with .:' */
    unsigned char dots[TEXT_ROWS_MAX][TEXT_COLUMNS_MAX]; /* upper left 1, upper right 2, lower left 4, lower right 8 */
    char marks[TEXT_ROWS_MAX][TEXT_COLUMNS_MAX];         /* stand in front of dots; 0: none */
} text_canvas;

/* A straight line between two dots. */
void text_canvas_line(text_canvas *c, int row, int column, int next_row, int next_column);

/* Whether a row of cells has a label: the first, the middle and the last one have. */
bool text_canvas_has_label(const text_canvas *c, int row);
/* One row as text, without blanks at its end. label NULL: none. */
void text_canvas_row(const text_canvas *c, int row, const char *label, char line[TEXT_LINE_BYTES]);

#endif
