/* Archives and arrays written and read, tables, IDX files and the folders of MNIST and CIFAR. */
#define _POSIX_C_SOURCE 200809L
#include "cycle.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

/* ---- The folder ---- */

static char folder[256];

const char *folder_path(const char *name)
{
    static char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *name, const void *data, size_t bytes)
{
    bool is_compressed = strstr(name, ".gz");
    gzFile file = gzopen(folder_path(name), is_compressed ? "wb" : "wbT");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzwrite(file, data, (unsigned)bytes), (int)bytes);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

static void put_tables(void)
{
    static const char table[] = "a;\"b;c\";y\n1,5;2;3\n-1;0,25;4\n7;8;\"9\"\n";
    static const char words[] = "y a  b\n0 1.5 2\n2 -1e-3 4\n1 7 8\n";
    static const char ragged[] = "1;2;3\n4;5\n";
    enum { ROWS = 3000, WIDTH = 8 };
    static char many[ROWS * WIDTH];
    for (int i = 0; i < ROWS; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "%3d;%3d\n", i % 997, i % 89);
        memcpy(many + (size_t)i * WIDTH, line, WIDTH);
    }
    put_file("table.csv", table, sizeof table - 1);
    put_file("table.csv.gz", table, sizeof table - 1);
    put_file("words.txt", words, sizeof words - 1);
    put_file("ragged.csv", ragged, sizeof ragged - 1);
    put_file("many.csv", many, sizeof many);
}

static void put_images(void)
{
    enum { N = 20, SIDE = 4 };
    static const unsigned char numbers[] = { 0, 0, 14, 1, 0,    0, 0, 2, 0x3F, 0xF0, 0, 0,
                                             0, 0, 0,  0, 0xC0, 4, 0, 0, 0,    0,    0, 0 };
    static const unsigned char narrow[] = { 0, 0, 9, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 0xFF, 4, 0x80, 6 };
    unsigned char images[16 + N * SIDE * SIDE] = { 0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, SIDE, 0, 0, 0, SIDE };
    unsigned char labels[8 + N] = { 0, 0, 8, 1, 0, 0, 0, N };
    for (size_t i = 16; i < sizeof images; i++)
        images[i] = (unsigned char)(i * 37);
    for (size_t i = 8; i < sizeof labels; i++)
        labels[i] = (unsigned char)(i % 10);
    put_file("t10k-images-idx3-ubyte", images, sizeof images);
    put_file("t10k-labels-idx1-ubyte", labels, sizeof labels);
    put_file("numbers.idx.gz", numbers, sizeof numbers);
    put_file("narrow.idx", narrow, sizeof narrow);
    put_file("short.idx", images, sizeof images - 1);
}
static void put_training_images(void)
{
    static const unsigned char images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 255 };
    static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 12 };
    put_file("train-images-idx3-ubyte.gz", images, sizeof images);
    put_file("train-labels-idx1-ubyte.gz", labels, sizeof labels);
}

/* Column-major, so that the elements are laid out anew, and narrow, so that they become wider. */
static void put_arrays(void)
{
    static const char x[] = "\x93NUMPY\1\0\x40\0{'descr': '<i2', 'fortran_order': True, 'shape': (3, 2)}       \n"
                            "\1\0\2\0\3\0\4\0\5\0\6\0";
    static const char y[] = "\x93NUMPY\1\0\x40\0{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}        \n"
                            "\2\0\1";
    put_file("x.npy", x, sizeof x - 1);
    put_file("y.npy", y, sizeof y - 1);
    put_file("short.npy", x, sizeof x - 2);
}

static void put_cifar(void)
{
    enum { RECORD = 3074 };
    static unsigned char records[2 * RECORD];
    for (int i = 0; i < 2 * RECORD; i++)
        records[i] = (unsigned char)(i % RECORD < 2 ? 7 : i);
    put_file("train.bin", records, sizeof records);
    put_file("test.bin", records, RECORD);
}

static void put_archives(void)
{
    static const char header[] = "{\"t\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                                 "\"__metadata__\":{\"by\":\"another \\u00e4\"}}";
    unsigned char file[8 + sizeof header - 1 + 8] = { sizeof header - 1 };
    memcpy(file + 8, header, sizeof header - 1);
    put_file("another.safetensors", file, sizeof file);
    put_file("cut.safetensors", file, sizeof file - 1);
}

