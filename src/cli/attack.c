/* blasgrad attack */
#include "attack.h"

#include "commands.h"
#include "data_rows.h"
#include "gnuplot.h"
#include "options.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

static const char *const part_names[] = { "test", "validation", "train", NULL };
static const char *const loss_words[] = { "cross_entropy", "margin", "dlr", NULL };

enum {
    KEY_METHOD = KEYS_COMMAND,
    KEY_EPS,
    KEY_NORM,
    KEY_STEPS,
    KEY_STEP_SIZE,
    KEY_RESTARTS,
    KEY_LOSS,
    KEY_TARGETED,
    KEY_BOX,
    KEY_PART,
    KEY_LIMIT,
    KEY_BATCH,
    KEY_EXAMPLES,
    KEY_SAVE
};

static const struct argp_option table[] = {
    { "method", KEY_METHOD, "NAMES", 0,
      "attacks with commas between them: fgsm bim pgd mi-fgsm apgd apgd-dlr deepfool cw square spsa noise (default: "
      "noise,fgsm,pgd,apgd, of norm l1 without apgd)",
      1 },
    { "eps", KEY_EPS, "NUMBERS", 0,
      "the largest perturbations, in units of the inputs, with commas between them (default: 0.05,0.1,0.2)", 1 },
    { "norm", KEY_NORM, "NORM", 0, "linf (default), l2 or l1", 1 },
    { "steps", KEY_STEPS, "N", 0, "of all but fgsm and noise (default: each its own)", 1 },
    { "step-size", KEY_STEP_SIZE, "NUMBER", 0, "of bim, pgd and mi-fgsm (default: by eps and steps)", 1 },
    { "restarts", KEY_RESTARTS, "N", 0, "of pgd, apgd, apgd-dlr, square, spsa and noise (default: 1, of noise 10)", 1 },
    { "loss", KEY_LOSS, "LOSS", 0, "what fgsm, bim, pgd and mi-fgsm raise: cross_entropy (default), margin or dlr", 1 },
    { "targeted", KEY_TARGETED, "CLASS", 0,
      "what is answered as this class counts as fooled; examples of the class are left out", 1 },
    { "box", KEY_BOX, "LOWER:UPPER", 0,
      "what inputs may be, or none (default: 0:1 if all of them are within, else none)", 1 },
    { "part", KEY_PART, "PART", 0, "test, validation or train (default: what is held out, else all)", 2 },
    { "limit", KEY_LIMIT, "N", 0, "attack the first N examples", 2 },
    { "batch", KEY_BATCH, "N", 0, "examples at once (default: 128)", 2 },
    { "output", 'o', "PICTURE", 0, "accuracy by eps as a picture: .svg, .png or .pdf (needs gnuplot)", 3 },
    { "examples", KEY_EXAMPLES, "PICTURE", 0,
      "images that are fooled at the largest eps, with what was changed, as a picture", 3 },
    { "save", KEY_SAVE, "FILE", 0, "write the inputs as the worst case at the largest eps leaves them, as NPY", 3 },
    { 0 },
};

/* ---- Options ---- */

/* Calls take with each piece of a text between commas. */
static void split(struct argp_state *state, const char *option, const char *text,
                  void (*take)(struct argp_state *state, const char *piece))
{
    char piece[64];
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof piece)
            argp_error(state, "--%s %s: words with commas between them", option, text);
        memcpy(piece, at, length);
        piece[length] = 0;
        take(state, piece);
        at += length;
        if (!*at)
            return;
    }
}

static void add_attack(struct argp_state *state, const char *name)
{
    attack_config *config = state->input;
    bg_attack attack;
    if (bg_attack_find(&attack, name) != BG_OK)
        argp_error(state, "--method: %s", bg_last_error());
    for (int i = 0; i < config->n_attacks; i++)
        if (strcmp(config->attacks[i].name, name) == 0)
            argp_error(state, "--method: %s stands there twice", name);
    config->attacks[config->n_attacks++] = attack; /* there are fewer attacks than places */
}

