/* What classes are called in tables and pictures. */
#ifndef CLASS_NAME_H
#define CLASS_NAME_H

#include <blasgrad/data.h>

/* Room for so many characters, of up to four bytes each. */
enum { CLASS_NAME_COLUMNS = 16 };
typedef struct {
    char text[4 * CLASS_NAME_COLUMNS + 1];
    int columns, bytes;
} class_name;

/* Its name in the data set if it has one there, as far as there is room, else its number. */
class_name class_name_of(const bg_dataset *data, int64_t class);
/* The columns of the longest of the classes 0 .. n - 1. */
int class_name_widest(const bg_dataset *data, int64_t n);

#endif
