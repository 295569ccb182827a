/* Reading NPZ: the members of a ZIP archive, each an NPY file. */
#include "io/archive.h"
#include "io/file.h"
#include "io/npy.h"
#include "io/npz.h"
#include "io/stream.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

enum { ENDING = 4 };                       /* .npy, which is no part of an array's name */
enum { INPUT = 1 << 14, PIECE = 1 << 18 }; /* a piece is added to the checksum while it is in the cache */

/* The contents of a member as they are read. */
typedef struct {
    bgi_npy_source source;
    const bgi_zip *zip;
    const bgi_zip_member *member;
    uint64_t taken; /* bytes of the file */
    uint64_t given; /* bytes of the array file that is in it */
    uint32_t crc;
    bgi_deflate *stream; /* NULL for stored ones */
    const unsigned char *next;
    size_t left; /* of the input that was read */
    bool has_ended;
    unsigned char *input;
} contents;

static bg_status read_stored(bgi_npy_source *source, void *data, size_t bytes)
{
    contents *c = (contents *)source;
    for (size_t done = 0; done < bytes;) {
        size_t n = bytes - done < PIECE ? bytes - done : PIECE;
        unsigned char *to = (unsigned char *)data + done;
        bg_status status =
            bgi_file_read_at(c->zip->descriptor, source->caller, source->path, c->member->data + c->taken, to, n);
        if (status)
            return status;
        c->crc = bgi_crc32(c->crc, to, n);
        c->taken += n;
        c->given += n;
        done += n;
    }
    return BG_OK;
}

/* Reads more of the member's compressed bytes, if there are any. */
static bg_status refill(contents *c)
{
    uint64_t rest = c->member->compressed - c->taken;
    c->left = rest < INPUT ? (size_t)rest : INPUT;
    c->next = c->input;
    bg_status status = bgi_file_read_at(c->zip->descriptor, c->source.caller, c->source.path,
                                        c->member->data + c->taken, c->input, c->left);
    c->taken += c->left;
    return status;
}

/* Decompresses up to `bytes` bytes; *got is less only where the stream ends. */
static bg_status inflate_some(contents *c, unsigned char *data, size_t bytes, size_t *got)
{
    bg_status status = BG_OK;
    size_t room = bytes;
    while (room > 0 && !c->has_ended && !status) {
        if (c->left == 0)
            status = refill(c);
        if (status)
            break;
        size_t left = c->left, before = room;
        bgi_deflate_state state = bgi_deflate_run(c->stream, &c->next, &c->left, &data, &room, false);
        c->has_ended = state == BGI_DEFLATE_HAS_ENDED;
        if (state == BGI_DEFLATE_LACKS_MEMORY)
            status = bg_fail(BG_ERR_NOMEM, "%s: %s: %sout of memory for decompression", c->source.caller,
                             bgi_path_text(c->source.path), c->source.where);
        else if (state == BGI_DEFLATE_IS_DAMAGED || (!c->has_ended && left == c->left && before == room))
            status = BGI_NPY_FAIL(&c->source, "the compressed data are %s",
                                  state == BGI_DEFLATE_IS_DAMAGED ? "damaged" : "cut off");
    }
    *got = bytes - room;
    return status;
}

static bg_status read_deflated(bgi_npy_source *source, void *data, size_t bytes)
{
    contents *c = (contents *)source;
    for (size_t done = 0, got; done < bytes; done += got) {
        size_t n = bytes - done < PIECE ? bytes - done : PIECE;
        unsigned char *to = (unsigned char *)data + done;
        bg_status status = inflate_some(c, to, n, &got);
        if (status)
            return status;
        c->crc = bgi_crc32(c->crc, to, got);
        c->given += got;
        if (got < n)
            return BGI_NPY_FAIL(source, "the compressed data end %llu bytes before the %llu that the directory says",
                                (unsigned long long)(source->bytes - c->given), (unsigned long long)source->bytes);
    }
    return BG_OK;
}

/* Behind the array nothing is left, and the checksum holds. */
static bg_status check_end(contents *c)
{
    if (c->stream) {
        unsigned char more;
        size_t got;
        bg_status status = inflate_some(c, &more, 1, &got);
        if (status)
            return status;
        if (got > 0 || c->left > 0 || c->taken < c->member->compressed)
            return BGI_NPY_FAIL(&c->source, "the compressed data go on behind the %llu bytes that the directory says",
                                (unsigned long long)c->source.bytes);
    }
    if (c->crc != c->member->crc)
        return BGI_NPY_FAIL(&c->source, "its CRC-32 is %08x, the directory says %08x: the file is damaged", c->crc,
                            c->member->crc);
    return BG_OK;
}

/* Elements that were refused may be what is left of others: then that the file is damaged says more. */
static bg_status find_damage(contents *c)
{
    unsigned char piece[1 << 12];
    char message[512];
    (void)snprintf(message, sizeof message, "%s", bg_last_error());
    bg_status status = BG_OK;
    while (!status && c->given < c->source.bytes) {
        uint64_t rest = c->source.bytes - c->given;
        status = c->source.read(&c->source, piece, rest < sizeof piece ? (size_t)rest : sizeof piece);
    }
    if (!status)
        status = check_end(c);
    return status ? status : bg_fail(BG_ERR_FORMAT, "%s", message);
}

