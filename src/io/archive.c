/* Lists of named tensors and texts. */
#include "io/archive.h"

#include <blasgrad/graph.h>

#include "base/utf8.h"
#include "tensor/tensor.h"

#include <string.h>

static const char *const dtype_names[BG_DTYPE_COUNT] = {
    [BG_F32] = "F32", [BG_F64] = "F64", [BG_I32] = "I32", [BG_I64] = "I64", [BG_U8] = "U8", [BG_BOOL] = "BOOL",
};

const char *bgi_safetensors_dtype_name(bg_dtype dtype) { return dtype_names[dtype]; }

bg_dtype bgi_safetensors_dtype(const char *name)
{
    bg_dtype dtype = BG_F32;
    while (dtype < BG_DTYPE_COUNT && strcmp(name, dtype_names[dtype]) != 0)
        dtype++;
    return dtype;
}

static bool is_utf8(const char *text) { return bgi_utf8_check(text, strlen(text)); }

bg_status bg_archive_create(bg_archive **archive, bg_engine *engine)
{
    if (!archive)
        return bg_fail(BG_ERR_ARGUMENT, "archive_create: archive is NULL");
    *archive = NULL;
    bg_status status = bgi_engine_check(engine, "archive_create");
    if (status)
        return status;
    bg_archive *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    made->engine = engine;
    *archive = made;
    return BG_OK;
}

void bg_archive_destroy(bg_archive *archive)
{
    if (!archive)
        return;
    bg_engine *engine = archive->engine;
    for (int i = 0; i < archive->count; i++) {
        bg_tensor_destroy(archive->entries[i].tensor);
        bgi_free(engine, archive->entries[i].name, archive->entries[i].name_bytes);
    }
    for (int i = 0; i < archive->text_count; i++)
        bgi_free(engine, archive->texts[i].key, archive->texts[i].bytes);
    bgi_free(engine, archive->entries, (size_t)archive->capacity * sizeof *archive->entries);
    bgi_free(engine, archive->texts, (size_t)archive->text_capacity * sizeof *archive->texts);
    bgi_free(engine, archive, sizeof *archive);
    bgi_engine_release(engine);
}

bg_status bgi_archive_append(bg_archive *archive, const char *name, bg_tensor *tensor)
{
    if (!bgi_grow(archive->engine, (void **)&archive->entries, &archive->capacity, archive->count + 1,
                  sizeof *archive->entries))
        return BG_ERR_NOMEM;
    size_t bytes = strlen(name) + 1;
    char *copy = bgi_alloc(archive->engine, bytes);
    if (!copy)
        return BG_ERR_NOMEM;
    memcpy(copy, name, bytes);
    bgi_tensor_retain(tensor);
    archive->entries[archive->count++] = (bgi_archive_entry){ copy, bytes, tensor };
    return BG_OK;
}

bg_status bgi_archive_append_text(bg_archive *archive, const char *key, const char *text)
{
    if (!bgi_grow(archive->engine, (void **)&archive->texts, &archive->text_capacity, archive->text_count + 1,
                  sizeof *archive->texts))
        return BG_ERR_NOMEM;
    size_t key_bytes = strlen(key) + 1, text_bytes = strlen(text) + 1;
    char *copy = bgi_alloc(archive->engine, key_bytes + text_bytes);
    if (!copy)
        return BG_ERR_NOMEM;
    memcpy(copy, key, key_bytes);
    memcpy(copy + key_bytes, text, text_bytes);
    archive->texts[archive->text_count++] = (bgi_archive_text){ copy, copy + key_bytes, key_bytes + text_bytes };
    return BG_OK;
}

bg_status bg_archive_add(bg_archive *archive, const char *name, bg_tensor *tensor)
{
    if (!archive || !name || !tensor)
        return bg_fail(BG_ERR_ARGUMENT, "archive_add: %s is NULL", !archive ? "archive" : !name ? "name" : "tensor");
    bg_status status = bgi_engine_check(archive->engine, "archive_add");
    if (status)
        return status;
    if (!is_utf8(name) || !strcmp(name, BGI_METADATA_KEY))
        return bg_fail(BG_ERR_ARGUMENT, "archive_add: \"%.100s\" cannot be a tensor's name: %s", name,
                       is_utf8(name) ? "it is the key of the metadata" : "it is not UTF-8");
    if (bg_archive_find(archive, name))
        return bg_fail(BG_ERR_ARGUMENT, "archive_add: there is a tensor \"%.100s\" already", name);
    return bgi_archive_append(archive, name, tensor);
}

bg_status bg_archive_add_text(bg_archive *archive, const char *key, const char *text)
{
    if (!archive || !key || !text)
        return bg_fail(BG_ERR_ARGUMENT, "archive_add_text: %s is NULL", !archive ? "archive" : !key ? "key" : "text");
    bg_status status = bgi_engine_check(archive->engine, "archive_add_text");
    if (status)
        return status;
    if (!is_utf8(key) || !is_utf8(text))
        return bg_fail(BG_ERR_ARGUMENT, "archive_add_text: the %s of \"%.100s\" is not UTF-8",
                       is_utf8(key) ? "text" : "key", key);
    if (!strcmp(key, BGI_CHECKSUM_KEY))
        return bg_fail(BG_ERR_ARGUMENT, "archive_add_text: \"%s\" is the key of the checksum, which saving adds", key);
    if (bg_archive_text(archive, key))
        return bg_fail(BG_ERR_ARGUMENT, "archive_add_text: there is a text \"%.100s\" already", key);
    return bgi_archive_append_text(archive, key, text);
}

size_t bg_archive_count(const bg_archive *archive) { return archive ? (size_t)archive->count : 0; }

const char *bg_archive_name(const bg_archive *archive, size_t i)
{
    return i < bg_archive_count(archive) ? archive->entries[i].name : NULL;
}

bg_tensor *bg_archive_tensor(const bg_archive *archive, size_t i)
{
    return i < bg_archive_count(archive) ? archive->entries[i].tensor : NULL;
}

bg_tensor *bg_archive_find(const bg_archive *archive, const char *name)
{
    for (size_t i = 0; name && i < bg_archive_count(archive); i++)
        if (!strcmp(archive->entries[i].name, name))
            return archive->entries[i].tensor;
    return NULL;
}

const char *bg_archive_text(const bg_archive *archive, const char *key)
{
    for (int i = 0; archive && key && i < archive->text_count; i++)
        if (!strcmp(archive->texts[i].key, key))
            return archive->texts[i].text;
    return NULL;
}

size_t bg_archive_text_count(const bg_archive *archive) { return archive ? (size_t)archive->text_count : 0; }

const char *bg_archive_text_key(const bg_archive *archive, size_t i)
{
    return i < bg_archive_text_count(archive) ? archive->texts[i].key : NULL;
}
