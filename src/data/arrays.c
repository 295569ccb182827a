/* Data sets out of arrays of NumPy: NPZ, or one NPY of inputs and one of targets. */
#include "data/arrays.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/folder.h"
#include "io/file.h"
#include "io/npz.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

static const char caller[] = "read_arrays";

static bgi_array_name name_array(const char *path, const char *name)
{
    bgi_array_name made;
    (void)snprintf(made.text, sizeof made.text, name ? "%s: %s: array \"%.60s\"" : "%s: %s", caller,
                   bgi_path_text(path), name);
    return made;
}

/* ---- Files ---- */

typedef enum { NO_ARRAYS, NPY, NPZ } array_form;

/* What the file is shows in its first bytes. */
static bg_status find_form(array_form *form, const char *path)
{
    unsigned char start[2] = { 0 };
    bgi_opened opened;
    bg_status status = bgi_file_open(&opened, caller, path);
    if (status)
        return status;
    if (!opened.is_regular)
        status = bg_fail(BG_ERR_IO, "%s: %s: not a regular file", caller, bgi_path_text(path));
    else if (opened.bytes >= sizeof start)
        status = bgi_file_read_at(opened.descriptor, caller, path, 0, start, sizeof start);
    bgi_file_close(opened.descriptor);
    *form = start[0] == 0x93 && start[1] == 'N' ? NPY : start[0] == 'P' && start[1] == 'K' ? NPZ : NO_ARRAYS;
    if (!status && *form == NO_ARRAYS)
        status = bg_fail(BG_ERR_FORMAT, "%s: %s: offset 0: neither NPY, which begins with 93 4e, nor NPZ, with 50 4b",
                         caller, bgi_path_text(path));
    return status;
}

static bg_status find_checked_form(array_form *form, const char *path, const bg_data_options *options)
{
    bg_status status = find_form(form, path);
    if (!status && *form == NPZ && options->target_file)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s: an NPZ file holds its targets; a target file belongs to an NPY file",
                       caller, bgi_path_text(path));
    return status;
}

static const char *target_name(const bg_data_options *options) { return options->target ? options->target : "y"; }

/* ---- Columns ---- */

bg_status bgi_arrays_check(const bgi_array_about *x, const bgi_array_about *y)
{
    const bgi_array_about *const arrays[] = { x, y };
    for (int i = 0; i < 2 && arrays[i]; i++)
        if (arrays[i]->shape.rank == 0)
            return bg_fail(BG_ERR_FORMAT, "%s: a scalar, where the first extent should count the examples",
                           arrays[i]->name);
    if (y && x->shape.dims[0] != y->shape.dims[0])
        return bg_fail(BG_ERR_FORMAT, "%s: %s are not as many targets as there are inputs, %s", y->name,
                       bgi_shape_format(y->shape).text, bgi_shape_format(x->shape).text);
    return BG_OK;
}

bool bgi_arrays_hold_classes(bg_dtype dtype, int rank, const bg_data_options *options)
{
    bool is_integer = dtype != BG_F32 && dtype != BG_F64;
    return options->with_classes || (is_integer && rank == 1 && !options->without_classes);
}

/* The columns of a data set while they are read: inputs, and then targets. */
typedef struct {
    const bg_data_options *options;
    int count;
    bgi_array_name names[2];
    bg_shape shapes[2]; /* of the arrays in their files */
    bg_tensor *columns[2];
    int64_t classes;
} columns;

/* Elements that are on their way into a column. */
typedef struct {
    columns *to;
    bgi_elements elements;
    bool holds_classes;
} conversion;

static bg_status take_elements(void *user, const void *elements, size_t count, size_t first)
{
    conversion *c = user;
    columns *to = c->to;
    bg_tensor *column = to->columns[to->count];
    unsigned char *place = bgi_tensor_bytes(column) + first * bg_dtype_size(column->dtype);
    c->elements.data = elements;
    c->elements.count = count;
    c->elements.first = (int64_t)first;
    return c->holds_classes ? bgi_convert_classes((int64_t *)(void *)place, &to->classes, &c->elements)
                            : bgi_convert_numbers(place, column->dtype, &c->elements, to->count == 0);
}

