/* What becomes of inputs before a network gets them: --scale, --pca and --whiten. */
#include "input_transform.h"

#include "data_rows.h"
#include "output.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const transform_scalings[] = { [BG_SCALING_STANDARD] = "standard", [BG_SCALING_MIN_MAX] = "min-max", NULL };

void transform_release(input_transform *transform)
{
    bg_tensor_destroy(transform->shift);
    bg_tensor_destroy(transform->scale);
    bg_tensor_destroy(transform->mean);
    bg_tensor_destroy(transform->matrix);
    *transform = (input_transform){ .shift = NULL };
}

void transform_texts_release(transform_texts *texts)
{
    free(texts->scaling);
    free(texts->projection);
    *texts = (transform_texts){ .scaling = NULL };
}

static bool copy_text(char **copy, const char *text)
{
    *copy = text ? malloc(strlen(text) + 1) : NULL;
    if (*copy)
        memcpy(*copy, text, strlen(text) + 1);
    return !text || *copy;
}

bool transform_texts_copy(transform_texts *texts, const parts_settings *settings)
{
    *texts = (transform_texts){ .scaling = NULL };
    return copy_text(&texts->scaling, settings->values) && copy_text(&texts->projection, settings->projection);
}

bg_shape transform_shape(const input_transform *transform, bg_shape shape)
{
    if (!transform->matrix)
        return shape;
    shape = bg_tensor_shape(transform->matrix);
    shape.rank--;
    return shape;
}

/* ---- Scaling as text ---- */

static char *print_values(const bg_tensor *shift, const bg_tensor *scale)
{
    enum { NUMBER = 25 }; /* -1.2345678901234567e-308 and a blank */
    int64_t n = bg_shape_count(bg_tensor_shape(shift));
    const double *shifts = bg_tensor_const_data(shift), *scales = bg_tensor_const_data(scale);
    size_t capacity = (size_t)n * 2 * NUMBER + 1, length = 0;
    char *text = malloc(capacity);
    if (text)
        text[0] = '\0';
    for (int64_t i = 0; text && i < n; i++)
        length +=
            (size_t)snprintf(text + length, capacity - length, "%s%.17g %.17g", i ? " " : "", shifts[i], scales[i]);
    return text;
}

/* As many numbers as the text has, and no more, go into the two; false if there are others. */
static bool parse_values(const char *text, double *shifts, double *scales, int64_t n)
{
    for (int64_t i = 0; i < 2 * n; i++) {
        char *end;
        double value = strtod(text, &end);
        if (end == text || !isfinite(value))
            return false;
        (i % 2 ? scales : shifts)[i / 2] = value;
        text = end;
    }
    return *text == '\0';
}

static int take_scaling(input_transform *t, bg_engine *engine, const char *data, bg_shape shape, const char *values)
{
    if (bg_tensor_create(&t->shift, engine, BG_F64, shape) != BG_OK ||
        bg_tensor_create(&t->scale, engine, BG_F64, shape) != BG_OK)
        return output_library();
    if (parse_values(values, bg_tensor_data(t->shift), bg_tensor_data(t->scale), bg_shape_count(shape)))
        return 0;
    return output_failure("%s: the network was trained on other inputs than these, %lld an example; its scaling does "
                          "not fit them",
                          data, (long long)bg_shape_count(shape));
}

/* ---- A projection as text ---- */

enum { DIGITS = 16 };

static void print_bits(char *text, const bg_tensor *tensor)
{
    const double *numbers = bg_tensor_const_data(tensor);
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(tensor)); i++) {
        uint64_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        for (int k = DIGITS - 1; k >= 0; k--, bits >>= 4)
            text[i * DIGITS + k] = "0123456789abcdef"[bits & 15];
    }
}

static char *print_projection(const input_transform *t)
{
    size_t places = (size_t)bg_shape_count(bg_tensor_shape(t->mean));
    size_t length = (places + (size_t)bg_shape_count(bg_tensor_shape(t->matrix))) * DIGITS;
    char *text = malloc(length + 1);
    if (!text)
        return NULL;
    print_bits(text, t->mean);
    print_bits(text + places * DIGITS, t->matrix);
    text[length] = '\0';
    return text;
}

