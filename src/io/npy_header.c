/* The header of NPY: a dict of Python, as in {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. */
#include "io/file.h"
#include "io/npy.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <string.h>

typedef struct {
    const bgi_npy_source *source;
    const char *text;
    size_t at, end, start; /* start: where the text begins in the source */
    bool allows_long;      /* 3L, as Python 2 wrote */
} cursor;

#define FAIL_AT(c, format, ...) BGI_NPY_FAIL((c)->source, "offset %zu: " format, (c)->start + (c)->at, __VA_ARGS__)

static char peek(const cursor *c) { return c->at < c->end ? c->text[c->at] : '\0'; }

static char skip_blanks(cursor *c)
{
    while (c->at < c->end && strchr(" \t\r\n", c->text[c->at]) && c->text[c->at])
        c->at++;
    return peek(c);
}

/* What is not as it should be: a character, or the end. */
static bg_status expected(const cursor *c, const char *what)
{
    if (c->at == c->end)
        return FAIL_AT(c, "the header ends where %s should be", what);
    return FAIL_AT(c, "the header has byte %02x where %s should be", (unsigned char)c->text[c->at], what);
}

static bg_status take(cursor *c, char character, const char *what)
{
    if (skip_blanks(c) != character)
        return expected(c, what);
    c->at++;
    return BG_OK;
}

/* A string in quotes of either kind, without escapes, which no key or type has. */
static bg_status take_string(cursor *c, const char **string, size_t *length, const char *what)
{
    char quote = skip_blanks(c);
    if (quote != '\'' && quote != '"')
        return expected(c, what);
    const char *first = c->text + c->at + 1;
    const char *last = memchr(first, quote, c->end - c->at - 1);
    if (!last)
        return FAIL_AT(c, "a string in the header has no end%s", "");
    *string = first;
    *length = (size_t)(last - first);
    c->at += *length + 2;
    return BG_OK;
}

static bool is_text(const char *string, size_t length, const char *text)
{
    return length == strlen(text) && memcmp(string, text, length) == 0;
}

static bg_status take_type(cursor *c, bgi_npy_layout *layout)
{
    const char *string = NULL;
    size_t length = 0;
    if (skip_blanks(c) == '[')
        return FAIL_AT(c, "the elements are records (a structured dtype), which cannot be %s", "read");
    bg_status status = take_string(c, &string, &length, "a dtype such as '<f4'");
    if (status)
        return status;
    const bgi_npy_type *type = length == 3 ? bgi_npy_type_find(string + 1) : NULL;
    if (type && (*string == '<' || *string == '>' || (*string == '|' && type->size == 1))) {
        layout->type = type;
        layout->is_big_endian = *string == '>';
        return BG_OK;
    }
    c->at -= length + 2;
    return FAIL_AT(
        c, "the dtype '%.*s'; supported are b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 behind < or >, and | for one byte",
        (int)(length < 40 ? length : 40), string);
}

static bg_status take_order(cursor *c, bgi_npy_layout *layout)
{
    static const char *const words[] = { "False", "True" };
    (void)skip_blanks(c);
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(words[i]);
        if (c->end - c->at >= length && memcmp(c->text + c->at, words[i], length) == 0) {
            c->at += length;
            layout->is_fortran = i;
            return BG_OK;
        }
    }
    return expected(c, "True or False");
}

static bg_status take_extent(cursor *c, int64_t *extent)
{
    size_t first = c->at;
    *extent = 0;
    for (char digit; (digit = peek(c)) >= '0' && digit <= '9'; c->at++) {
        if (__builtin_mul_overflow(*extent, 10, extent) || __builtin_add_overflow(*extent, digit - '0', extent)) {
            c->at = first;
            return FAIL_AT(c, "the extent %.18s.. does not fit 63 bits", c->text + first);
        }
    }
    if (c->at == first)
        return expected(c, "an extent in digits");
    if (c->text[first] == '0' && c->at > first + 1) {
        c->at = first;
        return FAIL_AT(c, "an extent begins with 0 and has %s", "more digits");
    }
    if (c->allows_long && peek(c) == 'L')
        c->at++;
    return BG_OK;
}

/* (), (3,), (3, 4) or (3, 4,). */
static bg_status take_shape(cursor *c, bgi_npy_layout *layout)
{
    bg_shape *shape = &layout->shape;
    size_t first = c->at;
    bg_status status = take(c, '(', "( of the shape");
    while (!status && skip_blanks(c) != ')') {
        if (shape->rank == BG_MAX_RANK) {
            c->at = first;
            return FAIL_AT(c, "the shape has more than %d extents", BG_MAX_RANK);
        }
        status = take_extent(c, &shape->dims[shape->rank++]);
        if (!status && (skip_blanks(c) != ')' || shape->rank == 1))
            status = take(c, ',', "a comma of the shape");
    }
    c->at++;
    return status;
}