static void add_eps(struct argp_state *state, const char *text)
{
    attack_config *config = state->input;
    double eps = option_number(state, "eps", text, 0, 1e300);
    if (config->n_eps == EPS_MAX)
        argp_error(state, "--eps: more than %d numbers", EPS_MAX);
    int place = config->n_eps++;
    while (place > 0 && config->eps[place - 1] > eps) {
        config->eps[place] = config->eps[place - 1];
        place--;
    }
    if (place > 0 && config->eps[place - 1] == eps)
        argp_error(state, "--eps: %s stands there twice", text);
    config->eps[place] = eps;
}

static void parse_box(struct argp_state *state, const char *text)
{
    attack_config *config = state->input;
    char *end;
    config->has_box = true;
    config->is_boxed = strcmp(text, "none") != 0;
    if (!config->is_boxed)
        return;
    config->lower = strtod(text, &end);
    if (end != text && *end == ':') {
        const char *second = end + 1;
        config->upper = strtod(second, &end);
        if (end != second && !*end && config->lower < config->upper)
            return;
    }
    argp_error(state, "--box %s: two numbers, the lower first, as in 0:1, or none", text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    attack_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        checkpoint_children_init(state, &config->checkpoint, &config->data, &config->common);
        return 0;
    case KEY_METHOD:
        config->n_attacks = 0;
        split(state, "method", text, add_attack);
        return 0;
    case KEY_EPS:
        config->n_eps = 0;
        split(state, "eps", text, add_eps);
        return 0;
    case KEY_NORM:
        config->norm = (bg_attack_norm)option_choice(state, "norm", text, attack_norm_names);
        return 0;
    case KEY_STEPS:
        config->steps = option_integer(state, "steps", text, 1, INT32_MAX);
        return 0;
    case KEY_STEP_SIZE:
        config->step_size = option_number(state, "step-size", text, 1e-300, 1e300);
        return 0;
    case KEY_RESTARTS:
        config->restarts = option_integer(state, "restarts", text, 1, INT32_MAX);
        return 0;
    case KEY_LOSS:
        config->loss = (bg_attack_loss)option_choice(state, "loss", text, loss_words);
        config->has_loss = true;
        return 0;
    case KEY_TARGETED:
        config->target = option_integer(state, "targeted", text, 0, INT32_MAX);
        return 0;
    case KEY_BOX:
        parse_box(state, text);
        return 0;
    case KEY_PART:
        config->part = option_choice(state, "part", text, part_names);
        return 0;
    case KEY_LIMIT:
        config->limit = option_integer(state, "limit", text, 1, INT64_MAX);
        return 0;
    case KEY_BATCH:
        config->batch = option_integer(state, "batch", text, 1, 1 << 20);
        return 0;
    case 'o':
        config->output = text;
        return 0;
    case KEY_EXAMPLES:
        config->examples = text;
        return 0;
    case KEY_SAVE:
        config->save = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = table,
    .parser = parse,
    .children = checkpoint_children,
    .doc = "How a trained network of classes stands attacks on its inputs.\v"
           "Shows which share of the examples is still answered rightly when each of them may be changed by eps, under "
           "each attack and under the worst of them. What is answered wrongly as it is counts as fooled: with eps 0 "
           "this is the accuracy. Network, data and what is held out are those of the checkpoint where no option says "
           "otherwise; eps is in units of the inputs before the run's --scale.\n"
           "\n"
           "Warnings say when numbers look as if gradients were masked: a weaker attack does better than a stronger "
           "one, or more room does less, or nothing at all.\n"
           "\n"
           "Examples:\n"
           "  blasgrad attack --checkpoint run/best.safetensors\n"
           "  blasgrad attack --checkpoint run/best.safetensors --method fgsm,pgd \\\n"
           "    --norm l2 --eps 0.5,1 --steps 10 --limit 50\n"
           "  blasgrad attack --checkpoint run/best.safetensors --method pgd \\\n"
           "    --targeted 0 --limit 50 --json",
};

/* ---- What the options mean ---- */

static void choose_defaults(attack_config *config)
{
    static bg_attack (*const attacks[])(bg_attack_norm, double) = { bg_attack_noise, bg_attack_fgsm, bg_attack_pgd,
                                                                    bg_attack_apgd };
    static const double radii[] = { 0.05, 0.1, 0.2 };
    if (config->n_attacks == 0)
        while (config->n_attacks < (config->norm == BG_ATTACK_L1 ? 3 : 4)) {
            config->attacks[config->n_attacks] = attacks[config->n_attacks](config->norm, 0);
            config->n_attacks++;
        }
    if (config->n_eps == 0)
        for (; config->n_eps < 3; config->n_eps++)
            config->eps[config->n_eps] = radii[config->n_eps];
}

static void fill_attack(const attack_config *config, bg_attack *attack)
{
    unsigned options = attack_kind_of(attack).options;
    attack->norm = config->norm;
    if (config->steps && options & TAKES_STEPS)
        attack->steps = config->steps;
    if (config->step_size > 0 && options & TAKES_STEP_SIZE)
        attack->step_size = config->step_size;
    if (config->restarts && options & TAKES_RESTARTS)
        attack->restarts = config->restarts;
    if (config->has_loss && options & TAKES_LOSS)
        attack->loss = config->loss;
}

/* Puts the options into the attacks, and checks them. 0, or the exit code after a message. */
static int fill_attacks(attack_config *config)
{
    unsigned taken = 0;
    choose_defaults(config);
    for (int i = 0; i < config->n_attacks; i++) {
        bg_attack *attack = &config->attacks[i];
        fill_attack(config, attack);
        taken |= attack_kind_of(attack).options;
        if (bg_attack_check(attack) != BG_OK)
            return output_usage("%s", bg_last_error());
        if (config->target >= 0 && strcmp(attack->name, "deepfool") == 0)
            return output_usage("--targeted: deepfool has no form with a target");
    }
    const struct {
        unsigned option;
        bool is_given;
        const char *name;
    } options[] = { { TAKES_STEPS, config->steps > 0, "steps" },
                    { TAKES_STEP_SIZE, config->step_size > 0, "step-size" },
                    { TAKES_RESTARTS, config->restarts > 0, "restarts" },
                    { TAKES_LOSS, config->has_loss, "loss" } };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].is_given && !(taken & options[i].option))
            return output_usage("--%s: none of the attacks takes it", options[i].name);
    return 0;
}

