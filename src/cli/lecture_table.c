/* The lecture's table, predictions for it, and losses of these. */
#include "lecture.h"

#include "commands.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

/* ---- The table ---- */

/* With a comma, and as many digits as it takes: those of the table have few. */
static void with_comma(double value, char text[32])
{
    snprintf(text, 32, "%.15g", value);
    char *point = strchr(text, '.');
    if (point)
        *point = ',';
}

int lecture_table(const lecture *l)
{
    const double *x = bg_tensor_const_data(l->x), *y = bg_tensor_const_data(l->y);
    if (l->json) {
        event *e = lecture_event("table");
        for (int row = 0; row < LECTURE_ROWS; row++) {
            event_append(e, "x1", x[2 * row]);
            event_append(e, "x2", x[2 * row + 1]);
            event_append(e, "y", y[row]);
        }
        lecture_finish(e);
        return EXIT_DONE;
    }
    output_line("The table: five examples of two inputs, x1 and x2, and the number y that goes\n"
                "with them. Where the decimal mark is a comma, a semicolon stands between\n"
                "columns; saved as lecture.csv, these lines are what\n"
                "    blasgrad train --data lecture.csv --delimiter ';' --decimal ,\n"
                "reads. From here on there are decimal points.\n\n"
                "x1;x2;y");
    for (int row = 0; row < LECTURE_ROWS; row++) {
        char x1[32], x2[32], target[32];
        with_comma(x[2 * row], x1);
        with_comma(x[2 * row + 1], x2);
        with_comma(y[row], target);
        output_line("%s;%s;%s", x1, x2, target);
    }
    return EXIT_DONE;
}

/* ---- Predictions ---- */

static bg_status predict(const lecture *l, double *predictions, double *errors)
{
    bg_graph *graph = NULL;
    bg_status status = bg_graph_create(&graph, l->engine);
    if (status)
        return status;
    bg_node *f = lecture_model(l, bg_parameter(graph, l->guess));
    bg_node *nodes[] = { f, bg_l1_loss(f, lecture_targets(l, graph), BG_NONE) };
    status = lecture_values(graph, nodes, 2, (double *const[]){ predictions, errors });
    bg_graph_destroy(graph);
    return status;
}

int lecture_predictions(const lecture *l)
{
    double f[LECTURE_ROWS], l1[LECTURE_ROWS];
    const double *x = bg_tensor_const_data(l->x), *y = bg_tensor_const_data(l->y);
    if (predict(l, f, l1) != BG_OK)
        return output_library();
    if (l->json) {
        event *e = lecture_event("predictions");
        lecture_append(e, "f", f, LECTURE_ROWS);
        lecture_append(e, "l1", l1, LECTURE_ROWS);
        lecture_finish(e);
        return EXIT_DONE;
    }
    output_line("Predictions: a model is a function with parameters, here\n"
                "    f(x) = theta1 x1 + theta2 x2.\n"
                "With theta = (2, 1) it is f = 2 x1 + x2, a good guess: two rows are predicted\n"
                "exactly. |f - y| says how far off the others are, be it above or below.\n\n"
                "row       x1       x2        y        f  |f - y|");
    for (int row = 0; row < LECTURE_ROWS; row++)
        output_line("%3d %8.6g %8.6g %8.6g %8.6g %8.6g", row + 1, x[2 * row], x[2 * row + 1], y[row], f[row], l1[row]);
    return EXIT_DONE;
}

/* ---- Losses ---- */

typedef enum { L1, L2, BCE, CE, LOSSES } loss_kind;

typedef struct {
    double f[LECTURE_ROWS], label[LECTURE_ROWS], rows[LOSSES][LECTURE_ROWS], means[LOSSES];
    double cosine, cosine_loss;
} losses;

/* Cross-entropy takes the scores of all classes: those of the classes 0 and 1 are 0 and f. */
static bg_node *two_logits(bg_node *f)
{
    bg_node *parts[] = { bg_zeros(bg_node_graph(f), BG_F64, bg_node_shape(f)), f };
    return bg_concat(parts, 2, 1);
}

