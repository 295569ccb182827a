/* The library's way to write a file, with an engine of its own. */
#include "inside.h"

#include "io/file.h"

#include <blasgrad/graph.h>

#include <stdlib.h>
#include <string.h>

struct inside_file {
    bg_engine *engine;
    bgi_new_file file;
};

static bg_status give_back(inside_file *file, bg_status status)
{
    bg_engine_destroy(file->engine);
    free(file);
    return status;
}

bg_status inside_file_begin(inside_file **file, const char *caller, const char *path)
{
    inside_file *made = calloc(1, sizeof *made);
    if (!made)
        return bg_fail(BG_ERR_NOMEM, "%s: out of memory", caller);
    bg_status status = bg_engine_create(&made->engine, &(bg_engine_options){ .threads = 1 });
    if (status == BG_OK)
        status = bgi_new_file_begin(&made->file, made->engine, caller, path);
    *file = status == BG_OK ? made : NULL;
    return status == BG_OK ? BG_OK : give_back(made, status);
}

bg_status inside_file_write(inside_file *file, const char *text)
{
    bg_status status = bgi_new_file_write(&file->file, text, strlen(text));
    return status == BG_OK ? BG_OK : give_back(file, status);
}

bg_status inside_file_close(inside_file *file) { return give_back(file, bgi_new_file_commit(&file->file)); }

void inside_file_discard(inside_file *file)
{
    bgi_new_file_discard(&file->file);
    (void)give_back(file, BG_OK);
}
