/* Data sets one behind the other that are not all in memory: numbers of examples are looked up when they are read. */
#include "data/join.h"

#include <blasgrad/graph.h>

#include <string.h>

typedef struct {
    bg_engine *engine;
    size_t bytes;
    int n, n_columns;
    bg_dataset **parts; /* held */
    int64_t *ends;      /* of each part: the number of the example behind it */
    size_t *row_bytes;  /* of each column */
    void **columns;     /* room for those of one call */
    int64_t **numbers;  /* of each part: those that its classes have; NULL: its own */
} joined;

/* The part of an example. */
static int find_part(const joined *j, int64_t example)
{
    int low = 0, high = j->n - 1;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (j->ends[middle] > example)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Examples of one part that follow one another; writes over the numbers. */
static bg_status read_part(const joined *j, int part, int64_t *numbers, int64_t n)
{
    bg_status status = bgi_dataset_read(j->parts[part], numbers, n, j->columns);
    if (status || !j->numbers || !j->columns[1])
        return status;
    return bgi_join_renumber(j->columns[1], n, j->numbers[part], j->parts[part], "dataset_read");
}

static bg_status read_joined(void *user, const int64_t *examples, int64_t n, void *const *columns)
{
    enum { PIECE = 256 };
    const joined *j = user;
    bg_status status = BG_OK;
    for (int64_t i = 0, count; i < n && !status; i += count) {
        int part = find_part(j, examples[i]);
        int64_t numbers[PIECE], start = part ? j->ends[part - 1] : 0;
        for (count = 0; count < PIECE && i + count < n; count++) {
            int64_t example = examples[i + count];
            if (example < start || example >= j->ends[part])
                break;
            numbers[count] = example - start;
        }
        for (int c = 0; c < j->n_columns; c++)
            j->columns[c] = columns[c] ? (unsigned char *)columns[c] + (size_t)i * j->row_bytes[c] : NULL;
        status = read_part(j, part, numbers, count);
    }
    return status;
}

static void release_joined(void *user)
{
    joined *j = user;
    for (int i = 0; i < j->n; i++)
        bg_dataset_destroy(j->parts[i]);
    bgi_free(j->engine, j, j->bytes);
}

/* Classes of all parts, each counted in its own. */
static size_t count_classes(bg_dataset *const *parts, int n)
{
    size_t count = 0;
    for (int i = 0; i < n; i++)
        count += (size_t)parts[i]->class_names.count;
    return count;
}

/* The numbers of the parts' classes, for which there is room behind the pointers to them. */
static void number_classes(joined *j, const bgi_labels *labels)
{
    int64_t *numbers = (int64_t *)(void *)(j->numbers + j->n);
    for (int i = 0; i < j->n; i++) {
        j->numbers[i] = numbers;
        bgi_join_numbers(numbers, j->parts[i], labels);
        numbers += j->parts[i]->class_names.count;
    }
}

static joined *make(bg_dataset *const *parts, int n, const bgi_labels *labels)
{
    const bg_dataset *first = parts[0];
    size_t own = bgi_aligned(sizeof(joined)), each = (size_t)n * (sizeof(bg_dataset *) + sizeof(int64_t));
    size_t bytes = own + each + (size_t)first->count * (sizeof(size_t) + sizeof(void *));
    if (labels)
        bytes += (size_t)n * sizeof(int64_t *) + count_classes(parts, n) * sizeof(int64_t);
    joined *j = bgi_alloc(first->engine, bytes);
    if (!j)
        return NULL;
    *j = (joined){ .engine = first->engine, .bytes = bytes, .n = n, .n_columns = first->count };
    j->parts = (bg_dataset **)(void *)((unsigned char *)j + own);
    j->ends = (int64_t *)(void *)(j->parts + n);
    j->row_bytes = (size_t *)(void *)(j->ends + n);
    j->columns = (void **)(void *)(j->row_bytes + first->count);
    j->numbers = labels ? (int64_t **)(void *)(j->columns + first->count) : NULL;
    int64_t end = 0;
    for (int i = 0; i < n; i++) {
        j->parts[i] = bgi_dataset_retain(parts[i]);
        j->ends[i] = end += parts[i]->size;
    }
    for (int c = 0; c < first->count; c++)
        j->row_bytes[c] = (size_t)bg_shape_count(first->forms[c].shape) * bg_dtype_size(first->forms[c].dtype);
    if (labels)
        number_classes(j, labels);
    return j;
}

bg_status bgi_dataset_join_sources(bg_dataset **all, const char *name, bg_dataset *const *parts, int n, int64_t size,
                                   int64_t classes, const bgi_labels *labels)
{
    joined *j = make(parts, n, labels);
    if (!j)
        return BG_ERR_NOMEM;
    bg_status status = bg_dataset_create_from(all, j->engine,
                                              &(bg_source){ .size = size,
                                                            .columns = parts[0]->forms,
                                                            .n_columns = parts[0]->count,
                                                            .classes = classes,
                                                            .name = name,
                                                            .read = read_joined,
                                                            .destroy = release_joined,
                                                            .user = j });
    if (status)
        release_joined(j);
    return status;
}
