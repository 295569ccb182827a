/* The optimizer of a training run: options, and what they come to once the number of steps is known. */
#include "optimizer_options.h"

#include "output.h"
#include "schedule_word.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Options ---- */

enum {
    KEY_OPTIMIZER = KEYS_OPTIMIZER,
    KEY_LEARNING_RATE,
    KEY_MOMENTUM,
    KEY_DAMPENING,
    KEY_NESTEROV,
    KEY_WEIGHT_DECAY,
    KEY_NO_VECTOR_DECAY,
    KEY_BETA1,
    KEY_BETA2,
    KEY_EPS,
    KEY_AMSGRAD,
    KEY_HISTORY,
    KEY_DAMPING,
    KEY_SCHEDULE,
    KEY_WARM_UP,
    KEY_CLIP_NORM,
    KEY_CLIP_VALUE,
    KEY_ACCUMULATE,
    KEY_EMA,
    KEY_SWA,
    KEY_SKIP_NONFINITE
};

static const struct argp_option table[] = {
    { "optimizer", KEY_OPTIMIZER, "NAME", 0,
      "sgd, adam, adamw, adamax, nadam, radam, rmsprop, adagrad, adadelta, rprop, lion, lamb, adafactor, muon; on all "
      "examples at once, an epoch a step, until it converges: lbfgs, or lm (Levenberg-Marquardt), for l2 and small "
      "networks",
      0 },
    { "lr", KEY_LEARNING_RATE, "RATE", 0, "learning rate", 0 },
    { "momentum", KEY_MOMENTUM, "M", 0, "momentum, from 0 to below 1 (sgd, rmsprop, muon)", 0 },
    { "dampening", KEY_DAMPENING, "D", 0, "dampening of the momentum (sgd; default: 0)", 0 },
    { "nesterov", KEY_NESTEROV, NULL, 0, "momentum in Nesterov's form (sgd)", 0 },
    { "weight-decay", KEY_WEIGHT_DECAY, "W", 0,
      "added to the gradient, times the parameter; adamw, lion, adafactor and muon shrink the parameter instead", 0 },
    { "no-vector-decay", KEY_NO_VECTOR_DECAY, NULL, 0, "no weight decay for biases and weights of norms", 0 },
    { "beta1", KEY_BETA1, "B", 0, "share that the mean of gradients keeps, from 0 to below 1 (adam and relatives)", 0 },
    { "beta2", KEY_BETA2, "B", 0, "share that the mean of their squares keeps", 0 },
    { "eps", KEY_EPS, "E", 0, "added to a denominator", 0 },
    { "amsgrad", KEY_AMSGRAD, NULL, 0, "the largest mean of squares so far (adam, adamw)", 0 },
    { "history", KEY_HISTORY, "N", 0,
      "differences of gradients that are kept, of 16 bytes a parameter (lbfgs; default: 100)", 0 },
    { "damping", KEY_DAMPING, "D", 0,
      "of the first step, by the largest element of the Jacobian's square (lm; default: 0.001)", 0 },
    { "schedule", KEY_SCHEDULE, "WORD", 0,
      "of the learning rate: constant:F:N step:N:F multi-step:N,N:F exponential:F cosine[:N[:MIN]] "
      "restarts:N[:TIMES[:MIN]] linear:F:F[:N] polynomial[:N[:POWER]] one-cycle[:N] plateau[:F[:EPOCHS]]; F is a "
      "factor, N a number of updates, or of epochs as in 10e, and the whole run where it is left out",
      0 },
    { "warm-up", KEY_WARM_UP, "N", 0, "updates (epochs as in 2e) in which the rate rises, before the schedule", 0 },
    { "clip-norm", KEY_CLIP_NORM, "C", 0, "scale gradients whose norm, of all together, is above C", 0 },
    { "clip-value", KEY_CLIP_VALUE, "C", 0, "clamp elements of gradients to -C .. C", 0 },
    { "accumulate", KEY_ACCUMULATE, "K", 0, "add up the gradients of K batches for one update", 0 },
    { "ema", KEY_EMA, "D", 0, "evaluate, and save as best, an average of the weights that keeps D a step", 0 },
    { "swa", KEY_SWA, "N", 0, "the same with the mean of the weights behind update N (epoch, as in 10e)", 0 },
    { "skip-nonfinite", KEY_SKIP_NONFINITE, NULL, 0, "leave out steps whose gradient is infinite or NaN", 0 },
    { 0 },
};

static const char *option_name(int key)
{
    const struct argp_option *option = table;
    while (option->key != key)
        option++;
    return option->name;
}

static bg_optional number(struct argp_state *state, int key, const char *text, double most)
{
    return BG_SOME(option_number(state, option_name(key), text, 0, most));
}

