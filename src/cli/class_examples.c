/* Examples of a checkpoint's data, and its network of classes. */
#include "class_examples.h"

#include "commands.h"
#include "data_rows.h"
#include "output.h"

#include <blasgrad/loss.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const class_parts[] = { "test", "validation", "train", NULL };

/* ---- Options ---- */

/* Copies the piece up to the next comma, and returns where the text goes on behind it; NULL behind the last one. */
static const char *next_piece(struct argp_state *state, const char *option, const char *text, const char *at,
                              char piece[64])
{
    size_t length = strcspn(at, ",");
    if (length == 0 || length >= 64)
        argp_error(state, "--%s %s: words with commas between them", option, text);
    memcpy(piece, at, length);
    piece[length] = 0;
    return at[length] ? at + length + 1 : NULL;
}

void option_pieces(struct argp_state *state, const char *option, const char *text,
                   void (*take)(struct argp_state *state, const char *piece))
{
    char piece[64];
    for (const char *at = text; at;) {
        at = next_piece(state, option, text, at, piece);
        take(state, piece);
    }
}

static void add_radius(struct argp_state *state, const char *option, const char *text, class_radii *radii)
{
    double radius = option_number(state, option, text, 0, 1e300);
    if (radii->n == RADII_MAX)
        argp_error(state, "--%s: more than %d numbers", option, RADII_MAX);
    int place = radii->n++;
    for (; place > 0 && radii->values[place - 1] > radius; place--)
        radii->values[place] = radii->values[place - 1];
    if (place > 0 && radii->values[place - 1] == radius)
        argp_error(state, "--%s: %s stands there twice", option, text);
    radii->values[place] = radius;
}

void option_radii(struct argp_state *state, const char *option, const char *text, class_radii *radii)
{
    char piece[64];
    radii->n = 0;
    for (const char *at = text; at;) {
        at = next_piece(state, option, text, at, piece);
        add_radius(state, option, piece, radii);
    }
}

void option_box(struct argp_state *state, const char *text, class_box *box)
{
    char *end;
    *box = (class_box){ .is_given = true, .is_none = strcmp(text, "none") == 0 };
    if (box->is_none)
        return;
    box->lower = strtod(text, &end);
    if (end != text && *end == ':') {
        const char *second = end + 1;
        box->upper = strtod(second, &end);
        if (end != second && !*end && box->lower < box->upper)
            return;
    }
    argp_error(state, "--box %s: two numbers, the lower first, as in 0:1, or none", text);
}

/* ---- Examples ---- */

static int choose_part(class_examples *e, const class_choice *choice, const data_parts *data, const bg_dataset **part)
{
    const bg_dataset *const parts[] = { data->test, data->validation, data->train };
    int place = choice->part >= 0 ? choice->part : data->test ? 0 : data->validation ? 1 : 2;
    *part = parts[place];
    e->part = class_parts[place];
    if (!*part)
        return output_usage("--part %s: nothing is held out of %s for it", e->part, choice->data->name);
    return 0;
}

static int check_classes(const class_examples *e, const class_choice *choice, const bg_dataset *part)
{
    if (!bg_loss_takes_classes(e->about.loss) || bg_dataset_classes(part) < 1 || choice->data->kind == DATA_TEXT ||
        bg_dataset_shape(part, 1).rank != 1)
        return output_usage("%s: it needs a network of classes; %s with the loss %s has %s", choice->command,
                            choice->data->name, e->about.loss,
                            choice->data->kind == DATA_TEXT ? "tokens" : "other targets");
    return 0;
}

typedef struct {
    int64_t *examples, n, most, next;
    double left_out;
} chosen_examples;

static bool choose(void *user, double class)
{
    chosen_examples *c = user;
    if (class != c->left_out)
        c->examples[c->n++] = c->next;
    c->next++;
    return c->n < c->most;
}

