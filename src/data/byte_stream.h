/* Data sets whose examples are bytes in files, pixels and labels, and are read when they are needed. */
#ifndef BGI_BYTE_STREAM_H
#define BGI_BYTE_STREAM_H

#include <blasgrad/data.h>

/* The labels of a record, a byte each, one of which is the class. */
typedef struct {
    const char *owner; /* for messages: what has these classes */
    int count, chosen;
    int64_t classes[2]; /* of each label */
} bgi_label_rule;
/* The class by labels that stand at this offset; BG_ERR_FORMAT for one that is too large. */
bg_status bgi_label_take(int64_t *class, const bgi_label_rule *rule, const unsigned char *labels, const char *caller,
                         const char *path, uint64_t offset);

/* A column in a file: what example i has of it begins at start + i stride. */
typedef struct {
    int descriptor;
    const char *path;
    uint64_t start, stride;
    bool holds_labels; /* else pixels, one for each place of the form */
    bg_column form;    /* f32 or f64 for pixels, as value / 255; i64 for labels */
} bgi_byte_column;

/* A data set of `size` examples: pixels, and classes by the rule. Reads through the labels, and has at least *classes
 * classes, or more if a label says so, to which *classes is raised. The descriptors, which may be one, are taken over,
 * also when this fails; paths are copied. caller has to stay. */
bg_status bgi_byte_stream(bg_dataset **dataset, int64_t *classes, bg_engine *engine, const char *caller,
                          const char *name, const bgi_byte_column columns[2], const bgi_label_rule *rule, int64_t size);

#endif
