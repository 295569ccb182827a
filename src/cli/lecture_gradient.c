/* The gradient of the mean loss, alone and as the mean of the rows' gradients; and the update that follows it. */
#include "lecture.h"

#include "commands.h"
#include "output.h"

#include <stdio.h>

/* ---- The gradient ---- */

typedef enum { OF_L1, OF_L2, KINDS } loss_kind;
static const char *const kind_names[KINDS] = { [OF_L1] = "l1", [OF_L2] = "l2" };

typedef struct {
    double rows[LECTURE_ROWS][LECTURE_PARAMETERS]; /* of each row's loss */
    double mean[LECTURE_PARAMETERS];               /* of these */
    double whole[LECTURE_PARAMETERS];              /* of the mean loss */
    double difference;                             /* the greatest between the two */
} gradients;

static bg_status find_gradients(const lecture *l, bg_loss *loss, gradients *g)
{
    bg_graph *graph = NULL;
    bg_status status = bg_graph_create(&graph, l->engine);
    if (!status) {
        bg_node *w = bg_parameter(graph, l->guess), *f = lecture_model(l, w), *y = lecture_targets(l, graph);
        bg_node *rows = bg_reshape(loss(f, y, BG_NONE), BG_SHAPE(LECTURE_ROWS)), *of_rows, *whole;
        status = bg_per_sample_grad(rows, &w, 1, &of_rows);
        if (!status)
            status = bg_grad(loss(f, y, BG_MEAN), &w, 1, &whole);
        if (!status) {
            bg_node *mean = bg_mean(of_rows, BG_AXES(0));
            bg_node *nodes[] = { of_rows, mean, whole, bg_max(bg_abs(bg_sub(mean, whole)), BG_ALL_AXES) };
            double *const values[] = { &g->rows[0][0], g->mean, g->whole, &g->difference };
            status = lecture_values(graph, nodes, 4, values);
        }
    }
    bg_graph_destroy(graph);
    return status;
}

static void gradient_event(const gradients found[KINDS])
{
    event *e = lecture_event("gradient");
    for (int kind = 0; kind < KINDS; kind++) {
        event *item = event_create(NULL);
        for (int p = 0; p < LECTURE_PARAMETERS; p++) {
            char key[40];
            snprintf(key, sizeof key, "rows_theta%d", p + 1);
            for (int row = 0; row < LECTURE_ROWS; row++)
                event_append(item, key, found[kind].rows[row][p]);
        }
        lecture_append(item, "mean_of_rows", found[kind].mean, LECTURE_PARAMETERS);
        lecture_append(item, "of_mean_loss", found[kind].whole, LECTURE_PARAMETERS);
        event_number(item, "difference", found[kind].difference);
        event_object(e, kind_names[kind], item);
    }
    lecture_finish(e);
}

static void gradient_line(const char *name, const double of_l1[LECTURE_PARAMETERS],
                          const double of_l2[LECTURE_PARAMETERS])
{
    output_line("%-22s %9.4f %9.4f %14.4f %9.4f", name, lecture_rounded(of_l1[0], 4), lecture_rounded(of_l1[1], 4),
                lecture_rounded(of_l2[0], 4), lecture_rounded(of_l2[1], 4));
}

