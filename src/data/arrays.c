/* Data sets out of arrays of NumPy: NPZ, or one NPY of inputs and one of targets. */
#include "data/arrays.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/folder.h"
#include "io/file.h"
#include "io/npy.h"

#include <blasgrad/graph.h>
#include <blasgrad/io.h>

#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

static const char caller[] = "read_arrays";

/* An array and what messages call it. */
typedef struct {
    bg_tensor *tensor; /* NULL if there is none */
    bgi_array_name name;
} named_array;

static bgi_array_name name_array(const char *path, const char *name)
{
    bgi_array_name made;
    (void)snprintf(made.text, sizeof made.text, name ? "%s: %s: array \"%.60s\"" : "%s: %s", caller,
                   bgi_path_text(path), name);
    return made;
}

/* ---- Loading ---- */

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

/* The array of a name, retained. */
static bg_status take_array(named_array *a, const bg_archive *archive, const char *path, const char *name)
{
    a->name = name_array(path, name);
    a->tensor = bg_archive_find(archive, name);
    if (!a->tensor) {
        const char *first = bg_archive_name(archive, 0);
        return bg_fail(BG_ERR_FORMAT, "%s: %s: there is no array \"%.60s\"; there are %zu%s%.60s", caller,
                       bgi_path_text(path), name, bg_archive_count(archive), first ? ", the first is " : "",
                       first ? first : "");
    }
    bgi_tensor_retain(a->tensor);
    return BG_OK;
}

static bg_status load_npz(named_array *x, named_array *y, bg_engine *engine, const char *path,
                          const bg_data_options *options)
{
    const char *input = options->input ? options->input : "x", *target = options->target ? options->target : "y";
    bg_archive *archive;
    bg_status status = bg_npz_load(&archive, engine, path, NULL);
    if (status)
        return status;
    status = take_array(x, archive, path, input);
    if (!status && !options->without_target && (options->target || bg_archive_find(archive, target)))
        status = take_array(y, archive, path, target);
    bg_archive_destroy(archive);
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

static bg_status load(named_array *x, named_array *y, bg_engine *engine, const char *path,
                      const bg_data_options *options)
{
    array_form form;
    bg_status status = find_checked_form(&form, path, options);
    if (status)
        return status;
    if (form == NPZ)
        return load_npz(x, y, engine, path, options);
    x->name = name_array(path, NULL);
    status = bg_npy_load(&x->tensor, engine, path);
    if (status || !options->target_file)
        return status;
    y->name = name_array(options->target_file, NULL);
    return bg_npy_load(&y->tensor, engine, options->target_file);
}

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

static bg_status check_extents(const named_array *x, const named_array *y)
{
    const bgi_array_about inputs = { x->name.text, x->tensor->shape };
    const bgi_array_about targets = { y->name.text, y->tensor ? y->tensor->shape : BG_SCALAR };
    return bgi_arrays_check(&inputs, y->tensor ? &targets : NULL);
}

/* [n] becomes [n, 1]: a network takes and gives rows of numbers. */
static bg_status make_rows(bg_tensor **numbers)
{
    if ((*numbers)->shape.rank > 1)
        return BG_OK;
    bg_tensor *rows;
    bg_status status = bg_tensor_reshape(&rows, *numbers, BG_SHAPE((*numbers)->shape.dims[0], 1));
    if (status)
        return status;
    bg_tensor_destroy(*numbers);
    *numbers = rows;
    return BG_OK;
}

bool bgi_arrays_hold_classes(bg_dtype dtype, int rank, const bg_data_options *options)
{
    bool is_integer = dtype != BG_F32 && dtype != BG_F64;
    return options->with_classes || (is_integer && rank == 1 && !options->without_classes);
}

static bg_status make_columns(bg_tensor *columns[2], int64_t *classes, const named_array *x, const named_array *y,
                              const bg_data_options *options)
{
    bg_status status = check_extents(x, y);
    if (!status)
        status = bgi_data_numbers(&columns[0], x->tensor, options->dtype, true, x->name.text);
    if (!status)
        status = make_rows(&columns[0]);
    if (status || !y->tensor)
        return status;
    if (bgi_arrays_hold_classes(y->tensor->dtype, y->tensor->shape.rank, options))
        return bgi_data_classes(&columns[1], classes, y->tensor, y->name.text);
    status = bgi_data_numbers(&columns[1], y->tensor, options->dtype, false, y->name.text);
    return status ? status : make_rows(&columns[1]);
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
        status = bgi_npz_layout(&layout, &is_there, engine, caller, path, options->target ? options->target : "y");
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

static bg_status stream(bg_dataset **dataset, bg_engine *engine, const char *path, const bg_data_options *options)
{
    array_form form;
    bg_status status = find_checked_form(&form, path, options);
    if (!status && form == NPZ)
        status = bg_fail(BG_ERR_ARGUMENT,
                         "%s: %s: the arrays of an NPZ file are read as a whole; those of NPY files can be streamed",
                         caller, bgi_path_text(path));
    return status ? status : bgi_arrays_stream(dataset, engine, caller, path, options);
}

static bg_status read_file(bg_dataset **dataset, bg_engine *engine, const char *path, const bg_data_options *options)
{
    if (options->streams)
        return stream(dataset, engine, path, options);
    named_array x = { .tensor = NULL }, y = { .tensor = NULL };
    bg_tensor *columns[2] = { NULL };
    int64_t classes = 0;
    bg_status status = load(&x, &y, engine, path, options);
    if (!status)
        status = make_columns(columns, &classes, &x, &y, options);
    bg_tensor_destroy(x.tensor);
    bg_tensor_destroy(y.tensor);
    if (!status)
        status = bgi_dataset_create(dataset, path, columns, columns[1] ? 2 : 1, classes);
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
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
                               : read_file(dataset, engine, path, &checked);
}
