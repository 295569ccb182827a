/* Loss against budget as a picture: medians, and quartiles as bands. */
#include "search.h"

#include "gnuplot.h"
#include "output.h"

#include <math.h>

static bool is_positive(const search_job *job, int method)
{
    for (int i = 0; i < SEARCH_PLACES; i++)
        if (search_quartile(job, method, i, 1) <= 0)
            return false;
    return true;
}

int search_draw(const search_job *job, const char *picture)
{
    const search_config *config = &job->config;
    gnuplot_script script = { .text = NULL };
    bool is_log = true, is_first = true;
    for (int m = 0; m < config->n_methods; m++)
        is_log = is_log && is_positive(job, m);
    gnuplot_put(&script, "set xlabel '%s'\nset ylabel ", search_axis_name(config->axis));
    gnuplot_put_text(&script, config->loss);
    gnuplot_put(&script,
                "\nset logscale x\n%sset grid\nset key outside right\nset style fill transparent solid 0.2 noborder\n",
                is_log ? "set logscale y\n" : "");
    for (int m = 0; m < config->n_methods; m++) {
        gnuplot_put(&script, "$method%d << EOD\n", m);
        for (int i = 0; i < SEARCH_PLACES && !isnan(search_quartile(job, m, i, 2)); i++)
            gnuplot_put(&script, "%.10g %.10g %.10g %.10g\n", search_place(config, i), search_quartile(job, m, i, 2),
                        search_quartile(job, m, i, 1), search_quartile(job, m, i, 3));
        gnuplot_put(&script, "EOD\n");
    }
    for (int m = 0; m < config->n_methods; m++) {
        if (isnan(search_quartile(job, m, 0, 2)))
            continue;
        gnuplot_put(&script, "%s $method%d using 1:3:4 with filledcurves lc %d notitle, ", is_first ? "plot" : ",", m,
                    m + 1);
        gnuplot_put(&script, "$method%d using 1:2 with lines lw 2 lc %d title ", m, m + 1);
        gnuplot_put_text(&script, config->methods[m].name);
        is_first = false;
    }
    gnuplot_put(&script, "\n");
    int code = is_first ? output_failure("%s: interrupted before there was anything to draw", picture)
                        : gnuplot_draw(&script, picture, 800, 480);
    gnuplot_free(&script);
    return code;
}