void folder_make(const scenario *s)
{
    const char *parent = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/blasgrad-XXXXXX", parent ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    put_tables();
    put_images();
    put_arrays();
    put_cifar();
    put_archives();
    if (s->text && !strcmp(s->text, "train"))
        put_training_images();
}

static int walk_folder(bool removes)
{
    int n = 0;
    DIR *listing = opendir(folder);
    ck_assert_ptr_nonnull(listing);
    for (const struct dirent *entry; (entry = readdir(listing));)
        if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2) {
            n++;
            if (removes)
                (void)unlink(folder_path(entry->d_name));
        }
    (void)closedir(listing);
    return n;
}
int folder_count(void) { return walk_folder(false); }
void folder_remove(void)
{
    (void)walk_folder(true);
    (void)rmdir(folder);
}

uint64_t folder_hash(const char *name)
{
    static unsigned char bytes[1 << 16];
    FILE *file = fopen(folder_path(name), "rb");
    if (!file)
        return 0;
    size_t count = fread(bytes, 1, sizeof bytes, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_uint_lt(count, sizeof bytes);
    return hash_bytes(0, bytes, count);
}

/* ---- Archives ---- */

static bg_status archived_tensors(cycle *c)
{
    bg_status status = BG_OK;
    for (int i = 0; i < BG_DTYPE_COUNT && !status; i++)
        status = make_tensor(c, i, (bg_dtype)i, BG_SHAPE(6, 8));
    if (!status)
        status = make_tensor(c, 6, BG_F64, BG_SHAPE(0, 3));
    if (!status && !c->tensors[7])
        status = bg_tensor_permute(&c->tensors[7], c->tensors[1], BG_AXES(1, 0));
    if (!status && !c->tensors[8])
        status = bg_tensor_slice(&c->tensors[8], c->tensors[3], 1, 1, 8, 3);
    return status;
}
static bg_status empty_archive(cycle *c) { return bg_archive_create(&c->archive, c->engine); }
static bg_status fill_archive(cycle *c)
{
    static const char *const names[] = { "x", "y", "one.weight", "classes", "pixels", "mask", "none", "turned", "cut" };
    bg_status status = c->archive ? BG_OK : empty_archive(c);
    for (int i = (int)bg_archive_count(c->archive); i < 9 && !status; i++)
        status = bg_archive_add(c->archive, names[i], c->tensors[i]);
    return status;
}
static bg_status add_texts(cycle *c)
{
    bg_status status = BG_OK;
    char key[] = "key 0";
    for (; key[4] < '5' && !status; key[4]++)
        if (!bg_archive_text(c->archive, key))
            status = bg_archive_add_text(c->archive, key, "dense:40 \"gelu\" \n dense:3");
    return status;
}
static bg_status refused_entries(cycle *c)
{
    bg_status status = expected_to_fail(bg_archive_add(c->archive, "x", c->tensors[0]), BG_ERR_ARGUMENT);
    return status ? status : expected_to_fail(bg_archive_add_text(c->archive, "\xFF", "no UTF-8"), BG_ERR_ARGUMENT);
}
static bg_status save(cycle *c) { return bg_archive_save(c->archive, folder_path("saved.safetensors")); }
static bg_status write_file(cycle *c) { return bg_file_write(c->engine, folder_path("saved.json"), "{}", 2); }
/* jansson 2.14 does not look whether its buffer for a string could grow: short of memory it loses characters, and with
 * some of them the end of its own memory. So no allocation of the C library fails while it reads. */
static bg_status load_file(cycle *c, const char *name)
{
    bg_status status = bg_archive_load(&c->loaded, c->engine, folder_path(name));
    for (size_t i = 0; !status && i < bg_archive_count(c->loaded); i++)
        c->hash = hash_tensor(c->hash, bg_archive_tensor(c->loaded, i));
    const char *text = status ? NULL : bg_archive_text(c->loaded, "key 0");
    if (text)
        c->hash = hash_bytes(c->hash, text, strlen(text));
    return status;
}
static bg_status load(cycle *c) { return load_file(c, "saved.safetensors"); }
static bg_status load_another(cycle *c) { return load_file(c, c->scenario->text); }
static bg_status load_broken(cycle *c) { return expected_to_fail(load_another(c), BG_ERR_FORMAT); }
static bg_status load_missing(cycle *c) { return expected_to_fail(load_another(c), BG_ERR_IO); }
static bg_status change_a_tensor(cycle *c) { return bg_tensor_fill(c->tensors[0], 3); }

static bg_status models(cycle *c)
{
    bg_status status = c->model ? BG_OK : bg_model_create(&c->model, c->engine, BG_F32);
    return status || c->second_model ? status : bg_model_create(&c->second_model, c->engine, BG_F32);
}
static bg_status first_values(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F32, BG_SHAPE(5, 7));
    if (!status)
        status = bg_model_set(c->model, "one.weight", c->tensors[0], true);
    return status ? status : bg_model_set(c->model, "count", c->tensors[0], false);
}
static bg_status archive_model(cycle *c)
{
    bg_status status = c->archive ? BG_OK : empty_archive(c);
    for (size_t i = bg_archive_count(c->archive); i < bg_model_count(c->model) && !status; i++)
        status = bg_archive_add(c->archive, bg_model_name(c->model, i), bg_model_tensor(c->model, i));
    return status;
}
static bg_status take_over(cycle *c)
{
    bg_status status = BG_OK;
    for (size_t i = 0; i < bg_archive_count(c->loaded) && !status; i++)
        status = bg_model_set(c->second_model, bg_archive_name(c->loaded, i), bg_archive_tensor(c->loaded, i), i == 0);
    return status;
}