static bool parse_bits(const char *text, bg_tensor *tensor)
{
    double *numbers = bg_tensor_data(tensor);
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(tensor)); i++) {
        uint64_t bits = 0;
        for (int k = 0; k < DIGITS; k++) {
            char c = text[i * DIGITS + k];
            int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0)
                return false;
            bits = bits << 4 | (uint64_t)digit;
        }
        memcpy(&numbers[i], &bits, sizeof bits);
        if (!isfinite(numbers[i]))
            return false;
    }
    return true;
}

static bool is_zca(const parts_settings *settings) { return settings->whiten && strcmp(settings->whiten, "zca") == 0; }

static int take_projection(input_transform *t, bg_engine *engine, const char *data, bg_shape shape,
                           const parts_settings *settings)
{
    int64_t places = bg_shape_count(shape), numbers = (int64_t)strlen(settings->projection) / DIGITS;
    bg_shape matrix = shape;
    if (is_zca(settings))
        matrix.dims[matrix.rank++] = places;
    else
        matrix = BG_SHAPE(places > 0 ? numbers / places - 1 : 0, places);
    if (places == 0 || matrix.dims[0] < 1 || places + bg_shape_count(matrix) != numbers)
        return output_failure("%s: the network was trained on other inputs than these, %lld an example; their "
                              "principal components are others",
                              data, (long long)places);
    if (bg_tensor_create(&t->mean, engine, BG_F64, shape) != BG_OK ||
        bg_tensor_create(&t->matrix, engine, BG_F64, matrix) != BG_OK)
        return output_library();
    if (parse_bits(settings->projection, t->mean) && parse_bits(settings->projection + places * DIGITS, t->matrix))
        return 0;
    return output_failure("the checkpoint is damaged: blasgrad.projection_values in its metadata are no numbers");
}

int transform_take(input_transform *transform, bg_engine *engine, const char *data, bg_shape shape,
                   const parts_settings *settings)
{
    *transform = (input_transform){ .shift = NULL };
    int code = settings->values ? take_scaling(transform, engine, data, shape, settings->values) : 0;
    return code || !settings->projection ? code : take_projection(transform, engine, data, shape, settings);
}

/* ---- Finding it out ---- */

static int fail_dtype(const char *option, const bg_dataset *train)
{
    return output_usage("%s: the inputs of %s are no floating-point numbers", option, bg_dataset_name(train));
}

static int find_scaling(input_transform *t, const bg_dataset *train, const parts_settings *settings)
{
    bg_scaling scaling =
        strcmp(settings->scale, transform_scalings[BG_SCALING_MIN_MAX]) == 0 ? BG_SCALING_MIN_MAX : BG_SCALING_STANDARD;
    bg_status status = bg_dataset_scaling(&t->shift, &t->scale, train, 0, scaling);
    if (status == BG_ERR_DTYPE)
        return fail_dtype("--scale", train);
    return status == BG_OK ? 0 : output_library();
}

/* A file's header has room for 100 MB, and there are other texts in it. */
static int check_size(int64_t places, int64_t components)
{
    enum { NUMBERS_MOST = 6000000 };
    if (places * (components + 1) <= NUMBERS_MOST)
        return 0;
    return output_usage("%lld numbers in place of %lld inputs: their matrix has %lld elements, and a checkpoint's "
                        "metadata have room for %d; --pca takes fewer components",
                        (long long)components, (long long)places, (long long)(places * components), NUMBERS_MOST);
}

static int check_components(const bg_dataset *train, const parts_settings *settings, const bg_pca_options *options)
{
    bg_column inputs = data_inputs(train);
    int64_t places = bg_shape_count(inputs.shape), n = bg_dataset_size(train), most = n < places ? n : places;
    if (inputs.dtype != BG_F32 && inputs.dtype != BG_F64)
        return fail_dtype(settings->pca ? "--pca" : "--whiten", train);
    if (options->components > most)
        return output_usage("--pca %s: %lld training examples of %lld inputs have %lld components", settings->pca,
                            (long long)n, (long long)places, (long long)most);
    return 0;
}

