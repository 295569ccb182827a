/* Data sets one behind the other. */
#include "data/join.h"
#include "io/file.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *caller;
    bg_dataset *const *parts;
    int n;
    bool renumbers; /* classes have other names, or another order of them, in some parts */
    bgi_labels labels;
} junction;

/* What messages call a part. */
typedef struct {
    char text[240];
} part_text;

static part_text part_of(const junction *j, int i)
{
    part_text made;
    const char *name = j->parts[i]->name;
    if (*name)
        (void)snprintf(made.text, sizeof made.text, "%s", bgi_path_text(name));
    else
        (void)snprintf(made.text, sizeof made.text, "part %d", i);
    return made;
}

/* ---- What has to agree ---- */

static bool are_same_names(const bgi_names *a, const bgi_names *b)
{
    if (a->count != b->count)
        return false;
    for (int64_t i = 0; i < a->count; i++)
        if (strcmp(bgi_names_at(a, i), bgi_names_at(b, i)) != 0)
            return false;
    return true;
}

static bg_status check_columns(const junction *j, int i)
{
    const bg_dataset *first = j->parts[0], *part = j->parts[i];
    if (part->count != first->count)
        return bg_fail(BG_ERR_SHAPE, "%s: %s has %d columns, %s has %d", j->caller, part_of(j, i).text, part->count,
                       part_of(j, 0).text, first->count);
    for (int c = 0; c < first->count; c++) {
        const bg_column *column = &part->forms[c], *other = &first->forms[c];
        if (column->dtype != other->dtype)
            return bg_fail(BG_ERR_DTYPE, "%s: %s: column %d is %s, that of %s %s", j->caller, part_of(j, i).text, c,
                           bg_dtype_name(column->dtype), part_of(j, 0).text, bg_dtype_name(other->dtype));
        if (!bg_shape_equal(column->shape, other->shape))
            return bg_fail(BG_ERR_SHAPE, "%s: %s: an example of column %d is %s, of %s %s", j->caller,
                           part_of(j, i).text, c, bgi_shape_format(column->shape).text, part_of(j, 0).text,
                           bgi_shape_format(other->shape).text);
    }
    return BG_OK;
}

/* The first feature whose name is another. */
static bg_status fail_features(const junction *j, int i)
{
    const bgi_names *names = &j->parts[i]->feature_names, *first = &j->parts[0]->feature_names;
    int64_t place = 0;
    while (place < names->count && place < first->count &&
           strcmp(bgi_names_at(names, place), bgi_names_at(first, place)) == 0)
        place++;
    const char *own = bgi_names_at(names, place), *other = bgi_names_at(first, place);
    return bg_fail(BG_ERR_FORMAT, "%s: %s: input %lld has %s%.60s%s, in %s %s%.60s%s", j->caller, part_of(j, i).text,
                   (long long)place, own ? "the name \"" : "no name", own ? own : "", own ? "\"" : "",
                   part_of(j, 0).text, other ? "the name \"" : "no name", other ? other : "", other ? "\"" : "");
}

static const char *kind_of_targets(const bg_dataset *dataset)
{
    return dataset->class_names.count > 0 ? "classes with names"
                                          : (dataset->classes > 0 ? "classes by number" : "numbers");
}

static bg_status check_names(const junction *j, int i)
{
    const bg_dataset *first = j->parts[0], *part = j->parts[i];
    if (!are_same_names(&part->feature_names, &first->feature_names))
        return fail_features(j, i);
    const char *vocabulary = part->vocabulary ? part->vocabulary : "";
    if (strcmp(vocabulary, first->vocabulary ? first->vocabulary : "") != 0)
        return bg_fail(BG_ERR_FORMAT, "%s: %s has another vocabulary than %s", j->caller, part_of(j, i).text,
                       part_of(j, 0).text);
    /* Of no examples nothing is known. */
    bool is_known = part->size > 0 && first->size > 0;
    if (is_known && strcmp(kind_of_targets(part), kind_of_targets(first)) != 0)
        return bg_fail(BG_ERR_FORMAT, "%s: the targets of %s are %s, those of %s %s", j->caller, part_of(j, i).text,
                       kind_of_targets(part), part_of(j, 0).text, kind_of_targets(first));
    return BG_OK;
}