/* ---- Tables ---- */

static bg_status read_with(cycle *c, bg_data_options options)
{
    bg_status status = bg_data_read_csv(&c->data[0], c->engine, folder_path(c->scenario->text), &options);
    if (!status)
        take_in(c, c->data[0]);
    return status;
}
static bg_status read_csv(cycle *c)
{
    return read_with(c, (bg_data_options){ .dtype = BG_F64, .delimiter = ';', .decimal = ',' });
}
static bg_status read_words(cycle *c)
{
    return read_with(c, (bg_data_options){ .delimiter = ' ', .target = "y", .with_classes = true });
}
static bg_status read_numbers(cycle *c)
{
    return read_with(c, (bg_data_options){ .delimiter = ';', .without_header = true, .target = "0" });
}
static bg_status read_broken_csv(cycle *c) { return expected_to_fail(read_csv(c), BG_ERR_FORMAT); }

/* ---- IDX ---- */

static bg_status read_idx(cycle *c)
{
    return bg_data_read_idx(&c->tensors[0], c->engine, folder_path(c->scenario->text));
}
static bg_status read_broken_idx(cycle *c) { return expected_to_fail(read_idx(c), BG_ERR_FORMAT); }
static bg_status read_mnist(cycle *c)
{
    bg_status status = bg_data_read_mnist(&c->data[0], &c->data[1], c->engine, folder, NULL);
    for (int i = 0; i < 2 && !status; i++)
        take_in(c, c->data[i]);
    return status;
}
/* ---- Arrays ---- */

static bg_status load_npy(cycle *c) { return bg_npy_load(&c->tensors[0], c->engine, folder_path(c->scenario->text)); }
static bg_status load_broken_npy(cycle *c) { return expected_to_fail(load_npy(c), BG_ERR_FORMAT); }
static bg_status turn(cycle *c)
{
    return c->tensors[1] ? BG_OK : bg_tensor_permute(&c->tensors[1], c->tensors[0], BG_AXES(1, 0));
}
static bg_status save_npy(cycle *c) { return bg_npy_save(c->tensors[1], folder_path("saved.safetensors")); }
static bg_status load_saved_npy(cycle *c)
{
    return bg_npy_load(&c->tensors[2], c->engine, folder_path("saved.safetensors"));
}
static bg_status save_npz(cycle *c)
{
    const bg_npz_options options = { .with_deflate = c->scenario->text != NULL };
    return bg_npz_save(c->archive, folder_path("saved.safetensors"), &options);
}
static bg_status load_npz(cycle *c)
{
    bg_status status = bg_npz_load(&c->loaded, c->engine, folder_path("saved.safetensors"), NULL);
    for (size_t i = 0; !status && i < bg_archive_count(c->loaded); i++)
        c->hash = hash_tensor(c->hash, bg_archive_tensor(c->loaded, i));
    return status;
}
static bg_status read_arrays(cycle *c)
{
    char y[600];
    (void)snprintf(y, sizeof y, "%s", folder_path("y.npy"));
    const bg_data_options options = { .target_file = y };
    bg_status status = bg_data_read_arrays(&c->data[0], c->engine, folder_path("x.npy"), &options);
    if (!status)
        take_in(c, c->data[0]);
    return status;
}
static bg_status read_npz(cycle *c)
{
    const bg_data_options options = { .dtype = BG_F64, .target = "x" };
    bg_status status = bg_data_read_arrays(&c->data[0], c->engine, folder_path("saved.safetensors"), &options);
    if (!status)
        take_in(c, c->data[0]);
    return status;
}
static bg_status read_cifar(cycle *c)
{
    bg_status status = bg_data_read_cifar(&c->data[0], &c->data[1], c->engine, folder, NULL);
    for (int i = 0; i < 2 && !status; i++)
        take_in(c, c->data[i]);
    return status;
}