static bg_status read_examples(class_examples *e, const bg_dataset *part, const chosen_examples *chosen)
{
    bg_shape shape = bg_dataset_shape(part, 0);
    e->example = data_inputs(part);
    shape.dims[0] = e->n = chosen->n;
    bg_status status = bg_tensor_create(&e->inputs, e->engine, bg_dataset_dtype(part, 0), shape);
    if (status == BG_OK)
        status = bg_tensor_create(&e->labels, e->engine, bg_dataset_dtype(part, 1), BG_SHAPE(e->n));
    if (status != BG_OK)
        return status;
    void *const columns[] = { bg_tensor_data(e->inputs), bg_tensor_data(e->labels) };
    return bg_dataset_read(part, chosen->examples, chosen->n, columns);
}

static int take_examples(class_examples *e, const class_choice *choice, const bg_dataset *part)
{
    int64_t all = bg_dataset_size(part);
    chosen_examples chosen = { .most = choice->limit && choice->limit < all ? choice->limit : all,
                               .left_out = (double)choice->left_out };
    chosen.examples = malloc((size_t)chosen.most * sizeof *chosen.examples);
    if (!chosen.examples)
        return output_failure("out of memory");
    int code = data_each_number(e->engine, part, 1, choose, &chosen) == BG_OK ? 0 : output_library();
    if (!code && chosen.n == 0)
        code = output_failure("%s: all examples of %s are of class %lld", choice->command, choice->data->name,
                              (long long)choice->left_out);
    if (!code && read_examples(e, part, &chosen) != BG_OK)
        code = output_library();
    free(chosen.examples);
    return code;
}

/* ---- The box ---- */

static bool is_within(const bg_tensor *inputs, double lower, double upper)
{
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(inputs)); i++) {
        double x = NAN;
        (void)bg_tensor_item(inputs, i, &x);
        if (!(x >= lower && x <= upper))
            return false;
    }
    return true;
}

static int set_box(class_examples *e, const class_box *box)
{
    double lower = box->is_given ? box->lower : 0, upper = box->is_given ? box->upper : 1;
    if (box->is_none)
        return 0;
    if (!is_within(e->inputs, lower, upper))
        return box->is_given ? output_usage("--box %g:%g: there are inputs outside of it", lower, upper) : 0;
    e->lower = BG_SOME(lower);
    e->upper = BG_SOME(upper);
    return 0;
}

/* ---- All of it ---- */

static int read_data(class_examples *e, const class_choice *choice)
{
    data_parts data = { .train = NULL };
    const bg_dataset *part;
    int code = data_like_checkpoint(choice->data, &e->about.data, choice->common);
    parts_take_transform(&choice->data->parts, &(parts_settings){ .scale = NULL }); /* the network does that */
    if (!code)
        code = data_load(&data, e->engine, choice->data, NULL);
    if (!code)
        code = data_need_targets(&data, choice->data);
    if (!code)
        code = choose_part(e, choice, &data, &part);
    if (!code)
        code = check_classes(e, choice, part);
    if (!code)
        code = take_examples(e, choice, part);
    data_release(&data);
    return code;
}

int class_examples_open(class_examples *e, bg_engine *engine, const class_choice *choice)
{
    *e = (class_examples){ .engine = engine };
    int code = checkpoint_load(choice->checkpoint, engine, &e->archive, &e->about);
    if (!code)
        code = checkpoint_check(choice->checkpoint, &e->about);
    if (!code)
        code = read_data(e, choice);
    if (!code)
        code = set_box(e, &choice->box);
    e->network.model = e->about.model;
    if (!code)
        code = transform_take(&e->transform, engine, choice->data->name, e->example.shape, &e->about.data.parts);
    e->network.transform = e->transform;
    if (!code)
        code = checkpoint_make_model(&e->model, choice->checkpoint, e->archive, engine, e->about.data.dtype,
                                     &e->network, choice->data->name, e->example);
    return code;
}

void class_examples_close(class_examples *e)
{
    bg_model_destroy(e->model);
    bg_tensor_destroy(e->inputs);
    bg_tensor_destroy(e->labels);
    transform_release(&e->transform);
    bg_archive_destroy(e->archive);
}
