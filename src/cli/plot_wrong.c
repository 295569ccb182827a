/* The images whose class was not predicted. */
#include "plot_model.h"

#include "class_name.h"
#include "commands.h"
#include "output.h"
#include "plot_images.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { IMAGES_MAX = 60 };

static int find_form(image_form *form, const predictions *p)
{
    bg_shape shape = bg_dataset_shape(p->part, 0);
    if (image_form_find(form, shape.dims + 1, shape.rank - 1))
        return EXIT_DONE;
    char text[100];
    size_t length = 0;
    for (int i = 1; i < shape.rank; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%lld", i > 1 ? ", " : "",
                                   (long long)shape.dims[i]);
    return output_failure("plot: an example of %s has the shape [%.*s], which is no image: those are [height, width] "
                          "or [channels, height, width] with 1 or 3 channels, or as many numbers as a square of 8 x 8 "
                          "or more has pixels",
                          p->data, (int)length, text);
}

static int draw(const predictions *p, const image_form *form, int64_t wrong, const char *picture)
{
    size_t n = wrong < IMAGES_MAX ? (size_t)wrong : IMAGES_MAX, taken = 0;
    int64_t pixels = form->channels * form->height * form->width;
    double *values = calloc(n * (size_t)pixels, sizeof *values);
    image_label *labels = calloc(n, sizeof *labels);
    int code = values && labels ? EXIT_DONE : output_failure("out of memory");
    bg_tensor *image = NULL;
    if (!code && data_make_rows(&image, p->engine, p->part, 0, 1) != BG_OK)
        code = output_library();
    for (int64_t i = 0; !code && taken < n; i++) {
        if (p->actual[i] == p->predicted[i])
            continue;
        bg_status status = data_read_rows(image, p->part, 0, i);
        for (int64_t k = 0; k < pixels && status == BG_OK; k++)
            status = bg_tensor_item(image, k, &values[taken * (size_t)pixels + (size_t)k]);
        if (status != BG_OK)
            code = output_library();
        image_label *label = &labels[taken++];
        snprintf(label->lines[0], sizeof label->lines[0], "true %s", class_name_of(p->part, p->actual[i]).text);
        snprintf(label->lines[1], sizeof label->lines[1], "predicted %s", class_name_of(p->part, p->predicted[i]).text);
    }
    char title[600], part[120], first[60] = "";
    predictions_describe(p, part, sizeof part);
    if (wrong > IMAGES_MAX)
        snprintf(first, sizeof first, "; these are the first %d", IMAGES_MAX);
    snprintf(title, sizeof title, "%s, %lld predicted wrongly (%.2f %%)%s", part, (long long)wrong,
             100 * (double)wrong / (double)p->n, first);
    image_grid grid = { .form = *form, .n = n, .values = values, .labels = labels, .title = title };
    if (!code)
        code = plot_images(&grid, picture);
    bg_tensor_destroy(image);
    free(labels);
    free(values);
    return code;
}

int plot_wrong(const predictions *p, const char *picture)
{
    image_form form;
    int64_t wrong = 0;
    int code = find_form(&form, p);
    for (int64_t i = 0; i < p->n; i++)
        wrong += p->actual[i] != p->predicted[i];
    if (!code && wrong == 0)
        code = output_failure("plot: all %lld examples of %s are predicted right, so there is nothing to draw",
                              (long long)p->n, p->data);
    return code ? code : draw(p, &form, wrong, picture);
}