/* [n] numbers become [n, 1]: a network takes and gives rows of numbers. */
static bg_status make_column(columns *to, bg_engine *engine, bool holds_classes)
{
    bg_shape shape = to->shapes[to->count];
    if (!holds_classes && shape.rank == 1)
        shape = BG_SHAPE(shape.dims[0], 1);
    bg_dtype dtype = holds_classes ? BG_I64 : to->options->dtype;
    return bgi_convert_room(&to->columns[to->count], engine, dtype, shape, to->names[to->count].text);
}

/* Reads an array as the next column. What is of the column's type is read to its place, and converted there. */
static bg_status read_column(void *user, const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source)
{
    columns *to = user;
    int i = to->count;
    const char *name = to->names[i].text;
    bg_dtype dtype = layout->type->dtype;
    to->shapes[i] = layout->shape;
    const bgi_array_about x = { to->names[0].text, to->shapes[0] }, y = { to->names[1].text, to->shapes[1] };
    conversion c = { .to = to, .elements = { .dtype = dtype, .what = name } };
    c.holds_classes = i == 1 && bgi_arrays_hold_classes(dtype, layout->shape.rank, to->options);
    bg_status status = bgi_arrays_check(&x, i == 1 ? &y : NULL);
    if (!status && c.holds_classes)
        status = bgi_check_class_type(dtype, name);
    if (!status)
        status = make_column(to, engine, c.holds_classes);
    if (!status && dtype == to->columns[i]->dtype) {
        void *elements = bg_tensor_data(to->columns[i]);
        status = bgi_npy_read_elements(layout, engine, source, elements);
        if (!status)
            status = take_elements(&c, elements, layout->elements / layout->type->size, 0);
    } else if (!status) {
        status = bgi_npy_read_pieces(layout, engine, source, take_elements, &c);
    }
    to->count += !status;
    return status;
}

static bg_status fail_absent(const bgi_zip *zip, const char *name)
{
    const bgi_zip_member *first = zip->count > 0 ? &zip->members[0] : NULL;
    return bg_fail(BG_ERR_FORMAT, "%s: %s: there is no array \"%.60s\"; there are %zu%s%.*s", caller,
                   bgi_path_text(zip->path), name, zip->count, first ? ", the first is " : "",
                   first ? bgi_npz_shown(first) : 0, first ? first->name : "");
}

static bg_status read_member(columns *to, const bgi_zip *zip, const char *name)
{
    const bgi_zip_member *member = bgi_npz_find(zip, name);
    to->names[to->count] = name_array(zip->path, name);
    return member ? bgi_npz_visit(zip, member, read_column, to) : fail_absent(zip, name);
}

static bg_status read_npz(columns *to, bg_engine *engine, const char *path)
{
    const bg_data_options *options = to->options;
    bgi_zip zip;
    bg_status status = bgi_zip_open(&zip, engine, caller, path);
    if (status)
        return status;
    status = bgi_npz_check(&zip, 0);
    if (!status)
        status = read_member(to, &zip, options->input ? options->input : "x");
    const char *target = target_name(options);
    if (!status && !options->without_target && (options->target || bgi_npz_find(&zip, target)))
        status = read_member(to, &zip, target);
    bgi_zip_close(&zip);
    return status;
}

static bg_status read_npy(columns *to, bg_engine *engine, const char *path)
{
    to->names[to->count] = name_array(path, NULL);
    return bgi_npy_file_visit(engine, caller, path, read_column, to);
}

static bg_status check_options(bg_data_options *checked, bg_engine *engine, const bg_data_options *options)
{
    bg_status status = bgi_data_options_check(checked, engine, caller, options);
    if (status)
        return status;
    if (checked->with_classes && checked->without_classes)
        return bg_fail(BG_ERR_ARGUMENT, "%s: targets with classes and without classes", caller);
    if (checked->without_target && (checked->target || checked->target_file || checked->with_classes))
        return bg_fail(BG_ERR_ARGUMENT, "%s: without_target, and yet %s", caller,
                       checked->with_classes ? "with_classes"
                       : checked->target     ? "a target"
                                             : "a file of targets");
    return BG_OK;
}

