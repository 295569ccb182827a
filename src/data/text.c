/* Texts as tokens: characters or bytes, and windows over them. */
#include "data/dataset.h"
#include "data/folder.h"
#include "io/stream.h"

#include <blasgrad/graph.h>

#include "base/utf8.h"
#include "tensor/storage.h"

#include <math.h>
#include <string.h>

static const char caller[] = "read_text";

enum { CONTEXT = 64, BYTE_CLASSES = 256 };

/* ---- Alphabets ---- */

/* Which characters there are, a bit each, and their numbers: in blocks of 256, each with the number of characters in
 * the blocks before it. The parts of Unicode, its 17 planes, take memory when they occur; only 7 are in use, so that
 * other files cannot have it all. */
enum { PLANE = 1 << 16, PLANES = 17, PLANES_USED = 7, BLOCK = 256, BLOCKS = PLANE / BLOCK, WORDS = BLOCK / 64 };
typedef struct {
    uint64_t bits[BLOCKS][WORDS];
    uint32_t before[BLOCKS];
} plane;
typedef struct {
    bg_engine *engine;
    plane *planes[PLANES];
    int used;
    uint32_t count; /* of characters, once they are numbered */
} alphabet;

static void free_alphabet(alphabet *a)
{
    for (int i = 0; i < PLANES; i++)
        bgi_free(a->engine, a->planes[i], sizeof(plane));
}

/* BG_ERR_FORMAT, without a message, for a character of one plane too many. */
static bg_status add_character(alphabet *a, uint32_t code)
{
    plane **place = &a->planes[code / PLANE];
    if (!*place && a->used == PLANES_USED)
        return BG_ERR_FORMAT;
    if (!*place) {
        *place = bgi_alloc_zero(a->engine, sizeof(plane));
        if (!*place)
            return BG_ERR_NOMEM;
        a->used++;
    }
    (*place)->bits[code % PLANE / BLOCK][code % BLOCK / 64] |= (uint64_t)1 << code % 64;
    return BG_OK;
}

static void number_characters(alphabet *a)
{
    a->count = 0;
    for (int i = 0; i < PLANES; i++)
        for (int block = 0; a->planes[i] && block < BLOCKS; block++) {
            a->planes[i]->before[block] = a->count;
            for (int word = 0; word < WORDS; word++)
                a->count += (uint32_t)__builtin_popcountll(a->planes[i]->bits[block][word]);
        }
}

/* The number of a character, -1 if it is not there. */
static int32_t character_number(const alphabet *a, uint32_t code)
{
    const plane *p = a->planes[code / PLANE];
    if (!p)
        return -1;
    const uint64_t *bits = p->bits[code % PLANE / BLOCK];
    uint32_t word = code % BLOCK / 64, number = p->before[code % PLANE / BLOCK];
    if (!(bits[word] >> code % 64 & 1))
        return -1;
    for (uint32_t i = 0; i < word; i++)
        number += (uint32_t)__builtin_popcountll(bits[i]);
    return (int32_t)(number + (uint32_t)__builtin_popcountll(bits[word] & (((uint64_t)1 << code % 64) - 1)));
}

/* Writes all characters, if there is room, and a zero; returns how many bytes that are. */
static size_t write_alphabet(const alphabet *a, char *text)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < PLANES; i++)
        for (uint32_t word = 0; a->planes[i] && word < PLANE / 64; word++)
            for (uint64_t bits = a->planes[i]->bits[word / WORDS][word % WORDS]; bits; bits &= bits - 1) {
                unsigned char character[4];
                int length = bgi_utf8_encode(i * PLANE + word * 64 + (uint32_t)__builtin_ctzll(bits), character);
                if (text)
                    memcpy(text + bytes, character, (size_t)length);
                bytes += (size_t)length;
            }
    if (text)
        text[bytes] = '\0';
    return bytes + 1;
}

/* ---- Reading ---- */

typedef struct {
    bg_engine *engine;
    const bg_data_options *options;
    const char *path; /* of the file, or of the folder */
    bgi_names files;  /* that are read one behind the other */
    int64_t next;     /* the file behind the one at hand */
    bgi_stream stream;
    bool is_open;
    alphabet characters;
    unsigned char buffer[4096];
    size_t start, end; /* of the bytes in the buffer that are not taken */
    bool is_finished;  /* the file has no more bytes than those */
    uint64_t offset;   /* of the byte at start */
    uint64_t last;     /* of the character that was taken last */
} reader;

/* In the file at hand; and in all. */
#define FAIL_HERE(r, format, ...)                                                                                      \
    bg_fail(BG_ERR_FORMAT, "%s: %s: " format, caller, bgi_path_text((r)->stream.path), __VA_ARGS__)
