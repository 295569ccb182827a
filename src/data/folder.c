/* Folders of files that are one data set. */
#define _POSIX_C_SOURCE 200809L /* opendir, stat */
#include "data/folder.h"

#include "data/csv_labels.h"
#include "data/dataset.h"
#include "io/file.h"

#include <blasgrad/graph.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* More are more likely a mistake; and their names are held. */
enum { FILES_LIMIT = 1 << 18 };

bool bgi_folder_is(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* ---- Names ---- */

typedef struct {
    bg_engine *engine;
    const char *caller, *folder;
    DIR *entries;
    char *path; /* of one file */
    size_t path_bytes;
    bgi_labels files; /* their paths */
} listing;

static bg_status fail(const listing *l, const char *path, int error)
{
    return bg_fail(error == ENOMEM ? BG_ERR_NOMEM : BG_ERR_IO, "%s: %s: cannot read: %s", l->caller,
                   bgi_path_text(path), bgi_errno_text(error));
}

static bg_status add_file(listing *l, const char *name)
{
    struct stat about;
    (void)snprintf(l->path, l->path_bytes, "%s/%s", l->folder, name);
    if (stat(l->path, &about) != 0)
        return fail(l, l->path, errno);
    if (!S_ISREG(about.st_mode))
        return bg_fail(BG_ERR_FORMAT, "%s: %s: %s, where a folder of data has files alone", l->caller,
                       bgi_path_text(l->path), S_ISDIR(about.st_mode) ? "a folder" : "no regular file");
    if (l->files.names.count == FILES_LIMIT)
        return bg_fail(BG_ERR_FORMAT, "%s: %s: more than %d files", l->caller, bgi_path_text(l->folder), FILES_LIMIT);
    return bgi_names_add(&l->files.names, l->path, strlen(l->path));
}

static bg_status add_files(listing *l)
{
    bg_status status = BG_OK;
    while (!status) {
        errno = 0;
        const struct dirent *entry = readdir(l->entries);
        if (!entry)
            return errno ? fail(l, l->folder, errno) : BG_OK;
        if (entry->d_name[0] != '.')
            status = add_file(l, entry->d_name);
    }
    return status;
}

static bg_status list(listing *l)
{
    bg_status status = l->path ? BG_OK : BG_ERR_NOMEM;
    if (!status && !l->entries)
        status = fail(l, l->folder, errno);
    if (!status)
        status = add_files(l);
    if (!status && l->files.names.count == 0)
        return bg_fail(BG_ERR_FORMAT, "%s: %s: the folder holds no files", l->caller, bgi_path_text(l->folder));
    uint32_t *ranks = NULL;
    size_t count = (size_t)l->files.names.count;
    if (!status)
        status = bgi_labels_sort(&l->files, &ranks);
    bgi_free(l->engine, ranks, count * sizeof *ranks);
    return status;
}

bg_status bgi_folder_list(bgi_names *paths, bg_engine *engine, const char *caller, const char *folder)
{
    listing l = { .engine = engine, .caller = caller, .folder = folder, .files.names.engine = engine };
    l.path_bytes = strlen(folder) + 1 + sizeof((struct dirent *)0)->d_name;
    l.path = bgi_alloc(engine, l.path_bytes);
    l.entries = l.path ? opendir(folder) : NULL;
    bg_status status = list(&l);
    if (l.entries)
        closedir(l.entries);
    bgi_free(engine, l.path, l.path_bytes);
    *paths = l.files.names;
    return status;
}

/* ---- Reading ---- */

typedef struct {
    bgi_names files, targets;
    bg_dataset **parts;
    size_t part_bytes;
} folder_parts;

static bg_status list_files(folder_parts *f, bg_engine *engine, const char *caller, const char *folder,
                            const bg_data_options *options)
{
    const char *target = options->target_file;
    if (options->with_row_numbers)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s: rows have numbers in one file, not in a folder of files", caller,
                       bgi_path_text(folder));
    bg_status status = bgi_folder_list(&f->files, engine, caller, folder);
    if (status || !target)
        return status;
    if (!bgi_folder_is(target))
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is a folder, but that of its targets, %.200s, is none", caller,
                       bgi_path_text(folder), bgi_path_text(target));
    status = bgi_folder_list(&f->targets, engine, caller, target);
    if (!status && f->targets.count != f->files.count)
        return bg_fail(BG_ERR_FORMAT, "%s: %s has %lld files, but that of the targets, %.200s, has %lld", caller,
                       bgi_path_text(folder), (long long)f->files.count, bgi_path_text(target),
                       (long long)f->targets.count);
    return status;
}

static bg_status read_files(folder_parts *f, bg_engine *engine, const bg_data_options *options, bgi_file_reader *read)
{
    f->part_bytes = (size_t)f->files.count * sizeof *f->parts;
    f->parts = bgi_alloc_zero(engine, f->part_bytes);
    bgi_folder_state state = { .rows = NULL };
    bg_status status = f->parts ? BG_OK : BG_ERR_NOMEM;
    for (int64_t i = 0; i < f->files.count && !status; i++) {
        bg_data_options own = *options;
        own.target_file = bgi_names_at(&f->targets, i);
        state.number = i;
        status = read(&f->parts[i], engine, bgi_names_at(&f->files, i), &own, &state);
    }
    bgi_temporary_release(state.rows);
    return status;
}

bg_status bgi_folder_read(bg_dataset **dataset, bg_engine *engine, const char *caller, const char *folder,
                          const bg_data_options *options, bgi_file_reader *read)
{
    folder_parts f = { .files.engine = engine, .targets.engine = engine };
    bg_status status = list_files(&f, engine, caller, folder, options);
    if (!status)
        status = read_files(&f, engine, options, read);
    if (!status)
        status = bgi_dataset_join(dataset, caller, folder, f.parts, (int)f.files.count);
    for (int64_t i = 0; f.parts && i < f.files.count; i++)
        bg_dataset_destroy(f.parts[i]);
    bgi_free(engine, f.parts, f.part_bytes);
    bgi_names_release(&f.files);
    bgi_names_release(&f.targets);
    return status;
}