int lecture_gradient(const lecture *l)
{
    gradients found[KINDS];
    if (find_gradients(l, bg_l1_loss, &found[OF_L1]) != BG_OK || find_gradients(l, bg_l2_loss, &found[OF_L2]) != BG_OK)
        return output_library();
    if (l->json) {
        gradient_event(found);
        return EXIT_DONE;
    }
    output_line("The gradient: of the mean loss over N = %d rows it is a vector of dim(theta) = %d\n"
                "numbers, how the loss changes with each parameter:\n"
                "    g = d/dtheta (1/N) (sum over i of loss_i) = (1/N) (sum over i of g_i),\n"
                "which by the chain rule is the mean of the rows' own gradients,\n"
                "    g_i = 2 (f - y) (x1, x2) for L2,    sign(f - y) (x1, x2) for L1.\n"
                "Here they are at theta = (2, 1), where L1 of rows 2 and 4, which have no error,\n"
                "is at its kink; the engine takes 0 there.\n\n"
                "%-32s L1 %23s L2",
                LECTURE_ROWS, LECTURE_PARAMETERS, "", "");
    output_line("%-22s %9s %9s %14s %9s", "gradient", "dtheta1", "dtheta2", "dtheta1", "dtheta2");
    for (int row = 0; row < LECTURE_ROWS; row++) {
        char name[40];
        snprintf(name, sizeof name, "of row %d", row + 1);
        gradient_line(name, found[OF_L1].rows[row], found[OF_L2].rows[row]);
    }
    gradient_line("mean of the rows'", found[OF_L1].mean, found[OF_L2].mean);
    gradient_line("of the mean loss", found[OF_L1].whole, found[OF_L2].whole);
    output_line("%-22s %19.1e %24.1e", "greatest difference", found[OF_L1].difference, found[OF_L2].difference);
    return EXIT_DONE;
}

/* ---- The update ---- */

static bool is_shown(int step)
{
    static const int shown[] = { 0, 1, 2, 3, 4, 5, 10, 20, 30, 50 };
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (step == shown[i])
            return true;
    return false;
}
enum { LAST_STEP = 50 };

static void show_step(int number, const lecture_step *step)
{
    output_line("%4d %11.6f %11.6f %13.6f %11.6f %13.6f", number, lecture_rounded(step->theta[0], 6),
                lecture_rounded(step->theta[1], 6), lecture_rounded(step->gradient[0], 6),
                lecture_rounded(step->gradient[1], 6), step->loss);
}

static void add_step(event *e, int number, const lecture_step *step)
{
    event *item = event_create(NULL);
    event_integer(item, "step", number);
    lecture_append(item, "theta", step->theta, LECTURE_PARAMETERS);
    lecture_append(item, "gradient", step->gradient, LECTURE_PARAMETERS);
    event_number(item, "loss", step->loss);
    event_append_object(e, "steps", item);
}

static bg_status descend(const lecture *l, const double start[LECTURE_PARAMETERS], event *e)
{
    lecture_descent descent;
    bg_status status = lecture_descent_create(&descent, l, start);
    for (int number = 0; number <= LAST_STEP && !status; number++) {
        lecture_step step;
        status = lecture_descent_step(&descent, &step);
        if (status || !is_shown(number))
            continue;
        if (l->json)
            add_step(e, number, &step);
        else
            show_step(number, &step);
    }
    lecture_descent_destroy(&descent);
    return status;
}

int lecture_update(const lecture *l)
{
    double start[LECTURE_PARAMETERS], least[LECTURE_PARAMETERS];
    if (lecture_start(l, start) != BG_OK || lecture_least(l, least) != BG_OK)
        return output_library();
    event *e = l->json ? lecture_event("update") : NULL;
    if (!l->json)
        output_line("The update: the gradient g points to where the loss grows fastest, so a small\n"
                    "step the other way makes it smaller. Done again and again, from a start at\n"
                    "random,\n"
                    "    theta <- theta - alpha g,    alpha = %g,\n"
                    "comes to where the gradient of L2 is 0. A larger alpha is faster up to a point;\n"
                    "beyond it each step jumps over the valley, to higher up on the other side.\n\n"
                    "step      theta1      theta2     g: dtheta1     dtheta2            L2",
                    LECTURE_ALPHA);
    int code = descend(l, start, e) != BG_OK ? output_library() : EXIT_DONE;
    if (l->json && !code) {
        event_number(e, "alpha", LECTURE_ALPHA);
        lecture_append(e, "least_squares", least, LECTURE_PARAMETERS);
        event_output(e);
    } else if (!code) {
        output_line("\nThe normal equations X'X theta = X'y, solved at once (least squares), say:\n\n"
                    "     %11.6f %11.6f",
                    least[0], least[1]);
    }
    event_destroy(e);
    return code;
}