static bg_status find_losses(const lecture *l, losses *found)
{
    bg_graph *graph = NULL;
    bg_status status = bg_graph_create(&graph, l->engine);
    if (status)
        return status;
    bg_node *f = lecture_model(l, bg_parameter(graph, l->guess)), *y = lecture_targets(l, graph), *rows[LOSSES];
    bg_node *is_positive = bg_greater(y, bg_scalar(graph, BG_F64, 0)), *label = bg_cast(is_positive, BG_F64);
    bg_node *class = bg_reshape(bg_cast(is_positive, BG_I64), BG_SHAPE(LECTURE_ROWS));
    rows[L1] = bg_l1_loss(f, y, BG_NONE);
    rows[L2] = bg_l2_loss(f, y, BG_NONE);
    rows[BCE] = bg_bce_with_logits_loss(f, label, BG_NONE);
    rows[CE] = bg_cross_entropy_loss(two_logits(f), class, BG_NONE);
    /* The columns are one row each to the loss. */
    bg_node *cosine_loss = bg_cosine_similarity_loss(bg_reshape(f, BG_SHAPE(1, LECTURE_ROWS)),
                                                     bg_reshape(y, BG_SHAPE(1, LECTURE_ROWS)), BG_MEAN);
    bg_node *nodes[4 + 2 * LOSSES] = { f, label, bg_cosine_similarity(f, y, 0, 1e-8), cosine_loss };
    double *values[4 + 2 * LOSSES] = { found->f, found->label, &found->cosine, &found->cosine_loss };
    for (int i = 0; i < LOSSES; i++) {
        nodes[4 + 2 * i] = rows[i];
        values[4 + 2 * i] = found->rows[i];
        nodes[5 + 2 * i] = bg_mean(rows[i], BG_ALL_AXES);
        values[5 + 2 * i] = &found->means[i];
    }
    status = lecture_values(graph, nodes, 4 + 2 * LOSSES, values);
    bg_graph_destroy(graph);
    return status;
}

static void losses_event(const losses *found)
{
    static const char *const names[LOSSES] = {
        [L1] = "l1", [L2] = "l2", [BCE] = "bce_with_logits", [CE] = "cross_entropy"
    };
    event *e = lecture_event("losses");
    lecture_append(e, "label", found->label, LECTURE_ROWS);
    for (int i = 0; i < LOSSES; i++) {
        char mean[40];
        snprintf(mean, sizeof mean, "mean_%s", names[i]);
        lecture_append(e, names[i], found->rows[i], LECTURE_ROWS);
        event_number(e, mean, found->means[i]);
    }
    event_number(e, "cosine_similarity", found->cosine);
    event_number(e, "cosine_similarity_loss", found->cosine_loss);
    lecture_finish(e);
}

int lecture_losses(const lecture *l)
{
    losses found;
    const double *y = bg_tensor_const_data(l->y);
    if (find_losses(l, &found) != BG_OK)
        return output_library();
    if (l->json) {
        losses_event(&found);
        return EXIT_DONE;
    }
    output_line("Losses: a loss says in one number how wrong predictions are, as the mean over\n"
                "the rows. For numbers y there are\n"
                "    L1 = |f - y|    and    L2 = (f - y)^2,\n"
                "of which L2 minds large errors more. Where the question is only whether y > 0,\n"
                "the label, f is a logit: p = 1 / (1 + e^-f) is the probability of yes. The loss\n"
                "    BCE = -log p if the label is 1, -log(1 - p) if it is 0\n"
                "is binary cross-entropy. Cross-entropy is for any number of classes, with a\n"
                "logit of each:\n"
                "    CE = log(sum of e^logit) - logit of the label.\n"
                "For the two logits (0, f) both are the same number.\n\n"
                "row        y        f  label       L1       L2      BCE       CE");
    for (int row = 0; row < LECTURE_ROWS; row++)
        output_line("%3d %8.6g %8.6g %6.0f %8.4f %8.4f %8.4f %8.4f", row + 1, y[row], found.f[row], found.label[row],
                    found.rows[L1][row], found.rows[L2][row], found.rows[BCE][row], found.rows[CE][row]);
    output_line("mean %30.4f %8.4f %8.4f %8.4f\n", found.means[L1], found.means[L2], found.means[BCE], found.means[CE]);
    output_line("Cosine similarity takes the columns f and y for arrows: it is 1 if they point\n"
                "the same way, whatever their lengths, 0 at a right angle, and -1 if opposite.\n"
                "The loss is 1 less that.\n"
                "    cos = (sum of f y) / sqrt((sum of f^2) (sum of y^2))\n\n"
                "cosine similarity %.6f, loss %.6f",
                found.cosine, found.cosine_loss);
    return EXIT_DONE;
}