static bg_status check_parts(junction *j)
{
    bg_status status = BG_OK;
    for (int i = 0; i < j->n && !status; i++) {
        if (!j->parts[i])
            return bg_fail(BG_ERR_ARGUMENT, "%s: part %d is NULL", j->caller, i);
        if (j->parts[i]->engine != j->parts[0]->engine)
            return bg_fail(BG_ERR_ARGUMENT, "%s: parts 0 and %d belong to different engines", j->caller, i);
        status = check_columns(j, i);
        if (!status)
            status = check_names(j, i);
        if (!status)
            j->renumbers = j->renumbers || !are_same_names(&j->parts[i]->class_names, &j->parts[0]->class_names);
    }
    return status;
}

/* ---- Classes ---- */

/* Adds names to a list of those that are there once. */
static bg_status add_names(const junction *j, bgi_labels *labels, const bgi_names *names)
{
    bg_status status = BG_OK;
    for (int64_t i = 0; i < names->count && !status; i++) {
        const char *name = bgi_names_at(names, i);
        if (bgi_labels_find(labels, name, strlen(name)) >= 0)
            continue;
        if (labels->names.count == BGI_LABEL_LIMIT)
            return bg_fail(BG_ERR_FORMAT, "%s: more than %d different names are no classes", j->caller,
                           BGI_LABEL_LIMIT);
        status = bgi_labels_add(labels, name, strlen(name));
    }
    return status;
}

/* All names of classes, by their order byte by byte. */
static bg_status unite_names(junction *j)
{
    bg_engine *engine = j->parts[0]->engine;
    bgi_labels all = { .names.engine = engine };
    uint32_t *ranks = NULL;
    bg_status status = BG_OK;
    for (int i = 0; i < j->n && !status; i++)
        status = add_names(j, &all, &j->parts[i]->class_names);
    size_t bytes = (size_t)all.names.count * sizeof *ranks;
    if (!status)
        status = bgi_labels_sort(&all, &ranks);
    bgi_free(engine, ranks, bytes);
    /* Sorting them has lost the way to find them. */
    if (!status)
        status = add_names(j, &j->labels, &all.names);
    bgi_labels_release(&all);
    return status;
}

void bgi_join_numbers(int64_t *numbers, const bg_dataset *part, const bgi_labels *labels)
{
    const bgi_names *names = &part->class_names;
    for (int64_t k = 0; k < names->count; k++)
        numbers[k] = bgi_labels_find(labels, bgi_names_at(names, k), strlen(bgi_names_at(names, k)));
}

bg_status bgi_join_renumber(int64_t *classes, int64_t n, const int64_t *numbers, const bg_dataset *part,
                            const char *caller)
{
    int64_t count = part->class_names.count;
    for (int64_t k = 0; k < n; k++) {
        if (classes[k] < 0 || classes[k] >= count)
            return bg_fail(BG_ERR_ARGUMENT, "%s: %s: the class of an example is %lld; there are %lld classes", caller,
                           bgi_path_text(part->name), (long long)classes[k], (long long)count);
        classes[k] = numbers[classes[k]];
    }
    return BG_OK;
}

/* The classes of a part, which are copied already, by the numbers that their names have now. */
static bg_status renumber(const junction *j, int i, int64_t *classes)
{
    const bg_dataset *part = j->parts[i];
    size_t bytes = (size_t)part->class_names.count * sizeof(int64_t);
    int64_t *numbers = bgi_alloc(part->engine, bytes);
    if (!numbers)
        return BG_ERR_NOMEM;
    bgi_join_numbers(numbers, part, &j->labels);
    bg_status status = bgi_join_renumber(classes, part->size, numbers, part, j->caller);
    bgi_free(part->engine, numbers, bytes);
    return status;
}

/* ---- Joining ---- */

