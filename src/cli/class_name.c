/* What classes are called in tables and pictures. */
#include "class_name.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

class_name class_name_of(const bg_dataset *data, int64_t class)
{
    class_name name = { .columns = 0 };
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, class);
    const char *text = bg_dataset_class_name(data, class);
    for (text = text ? text : number; *text; text++) {
        bool starts = ((unsigned char)*text & 0xC0) != 0x80; /* a character of UTF-8 */
        if (starts ? name.columns == CLASS_NAME_COLUMNS : (size_t)name.bytes + 1 == sizeof name.text)
            break;
        name.columns += starts;
        name.text[name.bytes++] = (unsigned char)*text < ' ' || *text == 0x7F ? '?' : *text;
    }
    return name;
}

int class_name_widest(const bg_dataset *data, int64_t n)
{
    int widest = 0;
    for (int64_t i = 0; i < n; i++) {
        int columns = class_name_of(data, i).columns;
        widest = columns > widest ? columns : widest;
    }
    return widest;
}