static int find_projection(input_transform *t, const bg_dataset *train, const parts_settings *settings,
                           transform_texts *texts)
{
    bg_pca_options options = { .whitening = is_zca(settings)   ? BG_WHITENING_ZCA
                                            : settings->whiten ? BG_WHITENING_PCA
                                                               : BG_WHITENING_NONE,
                               .eps = settings->whiten_eps };
    if (settings->pca)
        (void)parts_parse_pca(settings->pca, &options.components, &options.share);
    int code = check_components(train, settings, &options);
    if (code)
        return code;
    bg_pca *pca;
    if (bg_pca_create(&pca, train, 0, &options) != BG_OK)
        return output_failure("%s: %s", bg_dataset_name(train), bg_last_error());
    t->mean = pca->shift;
    t->matrix = pca->matrix;
    texts->share = pca->share;
    /* These two are kept. */
    pca->shift = pca->matrix = NULL;
    bg_pca_destroy(pca);
    return 0;
}

/* ---- Doing it ---- */

static int scale_part(bg_dataset **part, const input_transform *t)
{
    bg_dataset *scaled;
    if (!*part)
        return 0;
    if (bg_dataset_scale(&scaled, *part, 0, t->shift, t->scale) != BG_OK)
        return output_library();
    bg_dataset_destroy(*part);
    *part = scaled;
    return 0;
}

static int project_part(bg_dataset **part, const input_transform *t)
{
    bg_dataset *projected;
    if (!*part)
        return 0;
    if (bg_dataset_project(&projected, *part, 0, t->mean, t->matrix, NULL) != BG_OK)
        return output_library();
    bg_dataset_destroy(*part);
    *part = projected;
    return 0;
}

static int scale_parts(input_transform *t, bg_dataset **const *parts, int n, bg_engine *engine,
                       const parts_settings *settings)
{
    const bg_dataset *train = *parts[0];
    int code = settings->values
                   ? take_scaling(t, engine, bg_dataset_name(train), data_inputs(train).shape, settings->values)
                   : find_scaling(t, train, settings);
    for (int i = 0; i < n && !code && !settings->is_in_network; i++)
        code = scale_part(parts[i], t);
    return code;
}

static int project_parts(input_transform *t, bg_dataset **const *parts, int n, bg_engine *engine,
                         const parts_settings *settings, transform_texts *texts)
{
    const bg_dataset *train = *parts[0];
    bg_dataset *scaled = NULL;
    int code = 0;
    texts->share = settings->variance_share;
    if (settings->projection)
        code = take_projection(t, engine, bg_dataset_name(train), data_inputs(train).shape, settings);
    else if (t->shift && settings->is_in_network && bg_dataset_scale(&scaled, train, 0, t->shift, t->scale) != BG_OK)
        code = output_library();
    else
        code = find_projection(t, scaled ? scaled : train, settings, texts);
    bg_dataset_destroy(scaled);
    if (code)
        return code;
    texts->places = bg_shape_count(bg_tensor_shape(t->mean));
    texts->components = bg_shape_count(bg_tensor_shape(t->matrix)) / texts->places;
    code = check_size(texts->places, texts->components);
    for (int i = 0; i < n && !code && !settings->is_in_network; i++)
        code = project_part(parts[i], t);
    return code;
}

int transform_parts(bg_dataset **const *parts, int n, bg_engine *engine, const parts_settings *settings,
                    transform_texts *texts)
{
    input_transform t = { .shift = NULL };
    *texts = (transform_texts){ .scaling = NULL };
    int code = settings->scale ? scale_parts(&t, parts, n, engine, settings) : 0;
    if (!code && parts_projects(settings))
        code = project_parts(&t, parts, n, engine, settings, texts);
    if (!code && t.shift)
        texts->scaling = print_values(t.shift, t.scale);
    if (!code && t.matrix)
        texts->projection = print_projection(&t);
    if (!code && ((t.shift && !texts->scaling) || (t.matrix && !texts->projection)))
        code = output_failure("out of memory");
    transform_release(&t);
    return code;
}