const scenario file_scenarios[] = {
    { .name = "archive",
      .stages = { engine_1, archived_tensors, fill_archive, add_texts, save, load },
      .writes = true,
      .json_stage = 5 },
    { .name = "archive of nothing",
      .stages = { engine_1, empty_archive, save, load },
      .writes = true,
      .json_stage = 3 },
    { .name = "archive of texts",
      .stages = { engine_1, empty_archive, add_texts, save, load },
      .writes = true,
      .json_stage = 4 },
    { .name = "archive saved twice",
      .stages = { engine_1, archived_tensors, fill_archive, save, change_a_tensor, save, load },
      .writes = true,
      .json_stage = 6 },
    { .name = "whole file", .stages = { engine_1, write_file, write_file }, .writes = true },
    { .name = "archive that refuses", .stages = { engine_1, archived_tensors, fill_archive, refused_entries } },
    { .name = "archive of a model",
      .stages = { engine_1, models, first_values, archive_model, save, load, take_over },
      .writes = true,
      .json_stage = 5 },
    { .name = "archive of another writer",
      .stages = { engine_1, load_another },
      .text = "another.safetensors",
      .json_stage = 1 },
    { .name = "archive that is cut", .stages = { engine_1, load_broken }, .text = "cut.safetensors", .json_stage = 1 },
    { .name = "archive that is not there", .stages = { engine_1, load_missing }, .text = "none.safetensors" },
    { .name = "CSV", .stages = { engine_1, read_csv }, .text = "table.csv" },
    { .name = "compressed CSV", .stages = { engine_1, read_csv }, .text = "table.csv.gz" },
    { .name = "CSV with blanks and classes", .stages = { engine_1, read_words }, .text = "words.txt" },
    { .name = "CSV of many lines", .stages = { engine_1, read_numbers }, .text = "many.csv" },
    { .name = "CSV that is ragged", .stages = { engine_1, read_broken_csv }, .text = "ragged.csv" },
    { .name = "IDX of bytes", .stages = { engine_1, read_idx }, .text = "t10k-images-idx3-ubyte" },
    { .name = "IDX of numbers, compressed", .stages = { engine_1, read_idx }, .text = "numbers.idx.gz" },
    { .name = "IDX of narrow integers", .stages = { engine_1, read_idx }, .text = "narrow.idx" },
    { .name = "IDX that is short", .stages = { engine_1, read_broken_idx }, .text = "short.idx" },
    { .name = "MNIST, the test alone", .stages = { engine_1, read_mnist } },
    { .name = "NPY",
      .stages = { engine_1, load_npy, turn, save_npy, load_saved_npy },
      .text = "x.npy",
      .writes = true },
    { .name = "NPY that is short", .stages = { engine_1, load_broken_npy }, .text = "short.npy" },
    { .name = "NPZ", .stages = { engine_1, archived_tensors, fill_archive, save_npz, load_npz }, .writes = true },
    { .name = "NPZ, compressed",
      .stages = { engine_1, archived_tensors, fill_archive, save_npz, load_npz, read_npz },
      .text = "deflate",
      .writes = true },
    { .name = "arrays", .stages = { engine_1, read_arrays } },
    { .name = "CIFAR", .stages = { engine_1, read_cifar } },
    { .name = "MNIST", .stages = { engine_1, read_mnist }, .text = "train" },
};
const int file_scenario_count = sizeof file_scenarios / sizeof *file_scenarios;