static bg_status join_column(const junction *j, int c, int64_t size, bg_tensor **joined)
{
    const bg_tensor *first = j->parts[0]->columns[c];
    bg_shape shape = first->shape;
    shape.dims[0] = size;
    bg_status status = bg_tensor_create(joined, j->parts[0]->engine, first->dtype, shape);
    int64_t start = 0;
    for (int i = 0; i < j->n && !status; i++) {
        int64_t stop = start + j->parts[i]->size;
        bg_tensor *place = NULL;
        status = bg_tensor_slice(&place, *joined, 0, start, stop, 1);
        if (!status)
            status = bg_tensor_copy(place, j->parts[i]->columns[c]);
        bg_tensor_destroy(place);
        /* A column that is not i64 holds no classes with names. */
        if (!status && c == 1 && j->renumbers)
            status = renumber(j, i, (int64_t *)bg_tensor_data(*joined) + start);
        start = stop;
    }
    return status;
}

static bg_status count_examples(const junction *j, int64_t *size, int64_t *classes)
{
    *size = 0;
    *classes = j->labels.names.count;
    for (int i = 0; i < j->n; i++) {
        if (__builtin_add_overflow(*size, j->parts[i]->size, size))
            return bg_fail(BG_ERR_OVERFLOW, "%s: the examples of %d parts cannot be counted", j->caller, j->n);
        if (!j->renumbers && j->parts[i]->classes > *classes)
            *classes = j->parts[i]->classes;
    }
    return BG_OK;
}

static bg_status join_columns(bg_dataset **all, const junction *j, const char *name, int64_t size, int64_t classes)
{
    const bg_dataset *first = j->parts[0];
    bg_tensor **columns = bgi_dataset_new_columns(first);
    bg_status status = columns ? BG_OK : BG_ERR_NOMEM;
    for (int c = 0; c < first->count && !status; c++)
        status = join_column(j, c, size, &columns[c]);
    if (!status)
        status = bgi_dataset_create(all, name, columns, first->count, classes);
    for (int c = 0; columns && c < first->count; c++)
        bg_tensor_destroy(columns[c]);
    bgi_free(first->engine, columns, (size_t)first->count * sizeof *columns);
    return status;
}

static bool are_in_memory(const junction *j)
{
    for (int i = 0; i < j->n; i++)
        if (!j->parts[i]->columns)
            return false;
    return true;
}

static bg_status join(bg_dataset **all, junction *j, const char *name)
{
    const bg_dataset *first = j->parts[0];
    int64_t size, classes;
    bool is_source = !are_in_memory(j);
    bg_status status = j->renumbers ? unite_names(j) : BG_OK;
    if (!status)
        status = count_examples(j, &size, &classes);
    if (!status)
        status = is_source ? bgi_dataset_join_sources(all, name, j->parts, j->n, size, classes,
                                                      j->renumbers ? &j->labels : NULL)
                           : join_columns(all, j, name, size, classes);
    if (!status)
        status =
            bgi_dataset_set_names(*all, j->renumbers ? &j->labels.names : &first->class_names, &first->feature_names);
    if (!status && first->vocabulary)
        status = bgi_dataset_set_vocabulary(*all, first->vocabulary);
    if (status) {
        bg_dataset_destroy(*all);
        *all = NULL;
    }
    return status;
}

bg_status bgi_dataset_join(bg_dataset **all, const char *caller, const char *name, bg_dataset *const *parts, int n)
{
    *all = NULL;
    junction j = { .caller = caller, .parts = parts, .n = n };
    bg_status status = check_parts(&j);
    if (status)
        return status;
    j.labels.names.engine = parts[0]->engine;
    status = join(all, &j, name);
    bgi_labels_release(&j.labels);
    return status;
}

bg_status bg_dataset_join(bg_dataset **all, bg_dataset *const *parts, int n)
{
    static const char caller[] = "dataset_join";
    if (all)
        *all = NULL;
    if (!all || !parts || n < 1)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s", caller,
                       !all ? "all is NULL" : (!parts ? "parts is NULL" : "there are no parts"));
    if (!parts[0])
        return bg_fail(BG_ERR_ARGUMENT, "%s: part 0 is NULL", caller);
    bg_status status = bgi_engine_check(parts[0]->engine, caller);
    return status ? status : bgi_dataset_join(all, caller, "", parts, n);
}