static double above_0(struct argp_state *state, int key, const char *text)
{
    double value = option_number(state, option_name(key), text, 0, INFINITY);
    if (value == 0)
        argp_error(state, "--%s \"%s\": a number above 0", option_name(key), text);
    return value;
}

static update_count count(struct argp_state *state, int key, const char *text, int64_t least)
{
    update_count found = { .is_given = true };
    if (!schedule_count(text, strlen(text), least, &found))
        argp_error(state, "--%s \"%s\": a number of updates, or of epochs as in 10e, %lld or more", option_name(key),
                   text, (long long)least);
    return found;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    optimizer_settings *s = state->input;
    if (key >= KEY_OPTIMIZER && key <= KEY_SKIP_NONFINITE)
        s->last_option = option_name(key);
    bg_optimizer found;
    char message[160];
    switch (key) {
    case KEY_OPTIMIZER:
        if (bg_optimizer_find(&found, text) != BG_OK)
            argp_error(state, "--optimizer: %s", bg_last_error());
        s->name = text;
        return 0;
    case KEY_LEARNING_RATE:
        s->learning_rate = number(state, key, text, INFINITY);
        return 0;
    case KEY_MOMENTUM:
        s->momentum = number(state, key, text, 1);
        return 0;
    case KEY_DAMPENING:
        s->dampening = number(state, key, text, 1);
        return 0;
    case KEY_NESTEROV:
        s->nesterov = true;
        return 0;
    case KEY_WEIGHT_DECAY:
        s->weight_decay = number(state, key, text, INFINITY);
        return 0;
    case KEY_NO_VECTOR_DECAY:
        s->without_vector_decay = true;
        return 0;
    case KEY_BETA1:
        s->beta1 = number(state, key, text, 1);
        return 0;
    case KEY_BETA2:
        s->beta2 = number(state, key, text, 1);
        return 0;
    case KEY_EPS:
        s->eps = number(state, key, text, INFINITY);
        return 0;
    case KEY_AMSGRAD:
        s->amsgrad = true;
        return 0;
    case KEY_HISTORY:
        s->history = option_integer(state, "history", text, 1, 1 << 20);
        return 0;
    case KEY_DAMPING:
        s->damping = number(state, key, text, INFINITY);
        return 0;
    case KEY_SCHEDULE:
        s->schedule = text;
        if (!schedule_parse(text, &s->parsed, &s->length, message, sizeof message))
            argp_error(state, "--schedule \"%s\": %s", text, message);
        return 0;
    case KEY_WARM_UP:
        s->warm_up = count(state, key, text, 1);
        return 0;
    case KEY_CLIP_NORM:
        s->clip_norm = above_0(state, key, text);
        return 0;
    case KEY_CLIP_VALUE:
        s->clip_value = above_0(state, key, text);
        return 0;
    case KEY_ACCUMULATE:
        s->accumulate = option_integer(state, "accumulate", text, 1, INT64_MAX);
        return 0;
    case KEY_EMA:
        s->ema = number(state, key, text, 1);
        return 0;
    case KEY_SWA:
        s->swa_start = count(state, key, text, 0);
        return 0;
    case KEY_SKIP_NONFINITE:
        s->skips_nonfinite = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp optimizer_argp = { .options = table, .parser = parse };

/* ---- What they come to ---- */

static void give(double *value, bg_optional given)
{
    if (given.is_some)
        *value = given.value;
}

static void leave_vectors_out(bg_optimizer *made)
{
    made->groups[0] = (bg_parameter_group){ .of_vectors = true, .weight_decay = BG_SOME(0) };
    made->n_groups = 1;
}

static bg_optimizer optimizer_of(const optimizer_settings *s)
{
    bg_optimizer made;
    bg_optimizer_find(&made, s->name);
    give(&made.learning_rate, s->learning_rate);
    give(&made.momentum, s->momentum);
    give(&made.dampening, s->dampening);
    give(&made.weight_decay, s->weight_decay);
    give(&made.beta1, s->beta1);
    give(&made.beta2, s->beta2);
    give(&made.eps, s->eps);
    made.nesterov = made.nesterov || s->nesterov;
    made.amsgrad = s->amsgrad;
    if (s->history > 0)
        made.lbfgs.history = s->history;
    if (s->damping.is_some)
        made.lm.damping = s->damping;
    made.clip_norm = s->clip_norm;
    made.clip_value = s->clip_value;
    if (s->without_vector_decay)
        leave_vectors_out(&made);
    return made;
}

static bool takes_momentum(const char *name)
{
    return strcmp(name, "sgd") == 0 || strcmp(name, "rmsprop") == 0 || strcmp(name, "muon") == 0;
}

/* Whether an option that was given belongs to the optimizer. */
static int check_belongs(const optimizer_settings *s)
{
    bg_optimizer own;
    bg_optimizer_find(&own, s->name);
    bool is_sgd = strcmp(s->name, "sgd") == 0, is_adam = strcmp(s->name, "adam") == 0 || strcmp(s->name, "adamw") == 0;
    bool has_momentum = takes_momentum(s->name), is_rule = !own.driver, has_rate = strcmp(s->name, "lm") != 0;
    const struct {
        bool is_given, belongs;
        const char *option;
    } rows[] = {
        { s->momentum.is_some, has_momentum, "momentum" },
        { s->dampening.is_some, is_sgd, "dampening" },
        { s->nesterov, is_sgd || strcmp(s->name, "muon") == 0, "nesterov" },
        { s->weight_decay.is_some || s->without_vector_decay, is_rule && strcmp(s->name, "rprop") != 0,
          s->weight_decay.is_some ? "weight-decay" : "no-vector-decay" },
        { s->beta1.is_some, own.beta1 != 0, "beta1" },
        { s->beta2.is_some, own.beta2 != 0, "beta2" },
        { s->eps.is_some, own.eps != 0, "eps" },
        { s->amsgrad, is_adam, "amsgrad" },
        { s->history > 0, strcmp(s->name, "lbfgs") == 0, "history" },
        { s->damping.is_some, !has_rate, "damping" },
        { s->learning_rate.is_some, has_rate, "lr" },
        { s->schedule != NULL, has_rate, "schedule" },
        { s->warm_up.is_given, has_rate, "warm-up" },
        { s->clip_norm != 0, is_rule, "clip-norm" },
        { s->clip_value != 0, is_rule, "clip-value" },
        { s->accumulate > 1, is_rule, "accumulate" },
        { s->ema.is_some, is_rule, "ema" },
        { s->swa_start.is_given, is_rule, "swa" },
        { s->skips_nonfinite, is_rule, "skip-nonfinite" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].is_given && !rows[i].belongs)
            return output_usage("--%s is nothing that --optimizer %s has", rows[i].option, s->name);
    return 0;
}

int optimizer_check(optimizer_settings *s, const char *name, double learning_rate, double momentum)
{
    bool asks_for_sgd = s->momentum.is_some || s->dampening.is_some || s->nesterov;
    if (!s->name)
        s->name = asks_for_sgd ? "sgd" : name;
    int code = check_belongs(s);
    if (code)
        return code;
    bool is_sgd = strcmp(s->name, "sgd") == 0;
    if (strcmp(s->name, name) == 0 && !s->learning_rate.is_some)
        s->learning_rate = BG_SOME(learning_rate);
    if (is_sgd && strcmp(s->name, name) == 0 && !s->momentum.is_some)
        s->momentum = BG_SOME(momentum);
    if (s->ema.is_some && s->swa_start.is_given)
        return output_usage("--ema and --swa are two kinds of average; give one");
    if (s->warm_up.is_given && (s->parsed.by_epoch || s->parsed.kind == BG_SCHEDULE_PLATEAU))
        return output_usage("--warm-up stands before schedules that count updates, not before \"%s\"", s->schedule);
    bg_optimizer made = optimizer_of(s);
    if (bg_optimizer_check(&made) != BG_OK)
        return output_usage("%s", bg_last_error());
    return 0;
}

bool optimizer_is_driver(const optimizer_settings *s)
{
    bg_optimizer own;
    return bg_optimizer_find(&own, s->name) == BG_OK && own.driver;
}

static int64_t in_updates(const update_count *count, int64_t in_epoch)
{
    int64_t times = count->counts_epochs ? in_epoch : 1;
    return count->count > INT64_MAX / times ? INT64_MAX : count->count * times;
}

/* The updates of the whole run: of all epochs, or up to the step where it ends. The batches behind the last whole
 * update of that step's epoch make none. */
static int64_t run_updates(const bg_trainer_options *options, int64_t batches, int64_t in_epoch, int64_t steps)
{
    int64_t k = options->accumulate ? options->accumulate : 1;
    update_count epochs = { .counts_epochs = true, .count = options->epochs };
    int64_t all = in_updates(&epochs, in_epoch), until = steps / batches * in_epoch + steps % batches / k;
    return steps > 0 && until < all ? (until > 0 ? until : 1) : all;
}

void optimizer_fill(const optimizer_settings *s, bg_trainer_options *options, int64_t examples, int64_t steps,
                    bg_schedule *parts)
{
    options->optimizer = optimizer_of(s);
    options->accumulate = s->accumulate;
    options->skips_nonfinite = s->skips_nonfinite;
    int64_t batches = (examples - 1) / options->batch + 1, k = s->accumulate ? s->accumulate : 1;
    int64_t in_epoch = (batches - 1) / k + 1;
    int64_t run = run_updates(options, batches, in_epoch, steps), warm_up = in_updates(&s->warm_up, in_epoch);
    bg_schedule schedule = s->parsed;
    if (s->length.is_given)
        schedule.length = in_updates(&s->length, in_epoch);
    else if (schedule.kind != BG_SCHEDULE_NONE)
        schedule.length = run > warm_up ? run - warm_up : 1;
    schedule_scale_milestones(&schedule, s->length.counts_epochs ? in_epoch : 1);
    if (s->warm_up.is_given) {
        parts[0] = bg_schedule_warm_up(warm_up);
        parts[1] = schedule;
        schedule = bg_schedule_sequential(parts, &warm_up, 2);
    }
    options->schedule = schedule;
    if (s->ema.is_some)
        options->averaging = (bg_averaging){ .kind = BG_AVERAGE_EMA, .decay = s->ema.value };
    if (s->swa_start.is_given)
        options->averaging = (bg_averaging){ .kind = BG_AVERAGE_SWA, .start = in_updates(&s->swa_start, in_epoch) };
}

static void describe_count(event *e, const char *key, const update_count *count)
{
    if (!count->is_given)
        return;
    char text[32];
    snprintf(text, sizeof text, "%lld%s", (long long)count->count, count->counts_epochs ? "e" : "");
    event_text(e, key, text);
}

void optimizer_describe(const optimizer_settings *s, event *e)
{
    bg_optimizer made = optimizer_of(s), own;
    bg_optimizer_find(&own, s->name);
    bool is_sgd = strcmp(s->name, "sgd") == 0, has_momentum = takes_momentum(s->name);
    bool has_rate = strcmp(s->name, "lm") != 0;
    event_text(e, "optimizer", s->name);
    if (has_rate)
        event_number(e, "lr", made.learning_rate);
    else
        event_number(e, "damping", made.lm.damping.value);
    if (strcmp(s->name, "lbfgs") == 0)
        event_integer(e, "history", made.lbfgs.history);
    if (is_sgd || strcmp(s->name, "muon") == 0)
        event_bool(e, "nesterov", made.nesterov);
    const struct {
        bool is_there;
        const char *key;
        double value;
    } numbers[] = {
        { has_momentum, "momentum", made.momentum },
        { is_sgd, "dampening", made.dampening },
        { !own.driver && strcmp(s->name, "rprop") != 0, "weight_decay", made.weight_decay },
        { own.beta1 != 0, "beta1", made.beta1 },
        { own.beta2 != 0, "beta2", made.beta2 },
        { own.eps != 0, "eps", made.eps },
        { s->clip_norm != 0, "clip_norm", s->clip_norm },
        { s->clip_value != 0, "clip_value", s->clip_value },
        { s->ema.is_some, "ema", s->ema.value },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (numbers[i].is_there)
            event_number(e, numbers[i].key, numbers[i].value);
    if (s->amsgrad)
        event_bool(e, "amsgrad", true);
    if (s->without_vector_decay)
        event_bool(e, "no_vector_decay", true);
    if (s->skips_nonfinite)
        event_bool(e, "skip_nonfinite", true);
    if (s->accumulate > 1)
        event_integer(e, "accumulate", s->accumulate);
    if (s->schedule)
        event_text(e, "schedule", s->schedule);
    describe_count(e, "warm_up", &s->warm_up);
    describe_count(e, "swa", &s->swa_start);
}

bool optimizer_recall(bg_optimizer *optimizer, const event *e)
{
    if (bg_optimizer_find(optimizer, event_get_text(e, "optimizer")) != BG_OK)
        return false;
    const struct {
        const char *key;
        double *value;
    } numbers[] = {
        { "lr", &optimizer->learning_rate },
        { "momentum", &optimizer->momentum },
        { "dampening", &optimizer->dampening },
        { "weight_decay", &optimizer->weight_decay },
        { "beta1", &optimizer->beta1 },
        { "beta2", &optimizer->beta2 },
        { "eps", &optimizer->eps },
        { "clip_norm", &optimizer->clip_norm },
        { "clip_value", &optimizer->clip_value },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (event_has(e, numbers[i].key))
            *numbers[i].value = event_get_number(e, numbers[i].key);
    if (event_has(e, "damping"))
        optimizer->lm.damping = BG_SOME(event_get_number(e, "damping"));
    if (event_has(e, "history"))
        optimizer->lbfgs.history = (int64_t)event_get_number(e, "history");
    optimizer->nesterov = event_equals(e, "nesterov", NULL);
    optimizer->amsgrad = event_equals(e, "amsgrad", NULL);
    if (event_equals(e, "no_vector_decay", NULL))
        leave_vectors_out(optimizer);
    return bg_optimizer_check(optimizer) == BG_OK;
}
