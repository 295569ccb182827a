/* Pictures of attacks. */
#include "attack.h"
#include "commands.h"
#include "gnuplot.h"
#include "output.h"
#include "plot_images.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Accuracy by eps ---- */

int attack_draw_curves(const attack_config *config, const attack_outcome *outcome)
{
    gnuplot_script script = { .text = NULL };
    gnuplot_put(&script, "set xlabel 'eps, %s'\nset ylabel '%s'\nset yrange [0:100]\nset grid\nset key outside right\n",
                attack_norm_names[config->norm], outcome->targets ? "not fooled in %" : "accuracy in %");
    for (int row = 0; row <= config->n_attacks; row++) {
        gnuplot_put(&script, "$row%d << EOD\n0 %.10g\n", row,
                    100 * (outcome->targets ? outcome->spared[row][0] : outcome->clean_accuracy));
        for (int e = 0; e < config->eps.n; e++)
            gnuplot_put(&script, "%.10g %.10g\n", config->eps.values[e], 100 * outcome->spared[row][e]);
        gnuplot_put(&script, "EOD\n");
    }
    for (int row = 0; row <= config->n_attacks; row++) {
        bool is_worst = row == config->n_attacks;
        gnuplot_put(&script, "%s $row%d %susing 1:2 with linespoints %s title ", row ? "," : "plot", row,
                    outcome->targets ? "skip 1 " : "", is_worst ? "lw 3 dt 2 lc rgb 'black'" : "");
        gnuplot_put_text(&script, is_worst ? "worst" : config->attacks[row].name);
    }
    gnuplot_put(&script, "\n");
    int code = gnuplot_draw(&script, config->output, 720, 440);
    gnuplot_free(&script);
    return code;
}

/* ---- Examples ---- */

enum { EXAMPLES = 8, COLUMNS = 6 };

int attack_check_images(const attack_config *config, bg_shape example)
{
    image_form form;
    if (image_form_find(&form, example.dims, example.rank))
        return EXIT_DONE;
    return output_usage("--examples: the examples of %s are no images", config->data.name);
}

static double element(const bg_tensor *tensor, int64_t i)
{
    double value = NAN;
    (void)bg_tensor_item(tensor, i, &value);
    return value;
}

/* Whether an attack has fooled an example that was right, at the largest eps. */
static bool is_fooled(const attack_config *config, const attack_outcome *o, int64_t example)
{
    int64_t width = bg_shape_count(o->example.shape);
    bool is_changed = false;
    for (int64_t k = example * width; k < (example + 1) * width; k++)
        is_changed = is_changed || element(o->inputs, k) != element(o->adversarial, k);
    return is_changed && o->is_fooled[(config->eps.n - 1) * o->n + example];
}

/* One example as three images. The perturbation is drawn around the middle of the range that the inputs have, its
 * largest element at the end of it. */
static void put_triple(const attack_outcome *o, int64_t example, int64_t pixels, double *values, image_label *labels)
{
    double most = 0, lower = INFINITY, upper = -INFINITY;
    for (int64_t k = 0; k < pixels; k++) {
        double x = element(o->inputs, example * pixels + k), y = element(o->adversarial, example * pixels + k);
        values[k] = x;
        values[pixels + k] = y - x;
        values[2 * pixels + k] = y;
        most = fmax(most, fabs(y - x));
        lower = fmin(lower, fmin(x, y));
        upper = fmax(upper, fmax(x, y));
    }
    for (int64_t k = pixels; k < 2 * pixels; k++)
        values[k] = (lower + upper) / 2 + (most > 0 ? values[k] / most * (upper - lower) / 2 : 0);
    snprintf(labels[0].lines[0], sizeof labels[0].lines[0], "true %.0f", element(o->labels, example));
    snprintf(labels[0].lines[1], sizeof labels[0].lines[1], "answer %.0f", element(o->clean_answers, example));
    snprintf(labels[1].lines[0], sizeof labels[1].lines[0], "change");
    snprintf(labels[1].lines[1], sizeof labels[1].lines[1], "up to %.3g", most);
    snprintf(labels[2].lines[0], sizeof labels[2].lines[0], "adversarial");
    snprintf(labels[2].lines[1], sizeof labels[2].lines[1], "answer %.0f", element(o->answers, example));
}

int attack_draw_examples(const attack_config *config, const attack_outcome *o)
{
    image_form form;
    (void)image_form_find(&form, o->example.shape.dims, o->example.shape.rank);
    int64_t pixels = form.channels * form.height * form.width, chosen[EXAMPLES];
    size_t n = 0;
    for (int64_t i = 0; i < o->n && n < EXAMPLES; i++)
        if (is_fooled(config, o, i))
            chosen[n++] = i;
    if (n == 0)
        return output_failure("--examples: no example is fooled at eps %g, so there is nothing to draw",
                              config->eps.values[config->eps.n - 1]);
    double *values = calloc(3 * n * (size_t)pixels, sizeof *values);
    image_label *labels = calloc(3 * n, sizeof *labels);
    int code = values && labels ? EXIT_DONE : output_failure("out of memory");
    for (size_t i = 0; i < n && !code; i++)
        put_triple(o, chosen[i], pixels, values + 3 * i * (size_t)pixels, labels + 3 * i);
    char title[200];
    snprintf(title, sizeof title, "The first examples that are fooled at eps %g",
             config->eps.values[config->eps.n - 1]);
    image_grid grid = {
        .form = form, .n = 3 * n, .values = values, .labels = labels, .columns = n == 1 ? 3 : COLUMNS, .title = title
    };
    if (!code)
        code = plot_images(&grid, config->examples);
    free(labels);
    free(values);
    return code;
}