/* The same for the names of files. */
static int check_names(const attack_config *config)
{
    const char *const pictures[] = { config->output, config->examples };
    for (int i = 0; i < 2; i++)
        if (pictures[i] && !gnuplot_takes_name(pictures[i]))
            return output_usage("--%s %s: a picture's name ends in .svg, .png or .pdf", i ? "examples" : "output",
                                pictures[i]);
    if (config->save && !data_name_ends_with(config->save, ".npy"))
        return output_usage("--save %s: the name ends in .npy", config->save);
    return 0;
}

/* ---- Examples ---- */

static int choose_part(attack_config *config, const data_parts *data, const bg_dataset **part)
{
    const bg_dataset *const parts[] = { data->test, data->validation, data->train };
    if (config->part < 0)
        config->part = data->test ? 0 : (data->validation ? 1 : 2);
    *part = parts[config->part];
    if (!*part)
        return output_usage("--part %s: nothing is held out of %s for it", part_names[config->part], config->data.name);
    return 0;
}

static int check_classes(const attack_config *config, const char *loss, const bg_dataset *part)
{
    if (!bg_loss_takes_classes(loss) || bg_dataset_classes(part) < 1 || config->data.kind == DATA_TEXT ||
        bg_dataset_shape(part, 1).rank != 1)
        return output_usage("attack: it needs a network of classes; %s with the loss %s has %s", config->data.name,
                            loss, config->data.kind == DATA_TEXT ? "tokens" : "other targets");
    return 0;
}

typedef struct {
    int64_t *examples, n, most, next;
    double target;
} choice;

static bool choose(void *user, double number)
{
    choice *c = user;
    if (number != c->target)
        c->examples[c->n++] = c->next;
    c->next++;
    return c->n < c->most;
}