#define FAIL(r, format, ...) bg_fail(BG_ERR_FORMAT, "%s: %s: " format, caller, bgi_path_text((r)->path), __VA_ARGS__)

/* Reads on, unless the longest character is there or the file has ended. */
static bg_status fill_buffer(reader *r)
{
    if (r->end - r->start >= 4 || r->is_finished)
        return BG_OK;
    memmove(r->buffer, r->buffer + r->start, r->end - r->start);
    r->end -= r->start;
    r->start = 0;
    size_t wanted = sizeof r->buffer - r->end, got;
    bg_status status = bgi_stream_read(&r->stream, r->buffer + r->end, wanted, &got);
    r->end += got;
    r->is_finished = got < wanted;
    return status;
}

static void close_file(reader *r)
{
    if (r->is_open)
        bgi_stream_close(&r->stream);
    r->is_open = false;
}

/* Opens the next file. */
static bg_status open_next(reader *r)
{
    close_file(r);
    const char *path = bgi_names_at(&r->files, r->next++);
    bg_status status = bgi_stream_open(&r->stream, caller, path);
    if (status)
        return status;
    r->is_open = true;
    /* It is read twice. */
    if (!r->stream.opened.is_regular)
        return bg_fail(BG_ERR_IO, "%s: %s: not a regular file", caller, bgi_path_text(path));
    r->start = r->end = 0;
    r->offset = 0;
    r->is_finished = false;
    status = fill_buffer(r);
    if (!status && !r->options->with_bytes && r->end >= 3 && !memcmp(r->buffer, "\xEF\xBB\xBF", 3))
        r->start = (size_t)(r->offset = 3);
    return status;
}

static bg_status start_reading(reader *r)
{
    r->next = 0;
    return open_next(r);
}

static bg_status fail_character(const reader *r)
{
    const unsigned char *c = r->buffer + r->start;
    unsigned long long offset = r->offset;
    if (c[0] == 0)
        return FAIL_HERE(r, "offset %llu: a zero byte: the file is binary, or in another encoding than UTF-8", offset);
    return FAIL_HERE(r, "offset %llu: not UTF-8: %02x %s", offset, c[0],
                     r->end - r->start < 4 ? "and the rest of the file" : "and what follows");
}

/* The code point (or byte) that comes next; *has_next is false at the end. */
static bg_status next_code(reader *r, uint32_t *code, bool *has_next)
{
    bg_status status = fill_buffer(r);
    while (!status && r->start == r->end && r->next < r->files.count)
        status = open_next(r);
    *has_next = !status && r->start < r->end;
    if (!*has_next)
        return status;
    const unsigned char *c = r->buffer + r->start;
    int length = 1;
    if (r->options->with_bytes)
        *code = *c;
    else
        length = bgi_utf8_decode(c, r->end - r->start, code);
    if (length == 0 || (*code == 0 && !r->options->with_bytes))
        return fail_character(r);
    r->last = r->offset;
    r->start += (size_t)length;
    r->offset += (uint64_t)length;
    return BG_OK;
}

/* The first pass: how many tokens, and which characters. */
static bg_status count_tokens(reader *r, int64_t *count)
{
    *count = 0;
    bg_status status = start_reading(r);
    while (!status) {
        uint32_t code;
        bool has_next;
        status = next_code(r, &code, &has_next);
        if (status || !has_next)
            return status;
        *count += 1;
        if (!r->options->with_bytes && !r->options->vocabulary)
            status = add_character(&r->characters, code);
        if (status == BG_ERR_FORMAT)
            return FAIL_HERE(r, "offset %llu: U+%X: characters of more than %d of Unicode's planes are no text",
                             (unsigned long long)r->last, (unsigned)code, PLANES_USED);
    }
    return status;
}

/* The second pass. The file may have become another one between them. */
static bg_status read_tokens(reader *r, bg_tensor *tokens)
{
    int64_t count = tokens->shape.dims[0];
    void *data = bg_tensor_data(tokens);
    bg_status status = start_reading(r);
    for (int64_t i = 0; i < count && !status; i++) {
        uint32_t code = 0;
        bool has_next;
        status = next_code(r, &code, &has_next);
        if (status)
            return status;
        if (!has_next)
            return bg_fail(BG_ERR_IO, "%s: %s: the text became shorter while it was read", caller,
                           bgi_path_text(r->path));
        int32_t token = r->options->with_bytes ? (int32_t)code : character_number(&r->characters, code);
        if (token < 0)
            return FAIL_HERE(r, "offset %llu: the character U+%04X is not in the vocabulary",
                             (unsigned long long)r->last, (unsigned)code);
        if (tokens->dtype == BG_U8)
            ((uint8_t *)data)[i] = (uint8_t)token;
        else
            ((int32_t *)data)[i] = token;
    }
    return status;
}

