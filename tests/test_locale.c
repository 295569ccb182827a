/* Numbers and files are the same whatever the host's locale: here one with a decimal comma. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp, setenv */
#include "support/counting.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- A locale with a comma ---- */

static char made_in[256]; /* the folder of a locale that was made for this test */
static const char *comma; /* its name; NULL: there is none, and none can be made */

static bool has_comma(const char *name)
{
    bool found = setlocale(LC_ALL, name) && *localeconv()->decimal_point == ',';
    (void)setlocale(LC_ALL, "C");
    return found;
}

/* Debian's localedef comes with the C library, what it reads with the package locales. */
static void find_comma(void)
{
    static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "pl_PL.UTF-8", "pt_BR.UTF-8" };
    for (size_t i = 0; i < sizeof names / sizeof *names && !comma; i++)
        comma = has_comma(names[i]) ? names[i] : NULL;
    if (comma)
        return;
    char command[600];
    const char *parent = getenv("TMPDIR");
    (void)snprintf(made_in, sizeof made_in, "%s/blasgrad-locale-XXXXXX", parent && *parent ? parent : "/tmp");
    if (!mkdtemp(made_in))
        return;
    (void)snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >/dev/null 2>&1", made_in);
    (void)!system(command);
    (void)setenv("LOCPATH", made_in, 1);
    comma = has_comma("de_DE.UTF-8") ? "de_DE.UTF-8" : NULL;
}

static void remove_made(void)
{
    char command[600];
    (void)snprintf(command, sizeof command, "rm -r '%s'", made_in);
    if (*made_in)
        (void)!system(command);
}

static void begin_with_comma(void)
{
    ck_assert_msg(comma != NULL, "no locale with a decimal comma is installed, and localedef cannot make de_DE.UTF-8: "
                                 "install the package locales");
    scratch_begin();
    ck_assert_ptr_nonnull(setlocale(LC_ALL, comma));
    char text[8];
    (void)snprintf(text, sizeof text, "%.1f", 0.5);
    ck_assert_str_eq(text, "0,5");
}
static void end_with_comma(void)
{
    (void)setlocale(LC_ALL, "C");
    scratch_end();
}

/* ---- Tables ---- */

static const char points[] = "a;b\n1.5;2.25e-30\n0.1234567890123456789012;4\n";
static const char commas[] = "a;b\n1,5;2,25e-30\n0,1234567890123456789012;4\n";

static bg_dataset *read_table(const char *text, char decimal)
{
    bg_dataset *dataset;
    bg_data_options options = { .delimiter = ';', .decimal = decimal, .dtype = BG_F64 };
    OK(bg_data_read_csv(&dataset, scratch_engine(), scratch_write("t", text, strlen(text)), &options));
    return dataset;
}

START_TEST(tables)
{
    bg_dataset *const read[] = { read_table(points, 0), read_table(points, '.'), read_table(commas, ',') };
    for (int i = 0; i < 3; i++) {
        ck_assert(x_of(read[i], 0) == 3.0 / 2 && y_of(read[i], 0) == 9e-30 / 4);
        ck_assert(x_of(read[i], 1) == 0.1234567890123456789012 && y_of(read[i], 1) == 4);
        bg_dataset_destroy(read[i]);
    }
    bg_dataset *none = NULL;
    bg_data_options options = { .delimiter = ';', .dtype = BG_F64 };
    FAILS(bg_data_read_csv(&none, scratch_engine(), scratch_write("t", commas, sizeof commas - 1), &options),
          BG_ERR_FORMAT, "1,5");
}
END_TEST

/* ---- A model: from a table to a file ---- */

static bg_node *network(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

/* A hash of the table's numbers, the trained weights, the metrics and the file they are saved in. */
static uint64_t train_and_save(void)
{
    static char text[4000], line[] = "dense:5 tanh dense:1";
    size_t length = 0;
    for (int i = 0; i < 60; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%d.%d;-0.%d;%d.%de-1\n", i % 7, i * 37 % 100,
                                   i * 53 % 1000, i % 5, i * 11 % 10);
    bg_dataset *data = read_table(text, '.'), *train, *test;
    bg_model *model;
    bg_trainer *trainer;
    bg_metrics metrics;
    bg_archive *archive, *loaded;
    bg_trainer_options options = {
        .network = network, .user = line, .loss = bg_l2_loss, .optimizer = bg_sgd(0.05, 0.9), .batch = 8, .epochs = 5
    };
    OK(bg_dataset_split(&train, &test, data, 45, 2));
    OK(bg_model_create(&model, scratch_engine(), BG_F64));
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, train, test, NULL, NULL));
    OK(bg_trainer_evaluate(trainer, test, &metrics));
    OK(bg_archive_create(&archive, scratch_engine()));
    for (size_t i = 0; i < bg_model_count(model); i++)
        OK(bg_archive_add(archive, bg_model_name(model, i), bg_model_tensor(model, i)));
    OK(bg_archive_add_text(archive, "learning_rate", "0.05"));
    const char *path = scratch_path("model.safetensors");
    OK(bg_archive_save(archive, path));
    OK(bg_archive_load(&loaded, scratch_engine(), path));
    ck_assert_uint_eq(bg_archive_count(loaded), bg_model_count(model));
    ck_assert_str_eq(bg_archive_text(loaded, "learning_rate"), "0.05");

    size_t bytes;
    unsigned char *file = scratch_read(path, &bytes);
    uint64_t hash = hash_bytes(0, file, bytes);
    hash = hash_bytes(hash, &metrics.loss, sizeof metrics.loss);
    hash = hash_tensor(hash_tensor(hash, bg_dataset_column(data, 0)), bg_dataset_column(data, 1));
    for (size_t i = 0; i < bg_archive_count(loaded); i++)
        hash = hash_tensor(hash, bg_archive_tensor(loaded, i));
    free(file);
    bg_archive_destroy(loaded);
    bg_archive_destroy(archive);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(train);
    bg_dataset_destroy(test);
    bg_dataset_destroy(data);
    return hash;
}

START_TEST(models)
{
    uint64_t with_comma = train_and_save();
    ck_assert_ptr_nonnull(setlocale(LC_ALL, "C"));
    ck_assert_uint_eq(train_and_save(), with_comma);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("locale");
    TCase *tests = tcase_create("locale");
    tcase_add_checked_fixture(tests, begin_with_comma, end_with_comma);
    tcase_add_test(tests, tables);
    tcase_add_test(tests, models);
    suite_add_tcase(suite, tests);
    find_comma();
    int result = run_suite(suite);
    remove_made();
    return result;
}