static bg_status read_examples(attack_outcome *o, const attack_config *config, const bg_dataset *part,
                               const choice *chosen)
{
    bg_shape shape = bg_dataset_shape(part, 0);
    o->example = data_inputs(part);
    shape.dims[0] = o->n = chosen->n;
    bg_status status = bg_tensor_create(&o->inputs, o->engine, bg_dataset_dtype(part, 0), shape);
    if (status == BG_OK)
        status = bg_tensor_create(&o->labels, o->engine, bg_dataset_dtype(part, 1), BG_SHAPE(o->n));
    if (status == BG_OK && config->target >= 0)
        status = bg_tensor_create(&o->targets, o->engine, BG_I64, BG_SHAPE(o->n));
    if (status == BG_OK && o->targets)
        status = bg_tensor_fill(o->targets, (double)config->target);
    if (status != BG_OK)
        return status;
    void *const columns[] = { bg_tensor_data(o->inputs), bg_tensor_data(o->labels) };
    return bg_dataset_read(part, chosen->examples, chosen->n, columns);
}

/* The examples of the part that are attacked: the first of them that are not of the target's class. */
static int take_examples(attack_outcome *o, const attack_config *config, const bg_dataset *part)
{
    int64_t all = bg_dataset_size(part);
    choice chosen = { .most = config->limit && config->limit < all ? config->limit : all,
                      .target = (double)config->target };
    chosen.examples = malloc((size_t)chosen.most * sizeof *chosen.examples);
    if (!chosen.examples)
        return output_failure("out of memory");
    int code = data_each_number(o->engine, part, 1, choose, &chosen) == BG_OK ? 0 : output_library();
    if (!code && chosen.n == 0)
        code = output_failure("attack: all examples of %s are of class %lld", config->data.name,
                              (long long)config->target);
    if (!code && read_examples(o, config, part, &chosen) != BG_OK)
        code = output_library();
    free(chosen.examples);
    return code;
}

/* ---- The command ---- */

static int attack_data(attack_config *config, bg_engine *engine, const bg_archive *archive,
                       const checkpoint_about *about, const data_parts *data)
{
    attack_outcome o = { .engine = engine };
    const bg_dataset *part;
    int code = choose_part(config, data, &part);
    if (!code)
        code = check_classes(config, about->loss, part);
    if (!code && config->examples)
        code = attack_check_images(config, data_inputs(part).shape);
    if (!code)
        code = take_examples(&o, config, part);
    o.part = code ? NULL : part_names[config->part];
    if (!code)
        code = attack_examples(config, archive, about, &o);
    if (!code)
        code = attack_show(config, &o);
    if (!code && config->save && bg_npy_save(o.adversarial, config->save) != BG_OK)
        code = output_library();
    if (!code && config->output)
        code = attack_draw_curves(config, &o);
    if (!code && config->examples)
        code = attack_draw_examples(config, &o);
    attack_outcome_release(&o);
    return code;
}

static int run(attack_config *config, bg_engine *engine)
{
    bg_archive *archive;
    checkpoint_about about;
    int code = checkpoint_load(config->checkpoint, engine, &archive, &about);
    if (code)
        return code;
    data_parts data = { .train = NULL };
    code = checkpoint_check(config->checkpoint, &about);
    if (!code)
        code = data_like_checkpoint(&config->data, &about.data, &config->common);
    config->data.parts.scale = NULL; /* the network does that */
    if (!code)
        code = data_load(&data, engine, &config->data, NULL);
    if (!code)
        code = data_need_targets(&data, &config->data);
    if (!code)
        code = attack_data(config, engine, archive, &about, &data);
    data_release(&data);
    bg_archive_destroy(archive);
    return code;
}

int command_attack(int argc, char **argv)
{
    attack_config config = { .part = -1, .target = -1 };
    options_parse(&argp, argc, argv, &config);
    int code = fill_attacks(&config);
    if (!code)
        code = check_names(&config);
    if (code)
        return code;
    bg_engine *engine;
    bg_engine_options options = common_engine(&config.common);
    if (bg_engine_create(&engine, &options) != BG_OK)
        return output_library();
    code = run(&config, engine);
    bg_engine_destroy(engine);
    return code;
}
