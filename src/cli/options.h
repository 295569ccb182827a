/* Option parsing shared by the commands. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <blasgrad/engine.h>

#include <argp.h>

/* Parses the arguments; on a mistake writes a message and exits with code 2. Options that do not exist are answered
 * with those that do. Children's inputs are set in the parser's ARGP_KEY_INIT. */
void options_parse(const struct argp *argp, int argc, char **argv, void *input);
/* The check of names alone, which exits as above. */
void options_check(const struct argp *argp, int argc, char *const *argv);

/* The option given behind place *i of the arguments, which becomes that of its last word, and its value, or NULL; NULL
 * if there is none any more. Start with *i = 0. Words that are no option are passed over. */
const struct argp_option *options_next(const struct argp *argp, int argc, char *const *argv, int *i,
                                       const char **value);
/* The option of this whole name, or NULL. */
const struct argp_option *options_find(const struct argp *argp, const char *name);

/* The value of an option, checked; a mistake exits as above, naming the option and what it takes. */
int64_t option_integer(struct argp_state *state, const char *option, const char *text, int64_t min, int64_t max);
double option_number(struct argp_state *state, const char *option, const char *text, double min, double max);
/* The place of the text in a list that ends with NULL. */
int option_choice(struct argp_state *state, const char *option, const char *text, const char *const *choices);
/* Whole numbers, 1 or more, with a letter or comma between them: 3x32x32. Returns how many there are. */
int option_list(struct argp_state *state, const char *option, const char *text, char separator, int64_t max,
                int64_t *numbers, int capacity);
/* Who multiplies, the value of --gemm-provider. */
#define OPTION_GEMM      "gemm-provider"
#define OPTION_GEMM_HELP "auto: whoever is fastest for the shape (default), or openblas: always OpenBLAS"
bg_gemm option_gemm(struct argp_state *state, const char *text);
/* One character, or "tab". */
char option_character(struct argp_state *state, const char *option, const char *text);

/* Options of every command that starts an engine. */
typedef struct {
    int threads; /* 0: the engine's choice */
    uint64_t seed;
    bool has_seed;
    bg_gemm gemm;
    bool json;
} common_options;
/* What they say of the engine. */
bg_engine_options common_engine(const common_options *options);
extern const struct argp common_argp;

/* Keys of long options, above all characters. Each parser has a range of its own. */
enum {
    KEYS_COMMON = 0x100,
    KEYS_DATA = 0x200,
    KEYS_COMMAND = 0x300,
    KEYS_OPTIMIZER = 0x400,
    KEYS_CHECKPOINT = 0x500,
    KEYS_TABLE = 0x600,
    KEYS_PARTS = 0x700,
    KEYS_TERMINAL = 0x800,
    KEYS_NETWORK = 0x900
};

#endif