static bg_status find_target_layout(bgi_npy_layout *layout, bool *is_there, bg_engine *engine, const char *path,
                                    const bg_data_options *options)
{
    bgi_zip zip;
    bg_status status = bgi_zip_open(&zip, engine, caller, path);
    if (status)
        return status;
    const bgi_zip_member *member = bgi_npz_find(&zip, target_name(options));
    *is_there = member != NULL;
    status = member ? bgi_npz_layout(layout, &zip, member) : BG_OK;
    bgi_zip_close(&zip);
    return status;
}

/* Whether the targets of one file are classes. */
static bg_status find_classes(bool *have_classes, bg_engine *engine, const char *path, const bg_data_options *options)
{
    array_form form;
    bgi_npy_layout layout;
    bool is_there = false;
    bg_status status = find_checked_form(&form, path, options);
    if (status || options->without_target)
        return status;
    if (form == NPZ)
        status = find_target_layout(&layout, &is_there, engine, path, options);
    else if (options->target_file) {
        status = bgi_npy_file_layout(&layout, engine, caller, options->target_file);
        is_there = true;
    }
    if (!status && is_there)
        *have_classes = bgi_arrays_hold_classes(layout.type->dtype, layout.shape.rank, options);
    return status;
}

/* The first file of a folder, with which the others have to agree. */
static bg_status find_first_classes(bool *have_classes, bg_engine *engine, const char *folder,
                                    const bg_data_options *options)
{
    bgi_names files = { .engine = engine }, targets = { .engine = engine };
    bg_data_options own = *options;
    bg_status status = bgi_folder_list(&files, engine, caller, folder);
    if (!status && own.target_file && bgi_folder_is(own.target_file)) {
        status = bgi_folder_list(&targets, engine, caller, own.target_file);
        own.target_file = bgi_names_at(&targets, 0);
    }
    if (!status)
        status = find_classes(have_classes, engine, bgi_names_at(&files, 0), &own);
    bgi_names_release(&files);
    bgi_names_release(&targets);
    return status;
}

bg_status bg_data_arrays_have_classes(bool *have_classes, bg_engine *engine, const char *path,
                                      const bg_data_options *options)
{
    if (!have_classes || !path)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, have_classes ? "path" : "have_classes");
    *have_classes = false;
    bg_data_options checked;
    bg_status status = check_options(&checked, engine, options);
    if (status)
        return status;
    return (bgi_folder_is(path) ? find_first_classes : find_classes)(have_classes, engine, path, &checked);
}

/* Of a folder, the first files that are streamed, and their targets, stay open; more might be more than the process may
 * have, which is 1024 mostly. */
enum { OPEN_FILES = 100 };

static bg_status stream(bg_dataset **dataset, bg_engine *engine, const char *path, const bg_data_options *options,
                        bool stays_open)
{
    array_form form;
    bg_status status = find_checked_form(&form, path, options);
    if (!status && form == NPZ)
        status = bg_fail(BG_ERR_ARGUMENT,
                         "%s: %s: the arrays of an NPZ file are read as a whole; those of NPY files can be streamed",
                         caller, bgi_path_text(path));
    return status ? status : bgi_arrays_stream(dataset, engine, caller, path, options, stays_open);
}

static bg_status read_file(bg_dataset **dataset, bg_engine *engine, const char *path, const bg_data_options *options,
                           bgi_folder_state *state)
{
    if (options->streams)
        return stream(dataset, engine, path, options, !state || state->number < OPEN_FILES);
    array_form form;
    columns made = { .options = options };
    bg_status status = find_checked_form(&form, path, options);
    if (!status)
        status = form == NPZ ? read_npz(&made, engine, path) : read_npy(&made, engine, path);
    if (!status && options->target_file)
        status = read_npy(&made, engine, options->target_file);
    if (!status)
        status = bgi_dataset_create(dataset, path, made.columns, made.count, made.classes);
    bg_tensor_destroy(made.columns[0]);
    bg_tensor_destroy(made.columns[1]);
    return status;
}

bg_status bg_data_read_arrays(bg_dataset **dataset, bg_engine *engine, const char *path, const bg_data_options *options)
{
    if (dataset)
        *dataset = NULL;
    if (!dataset || !path)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, dataset ? "path" : "dataset");
    bg_data_options checked;
    bg_status status = check_options(&checked, engine, options);
    if (status)
        return status;
    return bgi_folder_is(path) ? bgi_folder_read(dataset, engine, caller, path, &checked, read_file)
                               : read_file(dataset, engine, path, &checked, NULL);
}