static bg_status take_vocabulary(reader *r)
{
    const char *text = r->options->vocabulary;
    size_t rest = strlen(text);
    uint32_t last = 0;
    if (rest == 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: the vocabulary is empty", caller);
    while (rest > 0) {
        uint32_t code;
        int length = bgi_utf8_decode(text, rest, &code);
        if (length == 0 || code <= last)
            return bg_fail(BG_ERR_ARGUMENT, "%s: the vocabulary is not made of characters in ascending order", caller);
        bg_status status = add_character(&r->characters, code);
        if (status == BG_ERR_FORMAT)
            return bg_fail(BG_ERR_ARGUMENT, "%s: the vocabulary has characters of more than %d of Unicode's planes",
                           caller, PLANES_USED);
        if (status)
            return status;
        last = code;
        text += length;
        rest -= (size_t)length;
    }
    return BG_OK;
}

/* ---- Windows ---- */

/* n windows of `context` tokens one behind the other, from `first` on. */
static bg_status make_windows(bg_tensor **windows, bg_tensor *tokens, int64_t first, int64_t n, int64_t context)
{
    bg_tensor *part;
    bg_status status = bg_tensor_slice(&part, tokens, 0, first, first + n * context, 1);
    if (!status)
        status = bg_tensor_reshape(windows, part, BG_SHAPE(n, context));
    bg_tensor_destroy(part);
    return status;
}

static bg_status make_part(bg_dataset **part, reader *r, bg_tensor *tokens, int64_t first, int64_t stop,
                           int64_t classes, const char *vocabulary)
{
    int64_t context = r->options->context, n = (stop - first - 1) / context;
    bg_tensor *x = NULL, *y = NULL;
    bg_status status = make_windows(&x, tokens, first, n, context);
    if (!status)
        status = make_windows(&y, tokens, first + 1, n, context);
    if (status) {
        bg_tensor_destroy(x);
        return status;
    }
    status = bgi_dataset_create_pair(part, r->path, x, y, classes);
    return status || !vocabulary ? status : bgi_dataset_set_vocabulary(*part, vocabulary);
}

static bg_status check_lengths(const reader *r, int64_t count, int64_t test)
{
    const char *unit = r->options->with_bytes ? "bytes" : "characters";
    long long needed = (long long)r->options->context + 1;
    if (count == 0)
        return FAIL(r, "%s", "the file is empty");
    if (count < needed)
        return FAIL(r, "%lld %s, where an example of context %lld needs %lld", (long long)count, unit, needed - 1,
                    needed);
    if (r->options->test_share > 0 && (test < needed || count - test < needed))
        return FAIL(r,
                    "%lld %s make %lld for training and %lld for the test, where an example of context %lld needs %lld",
                    (long long)count, unit, (long long)(count - test), (long long)test, needed - 1, needed);
    return BG_OK;
}

static bg_status make_parts(reader *r, bg_tensor *tokens, int64_t test, const char *vocabulary, bg_dataset **train,
                            bg_dataset **test_part)
{
    int64_t count = tokens->shape.dims[0], classes = r->options->with_bytes ? BYTE_CLASSES : r->characters.count;
    bg_status status = make_part(train, r, tokens, 0, count - test, classes, vocabulary);
    return status || test == 0 ? status : make_part(test_part, r, tokens, count - test, count, classes, vocabulary);
}

static bg_status read_parts(reader *r, bg_dataset **train, bg_dataset **test_part)
{
    int64_t count;
    bg_status status = r->options->vocabulary && !r->options->with_bytes ? take_vocabulary(r) : BG_OK;
    if (!status)
        status = count_tokens(r, &count);
    if (status)
        return status;
    number_characters(&r->characters);
    int64_t test = llround(r->options->test_share * (double)count);
    status = check_lengths(r, count, test);
    if (status)
        return status;
    bool is_small = r->options->with_bytes || r->characters.count <= BYTE_CLASSES;
    bg_tensor *tokens;
    status = bg_tensor_create(&tokens, r->engine, is_small ? BG_U8 : BG_I32, BG_SHAPE(count));
    if (status)
        return status;
    status = read_tokens(r, tokens);
    char *vocabulary = NULL;
    size_t bytes = 0;
    if (!status && !r->options->with_bytes) {
        bytes = write_alphabet(&r->characters, NULL);
        vocabulary = bgi_alloc(r->engine, bytes);
        if (vocabulary)
            (void)write_alphabet(&r->characters, vocabulary);
        else
            status = BG_ERR_NOMEM;
    }
    if (!status)
        status = make_parts(r, tokens, test, vocabulary, train, test_part);
    bgi_free(r->engine, vocabulary, bytes);
    bg_tensor_destroy(tokens);
    return status;
}

static bg_status check_options(bg_data_options *options)
{
    if (options->context < 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: a context of %lld tokens", caller, (long long)options->context);
    options->context = options->context ? options->context : CONTEXT;
    if (options->context > INT32_MAX)
        return bg_fail(BG_ERR_ARGUMENT, "%s: a context of %lld tokens, more than 2^31 - 1", caller,
                       (long long)options->context);
    if (!(options->test_share >= 0 && options->test_share < 1))
        return bg_fail(BG_ERR_ARGUMENT, "%s: a test share of %g, where 0 to below 1 is possible", caller,
                       options->test_share);
    return BG_OK;
}

bg_status bg_data_read_text(bg_dataset **train, bg_dataset **test, bg_engine *engine, const char *path,
                            const bg_data_options *options)
{
    if (train)
        *train = NULL;
    if (test)
        *test = NULL;
    if (!train || !test || !path)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, !path ? "path" : train ? "test" : "train");
    bg_data_options checked;
    bg_status status = bgi_data_memory_check(&checked, engine, caller, options);
    if (!status)
        status = check_options(&checked);
    if (status)
        return status;
    reader r = { .engine = engine,
                 .options = &checked,
                 .path = path,
                 .files = { .engine = engine },
                 .characters = { .engine = engine } };
    status = bgi_folder_is(path) ? bgi_folder_list(&r.files, engine, caller, path)
                                 : bgi_names_add(&r.files, path, strlen(path));
    if (!status)
        status = read_parts(&r, train, test);
    close_file(&r);
    bgi_names_release(&r.files);
    free_alphabet(&r.characters);
    if (status) {
        bg_dataset_destroy(*train);
        bg_dataset_destroy(*test);
        *train = *test = NULL;
    }
    return status;
}

/* ---- Single texts ---- */

/* The place of a character in a vocabulary, -1 if it is not there. */
static int32_t find_character(const char *vocabulary, uint32_t code)
{
    uint32_t other;
    size_t rest = strlen(vocabulary);
    for (int32_t i = 0; rest > 0; i++) {
        int length = bgi_utf8_decode(vocabulary, rest, &other);
        if (length == 0 || other == code)
            return length ? i : -1;
        vocabulary += length;
        rest -= (size_t)length;
    }
    return -1;
}

bg_status bg_text_encode(const char *vocabulary, const char *text, size_t bytes, int32_t *tokens, size_t capacity,
                         size_t *count)
{
    if (!count || (!text && bytes) || (!tokens && capacity))
        return bg_fail(BG_ERR_ARGUMENT, "text_encode: %s is NULL", !count ? "count" : tokens ? "text" : "tokens");
    *count = 0;
    for (size_t i = 0; i < bytes; *count += 1) {
        uint32_t code = (unsigned char)text[i];
        int length = vocabulary ? bgi_utf8_decode(text + i, bytes - i, &code) : 1;
        if (length == 0)
            return bg_fail(BG_ERR_FORMAT, "text_encode: not UTF-8 at byte %zu", i);
        int32_t token = vocabulary ? find_character(vocabulary, code) : (int32_t)code;
        if (token < 0)
            return bg_fail(BG_ERR_FORMAT,
                           "text_encode: the character %.*s (U+%04X) at byte %zu is not in the vocabulary",
                           code < ' ' ? 0 : length, text + i, (unsigned)code, i);
        if (*count < capacity)
            tokens[*count] = token;
        i += (size_t)length;
    }
    return BG_OK;
}

int bg_text_decode(const char *vocabulary, int64_t token, char bytes[4])
{
    if (!vocabulary) {
        bytes[0] = (char)token;
        return token >= 0 && token < BYTE_CLASSES;
    }
    size_t rest = strlen(vocabulary);
    for (; token >= 0 && rest > 0; token--) {
        uint32_t code;
        int length = bgi_utf8_decode(vocabulary, rest, &code);
        if (token == 0 && length > 0)
            memcpy(bytes, vocabulary, (size_t)length);
        if (token == 0 || length == 0)
            return length;
        vocabulary += length;
        rest -= (size_t)length;
    }
    return 0;
}