static bg_status parse(cursor *c, bgi_npy_layout *layout)
{
    static const struct {
        const char *name;
        bg_status (*take)(cursor *c, bgi_npy_layout *layout);
    } keys[] = { { "descr", take_type }, { "fortran_order", take_order }, { "shape", take_shape } };
    enum { KEYS = 3 };
    bool is_there[KEYS] = { false };
    bg_status status = take(c, '{', "{");
    while (!status && skip_blanks(c) != '}') {
        const char *string = NULL;
        size_t length = 0, at = c->at;
        int key = 0;
        status = take_string(c, &string, &length, "a key in quotes");
        if (status)
            return status;
        while (key < KEYS && !is_text(string, length, keys[key].name))
            key++;
        if (key == KEYS || is_there[key]) {
            c->at = at;
            return FAIL_AT(c,
                           "the header has the key '%.*s'%s; it should have descr, fortran_order and shape, each once",
                           (int)(length < 40 ? length : 40), string, key < KEYS ? " again" : "");
        }
        is_there[key] = true;
        status = take(c, ':', "a colon");
        if (!status)
            status = keys[key].take(c, layout);
        if (!status && skip_blanks(c) != '}')
            status = take(c, ',', "a comma or }");
    }
    if (status)
        return status;
    c->at++;
    for (int key = 0; key < KEYS; key++)
        if (!is_there[key])
            return FAIL_AT(c, "the header lacks the key '%s'", keys[key].name);
    (void)skip_blanks(c);
    return c->at < c->end ? expected(c, "the end") : BG_OK;
}

/* Reads magic, version and the header's length. */
static bg_status read_prefix(bgi_npy_source *source, int *version, size_t *prefix, size_t *length)
{
    unsigned char bytes[BGI_NPY_PREFIX];
    enum { MAGIC = 6, SHORT_PREFIX = 10 };
    if (source->bytes < SHORT_PREFIX)
        return BGI_NPY_FAIL(source, "offset 0: an NPY array begins with 10 bytes or more, this has %llu in all",
                            (unsigned long long)source->bytes);
    bg_status status = source->read(source, bytes, SHORT_PREFIX);
    if (status)
        return status;
    if (memcmp(bytes, "\x93NUMPY", MAGIC) != 0)
        return BGI_NPY_FAIL(source, "offset 0: an NPY array begins with 93 4e 55 4d 50 59, this with %02x %02x %02x ..",
                            bytes[0], bytes[1], bytes[2]);
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return BGI_NPY_FAIL(source, "offset 6: version %d.%d; there are 1.0, 2.0 and 3.0", bytes[6], bytes[7]);
    *version = bytes[6];
    *prefix = *version == 1 ? SHORT_PREFIX : BGI_NPY_PREFIX;
    *length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (*version > 1) {
        if (source->bytes < BGI_NPY_PREFIX)
            return BGI_NPY_FAIL(source, "offset 8: %llu bytes are left of the 4 of the header's length",
                                (unsigned long long)source->bytes - 8);
        status = source->read(source, bytes + SHORT_PREFIX, BGI_NPY_PREFIX - SHORT_PREFIX);
        *length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    }
    return status;
}

/* The elements take the rest of the source. */
static bg_status check_length(bgi_npy_layout *layout, const bgi_npy_source *source, uint64_t start)
{
    int64_t count;
    uint64_t held = source->bytes - start;
    if (bgi_shape_check(layout->shape, layout->type->dtype, "", &count, &layout->elements))
        return BGI_NPY_FAIL(source, "offset 0: the shape is %s, whose bytes cannot be counted",
                            bgi_shape_format(layout->shape).text);
    layout->elements = (size_t)count * layout->type->size;
    if (layout->elements != held)
        return BGI_NPY_FAIL(source, "offset %llu: %s elements of %d bytes are %zu bytes, but %llu follow",
                            (unsigned long long)start, bgi_shape_format(layout->shape).text, layout->type->size,
                            layout->elements, (unsigned long long)held);
    return BG_OK;
}

bg_status bgi_npy_read_layout(bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source)
{
    int version = 0;
    size_t prefix = 0, length = 0;
    *layout = (bgi_npy_layout){ .type = NULL };
    bg_status status = read_prefix(source, &version, &prefix, &length);
    if (status)
        return status;
    if (length > BGI_NPY_HEADER_LIMIT || length > source->bytes - prefix)
        return BGI_NPY_FAIL(source,
                            "offset 8: a header of %zu bytes is announced; %llu bytes follow, and %d are the most",
                            length, (unsigned long long)(source->bytes - prefix), BGI_NPY_HEADER_LIMIT);
    char *text = bgi_alloc(engine, length);
    if (!text)
        return BG_ERR_NOMEM;
    status = source->read(source, text, length);
    cursor c = { .source = source, .text = text, .end = length, .start = prefix, .allows_long = version < 3 };
    if (!status)
        status = parse(&c, layout);
    bgi_free(engine, text, length);
    return status ? status : check_length(layout, source, prefix + length);
}
