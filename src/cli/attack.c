/* blasgrad attack */
#include "attack.h"

#include "commands.h"
#include "data_rows.h"
#include "gnuplot.h"
#include "options.h"
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    { "box", KEY_BOX, "LOWER:UPPER", 0, OPTION_BOX_HELP, 1 },
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

static error_t parse(int key, char *text, struct argp_state *state)
{
    attack_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        checkpoint_children_init(state, &config->checkpoint, &config->data, &config->common);
        return 0;
    case KEY_METHOD:
        config->n_attacks = 0;
        option_pieces(state, "method", text, add_attack);
        return 0;
    case KEY_EPS:
        option_radii(state, "eps", text, &config->eps);
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
        option_box(state, text, &config->box);
        return 0;
    case KEY_PART:
        config->part = option_choice(state, "part", text, class_parts);
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
           "otherwise; eps is in units of the inputs before the run's --scale and --pca.\n"
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
    if (config->eps.n == 0)
        for (; config->eps.n < 3; config->eps.n++)
            config->eps.values[config->eps.n] = radii[config->eps.n];
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

/* Whether a file can be written there at all: said before the work, not behind it. */
static int check_folder(const char *option, const char *path)
{
    char folder[4096];
    const char *slash = path ? strrchr(path, '/') : NULL;
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    if (length == 0 || length >= sizeof folder)
        return 0;
    memcpy(folder, path, length);
    folder[length] = 0;
    return access(folder, W_OK) == 0 ? 0 : output_failure("--%s %s: %s", option, path, strerror(errno));
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
    int code = check_folder("output", config->output);
    if (!code)
        code = check_folder("examples", config->examples);
    return code ? code : check_folder("save", config->save);
}

/* ---- The command ---- */

static int make_targets(attack_outcome *o, const attack_config *config)
{
    if (config->target < 0)
        return 0;
    bg_status status = bg_tensor_create(&o->targets, o->engine, BG_I64, BG_SHAPE(o->n));
    if (status == BG_OK)
        status = bg_tensor_fill(o->targets, (double)config->target);
    return status == BG_OK ? 0 : output_library();
}

static int attack_data(const attack_config *config, const class_examples *examples)
{
    attack_outcome o = { .engine = examples->engine,
                         .part = examples->part,
                         .example = examples->example,
                         .inputs = examples->inputs,
                         .labels = examples->labels,
                         .n = examples->n };
    int code = config->examples ? attack_check_images(config, o.example.shape) : 0;
    if (!code)
        code = make_targets(&o, config);
    if (!code)
        code = attack_examples(config, examples, &o);
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
    const class_choice choice = { .command = "attack",
                                  .checkpoint = config->checkpoint,
                                  .data = &config->data,
                                  .common = &config->common,
                                  .part = config->part,
                                  .limit = config->limit,
                                  .left_out = config->target,
                                  .box = config->box };
    class_examples examples;
    int code = class_examples_open(&examples, engine, &choice);
    if (!code)
        code = attack_data(config, &examples);
    class_examples_close(&examples);
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