/* Its memory is to be given back by end_contents, also if this fails. */
static bg_status begin_contents(contents *c, const bgi_zip *zip, const bgi_zip_member *member)
{
    *c =
        (contents){ .source = { .caller = zip->caller, .path = zip->path, .bytes = member->bytes, .read = read_stored },
                    .zip = zip,
                    .member = member };
    (void)snprintf(c->source.where, sizeof c->source.where, "array \"%.*s\": ", bgi_npz_shown(member), member->name);
    if (member->method != BGI_ZIP_DEFLATED)
        return BG_OK;
    c->source.read = read_deflated;
    c->input = bgi_alloc(zip->engine, INPUT);
    c->stream = c->input ? bgi_deflate_create(zip->engine, false) : NULL;
    return c->stream ? BG_OK : BG_ERR_NOMEM;
}

static void end_contents(contents *c)
{
    bgi_deflate_destroy(c->stream);
    bgi_free(c->zip->engine, c->input, INPUT);
}

bg_status bgi_npz_check(const bgi_zip *zip, uint64_t limit)
{
    enum { FACTOR = 100 };
    static const uint64_t least = (uint64_t)1 << 30;
    uint64_t compressed = 0;
    if (limit == 0)
        limit = zip->file_bytes > least / FACTOR ? zip->file_bytes * FACTOR : least;
    for (size_t i = 0; i < zip->count; i++) {
        const bgi_zip_member *m = &zip->members[i];
        int shown = bgi_zip_shown(m);
        if (m->name_bytes < ENDING || memcmp(m->name + m->name_bytes - ENDING, ".npy", ENDING) != 0)
            return BGI_ZIP_FAIL(zip, "member \"%.*s\": is no array: its name does not end in .npy", shown, m->name);
        if (m->name_bytes - ENDING == strlen(BGI_METADATA_KEY) &&
            !memcmp(m->name, BGI_METADATA_KEY, strlen(BGI_METADATA_KEY)))
            return BGI_ZIP_FAIL(zip, "member \"%.*s\": no tensor can have this name", shown, m->name);
        if (m->method == BGI_ZIP_DEFLATED && (m->bytes > limit || (compressed += m->bytes) > limit))
            return BGI_ZIP_FAIL(zip,
                                "member \"%.*s\": with it the compressed arrays have more than %llu bytes; "
                                "options.limit can allow more",
                                shown, m->name, (unsigned long long)limit);
    }
    return BG_OK;
}

bg_status bgi_npz_visit(const bgi_zip *zip, const bgi_zip_member *member, bgi_npy_visit *visit, void *user)
{
    contents c;
    bgi_npy_layout layout;
    bg_status status = begin_contents(&c, zip, member);
    if (!status)
        status = bgi_npy_read_layout(&layout, zip->engine, &c.source);
    if (!status) {
        status = visit(user, &layout, zip->engine, &c.source);
        status = !status ? check_end(&c) : status == BG_ERR_FORMAT ? find_damage(&c) : status;
    }
    end_contents(&c);
    return status;
}

bg_status bgi_npz_layout(bgi_npy_layout *layout, const bgi_zip *zip, const bgi_zip_member *member)
{
    contents c;
    bg_status status = begin_contents(&c, zip, member);
    if (!status)
        status = bgi_npy_read_layout(layout, zip->engine, &c.source);
    end_contents(&c);
    return status;
}

const bgi_zip_member *bgi_npz_find(const bgi_zip *zip, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < zip->count; i++) {
        const bgi_zip_member *m = &zip->members[i];
        if (m->name_bytes == length + ENDING && !memcmp(m->name, name, length) &&
            !memcmp(m->name + length, ".npy", ENDING))
            return m;
    }
    return NULL;
}

/* ---- Whole archives ---- */

static bg_status read_tensor(void *user, const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source)
{
    bg_tensor **tensor = user;
    bg_status status = bgi_tensor_create_unset(tensor, engine, layout->type->dtype, layout->shape);
    return status ? status : bgi_npy_read_elements(layout, engine, source, bg_tensor_data(*tensor));
}

static bg_status read_archive(bg_archive **archive, bgi_zip *zip, uint64_t limit)
{
    bg_status status = bgi_npz_check(zip, limit);
    if (!status)
        status = bg_archive_create(archive, zip->engine);
    for (size_t i = 0; i < zip->count && !status; i++) {
        const bgi_zip_member *m = &zip->members[i];
        bg_tensor *tensor = NULL;
        status = bgi_npz_visit(zip, m, read_tensor, &tensor);
        /* The archive wants a zero byte behind the name. */
        char *name = (char *)zip->directory + (m->name - (const char *)zip->directory);
        name[m->name_bytes - ENDING] = '\0';
        if (!status)
            status = bgi_archive_append(*archive, name, tensor);
        bg_tensor_destroy(tensor);
    }
    return status;
}

bg_status bg_npz_load(bg_archive **archive, bg_engine *engine, const char *path, const bg_npz_options *options)
{
    static const char caller[] = "npz_load";
    if (!archive)
        return bg_fail(BG_ERR_ARGUMENT, "%s: archive is NULL", caller);
    *archive = NULL;
    bgi_zip zip;
    bg_status status = bgi_engine_check(engine, caller);
    if (!status)
        status = bgi_zip_open(&zip, engine, caller, path);
    if (status)
        return status;
    status = read_archive(archive, &zip, options ? options->limit : 0);
    bgi_zip_close(&zip);
    if (status) {
        bg_archive_destroy(*archive);
        *archive = NULL;
    }
    return status;
}
