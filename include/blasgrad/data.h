/* Data sets: examples in memory, built-in data, and readers. */
#ifndef BLASGRAD_DATA_H
#define BLASGRAD_DATA_H

#include <blasgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Examples: any number of columns, each with its part of all examples. By custom column 0 is the input and column 1 the
 * target. Columns are tensors in memory, or come from a bg_source. */
typedef struct bg_dataset bg_dataset;

/* A data set over tensors, which it keeps alive. BG_ERR_SHAPE if a column has rank 0 or another number of examples.
 * classes: the number of classes if the target holds class indices, else 0. */
BG_API bg_status bg_dataset_create(bg_dataset **dataset, bg_tensor *const *columns, int n, int64_t classes);

/* What each example has in a column. */
typedef struct {
    bg_dtype dtype;
    bg_shape shape; /* of one example: BG_SCALAR for a number or class */
} bg_column;

/* Examples that are not in memory: read from a file, or made, when a batch needs them. */
typedef struct {
    int64_t size; /* how many examples there are */
    const bg_column *columns;
    int n_columns;
    int64_t classes;  /* if the target holds class indices, else 0 */
    const char *name; /* for messages; NULL: none */
    /* Writes n examples, of any numbers from 0 to size - 1, in any order and maybe twice: columns[c] gets those of
     * column c, row-major, one example behind the other, and nothing if it is NULL. The same number has to stand for
     * the same example whenever it is read. Calls come from one thread at a time, but not always the same: those of
     * fits and evaluations from a thread of the trainer. They may not read from their own data set, nor run programs of
     * the engine, which may be running one. Whatever it returns but BG_OK ends what asked for the examples, with that
     * status and, also if it was another thread, the message that was given to bg_fail; a fit has then done the steps
     * before them.
     */
    bg_status (*read)(void *user, const int64_t *examples, int64_t n, void *const *columns);
    void (*destroy)(void *user); /* of user, called once, with the last data set that reads from it; may be NULL */
    void *user;
} bg_source;

/* A data set over a source. What it points to is copied, user goes over to it, unless this fails. Everything works on
 * it that works on tensors, but for bg_dataset_column: what is sliced, split or scaled reads from the source as it is
 * needed, without any index kept in memory but that of bg_dataset_split_stratified. BG_ERR_ARGUMENT, BG_ERR_SHAPE,
 * BG_ERR_DTYPE, BG_ERR_OVERFLOW for columns of more than 2^63 bytes. */
BG_API bg_status bg_dataset_create_from(bg_dataset **dataset, bg_engine *engine, const bg_source *source);

BG_API void bg_dataset_destroy(bg_dataset *dataset);
BG_API int64_t bg_dataset_size(const bg_dataset *dataset);
BG_API int bg_dataset_columns(const bg_dataset *dataset);
/* The tensor of column i; NULL if there is none, or its examples are not in memory. */
BG_API bg_tensor *bg_dataset_column(const bg_dataset *dataset, int i);
/* The type and the shape [n, ..] of column i; BG_DTYPE_COUNT and a scalar if there is none. */
BG_API bg_dtype bg_dataset_dtype(const bg_dataset *dataset, int i);
BG_API bg_shape bg_dataset_shape(const bg_dataset *dataset, int i);
/* Copies n examples of these numbers, whether they are in memory or not: columns as of bg_source's read.
 * BG_ERR_INDEX names a number outside of 0 .. size - 1. */
BG_API bg_status bg_dataset_read(const bg_dataset *dataset, const int64_t *examples, int64_t n, void *const *columns);
BG_API int64_t bg_dataset_classes(const bg_dataset *dataset);
BG_API const char *bg_dataset_name(const bg_dataset *dataset);
/* The characters of a text whose tokens are characters: token i stands for the i-th of them; else NULL. */
BG_API const char *bg_dataset_vocabulary(const bg_dataset *dataset);

/* Of a table: the name of class i, if classes have names; the header's name of the i-th input. Else NULL. */
BG_API const char *bg_dataset_class_name(const bg_dataset *dataset, int64_t i);
BG_API const char *bg_dataset_feature_name(const bg_dataset *dataset, int64_t i);

/* XXH3 of the types, shapes and elements of all columns: whether two data sets have the same content. What is not in
 * memory is read through once a column. */
BG_API bg_status bg_dataset_hash(uint64_t *hash, const bg_dataset *dataset);

/* Examples [start, stop), as views. */
BG_API bg_status bg_dataset_slice(bg_dataset **part, const bg_dataset *dataset, int64_t start, int64_t stop);
/* The examples of n data sets, one behind the other, as copies. All have as many columns, of the same types and shapes
 * of an example (else BG_ERR_SHAPE, BG_ERR_DTYPE), and the same names of inputs and vocabulary. There are as many
 * classes as the part with most has; where classes have names, those of all parts together, numbered anew by their
 * order byte by byte unless the parts agree in them. BG_ERR_FORMAT names the part that disagrees, by its name or
 * number. If a part is not in memory, the whole is not either, and keeps its parts. */
BG_API bg_status bg_dataset_join(bg_dataset **all, bg_dataset *const *parts, int n);
/* The examples in an order permuted by the seed, as copies (of a source: as views): the first `size` of them in
 * `first`, the rest in `second`. */
BG_API bg_status bg_dataset_split(bg_dataset **first, bg_dataset **second, const bg_dataset *dataset, int64_t size,
                                  uint64_t seed);

/* As bg_dataset_split, with the classes (column 1) in each part as in the whole: of class c, which has n_c of the n
 * examples, the first part gets n_c size / n, rounded so that the parts add up (largest remainders, the smaller class
 * first of equal ones). Of a source the classes are read through once and kept meanwhile, a byte each of up to 256;
 * then a part takes nine bits for eight examples of the whole. BG_ERR_ARGUMENT without classes, and for a class that is
 * none. */
BG_API bg_status bg_dataset_split_stratified(bg_dataset **first, bg_dataset **second, const bg_dataset *dataset,
                                             int64_t size, uint64_t seed);

/* Scaling the elements of a column place by place, (x - shift) scale: to mean 0 and variance 1 (that of all n, as
 * scikit-learn's StandardScaler), or to 0 for the smallest and 1 for the largest. */
typedef enum { BG_SCALING_STANDARD, BG_SCALING_MIN_MAX } bg_scaling;
/* What does that for a column, f32 or f64, of a data set: shift and scale have an example's shape, f64. NaN counts for
 * nothing; a place whose examples are all equal gets a scale of 1. Fit it to the training part, and scale the test part
 * by it too. BG_ERR_ARGUMENT, also for an infinite element; BG_ERR_DTYPE. */
BG_API bg_status bg_dataset_scaling(bg_tensor **shift, bg_tensor **scale, const bg_dataset *dataset, int column,
                                    bg_scaling scaling);
/* The data set with that column scaled, computed in f64 (of a source: when it is read); the others are the same
 * tensors. shift and scale as above, copied: BG_ERR_SHAPE if they have another shape. */
BG_API bg_status bg_dataset_scale(bg_dataset **scaled, const bg_dataset *dataset, int column, const bg_tensor *shift,
                                  const bg_tensor *scale);

/* How far principal components are brought to variance 1: not; each of them; or each of them and then turned back, so
 * that an example stays as near as it can to what it was, and keeps its shape (ZCA: Bell and Sejnowski, The
 * "independent components" of natural scenes are edge filters, 1997). */
typedef enum { BG_WHITENING_NONE, BG_WHITENING_PCA, BG_WHITENING_ZCA } bg_whitening;
/* Zero: all components, min(examples, places) of them, as they are. */
typedef struct {
    int64_t components; /* how many of them: those of the largest variance */
    double share;       /* above 0 to 1, in place of .components: as few as have this share of the variance */
    bg_whitening whitening;
    double eps; /* whitening: added to the variances, so that those of small ones are not blown up */
} bg_pca_options;
/* Principal components of a column: orthonormal directions v of examples, in the order of the variance that training
 * examples have along them, which is Σ / (n - 1), as of scikit-learn's PCA. The first of the largest elements of each
 * is positive. Tensors are f64; [..] is the shape of an example, of so many places. Those of all components: not
 * whitened   matrix v, inverse vᵀ PCA            matrix f v, inverse vᵀ / f, with f = 1 / sqrt(variance + eps), or 1
 * for 1 / 0 ZCA            matrix vᵀ f v, inverse vᵀ v / f */
typedef struct {
    bg_tensor *shift;     /* [..]: the mean of the examples */
    bg_tensor *matrix;    /* [components, places]; ZCA: [.., places] */
    bg_tensor *inverse;   /* [.., components]; ZCA: [.., places] */
    bg_tensor *variances; /* [components], descending; 0 where only rounding is left of the largest: up to places
                             epsilon of it */
    double share;         /* that these have of the whole variance; 1 if there is none */
} bg_pca;
/* Finds them out from a column, f32 or f64, of 2 examples or more, with memory for 5 places²; of a source in two
 * passes. Columns of very different sizes are scaled first. The same bits wherever the examples are kept and for any
 * number of threads. BG_ERR_ARGUMENT, also for more than min(examples, places) components, 16,384 places and an element
 * that is not finite; BG_ERR_DTYPE, BG_ERR_SHAPE without places, BG_ERR_NUMERIC. */
BG_API bg_status bg_pca_create(bg_pca **pca, const bg_dataset *dataset, int column, const bg_pca_options *options);
/* And its tensors; one that is to stay is taken out before, and NULL put there. */
BG_API void bg_pca_destroy(bg_pca *pca);
/* The data set with a column, f32 or f64, of examples y = matrix (x - shift) + offset, in f64 (of a source: when they
 * are read); the others are the same tensors. matrix [.., places] gives examples of shape [..]; shift has the shape of
 * x, offset that of y, and NULL is 0: with .shift and .matrix of a PCA to its components, with offset .shift and matrix
 * .inverse back, to what those components tell of x. All are f64 and copied. The names of inputs are those of column 0
 * and go with it. An example gives the same bits whatever else is read with it. BG_ERR_ARGUMENT, BG_ERR_SHAPE,
 * BG_ERR_DTYPE. */
BG_API bg_status bg_dataset_project(bg_dataset **projected, const bg_dataset *dataset, int column,
                                    const bg_tensor *shift, const bg_tensor *matrix, const bg_tensor *offset);

/* What training changes at random in images [n, h, w] or [n, c, h, w] (noise: in inputs of any shape), anew in each
 * epoch; what it is follows from the engine's seed, the epoch and the example's number alone. Zero: nothing. */
typedef struct {
    bool flips;    /* left and right change places in half of them */
    int64_t shift; /* down and right by whole numbers of pixels from -shift to shift, zeros come in: a random crop of
                      the image with a border of zeros */
    double noise;  /* standard deviation of what is added to each element, normally distributed */
} bg_augmentation;

/* The permutation of shuffles: where place i of n goes under a key; i itself if it is none of them. A bijection of
 * 0 .. n - 1 for every key, computed without memory: rounds that move the columns and then the rows of a grid by random
 * numbers of Philox, with cycle walking. */
BG_API uint64_t bg_permute_index(uint64_t i, uint64_t n, uint64_t seed, uint64_t stream);

/* What becomes of fields that are missing in a table: empty, or NA, N/A, nan, null or ? in letters of any case. */
typedef enum {
    BG_MISSING_ERROR, /* BG_ERR_FORMAT */
    BG_MISSING_NAN,
    BG_MISSING_MEAN, /* the mean of those values of the column that this file has */
    BG_MISSING_DROP, /* its row is left out */
    BG_MISSING_VALUE /* .missing_value */
} bg_missing;

/* Options of the readers and of the built-in data; zero is the default.
 *
 * Where tables, arrays and texts are read, a path may be that of a folder: its files, whatever their names, are read
 * one behind the other, in the order of their names byte by byte. Those whose names begin with a dot are left out; a
 * folder in it, or nothing, is BG_ERR_FORMAT. target_file is then a folder too, whose first file belongs to the first,
 * and so on. While a folder of tables or arrays is read, it takes memory for the data twice. */
typedef struct {
    bg_dtype dtype;      /* of inputs (and of targets that are not classes): BG_F32 (the default) or BG_F64 */
    int64_t count;       /* strokes: examples to make; default 10,000 */
    uint64_t seed;       /* strokes */
    char delimiter;      /* CSV: default ','; ' ' stands for runs of blanks and tabs */
    char decimal;        /* CSV: decimal mark, '.' (the default) or ','; the delimiter is then another one, as ';' */
    const char *target;  /* CSV: the target column's name, or its number from 0; or several columns: names, numbers
                            and ranges such as 2-5 with commas between them. Default: the last column, or with
                            .feature_names the only one that is no input */
    bool without_header; /* CSV: the first line is data, see bg_data_read_csv */
    bool with_classes;   /* CSV: the target column holds classes */
    int64_t skip_lines;  /* CSV: lines at the file's beginning that are left out */
    const char *target_file; /* CSV: another table, in which .target is, row by row; default: all of its columns. The
                                NPY file of the targets of an NPY file */
    const char *features;    /* CSV: the columns that are inputs, listed as .target; default: all but the targets */
    bg_missing missing;      /* CSV: in the columns that are read; a missing class is an error or drops its row */
    double missing_value;    /* CSV: with BG_MISSING_VALUE */
    bool with_infinite;      /* CSV: inf and infinity in letters of any case, with a sign or without, are numbers that
                                are no classes; means of a column are without them */
    bool without_target;     /* CSV and arrays: inputs alone */
    bool with_row_numbers;   /* CSV: one more column behind the others, i64 [n]: the number of each example's row in
                                the file, from 0, whatever rows are left out; BG_ERR_ARGUMENT of a folder */
    /* CSV: lists that end with NULL: the names of classes 0, 1, ..; in place of .features, names of columns, whole
     * ones. With the names that another data set has, a table is read as that one was, whatever the order of its
     * columns and classes. */
    const char *const *class_names, *const *feature_names;
    int64_t context;        /* text: tokens of an example's input; default 64 */
    bool with_bytes;        /* text: tokens are bytes, not characters */
    double test_share;      /* text: the share at its end that is the test, from 0 (none) to below 1 */
    const char *vocabulary; /* text: the characters that are tokens, as bg_dataset_vocabulary gives them; default:
                               those that occur */

    /* Arrays, see bg_data_read_arrays. with_classes: the target holds class indices. */
    const char *input;    /* the inputs' name in an NPZ file; default: x. That of the targets is `target`; default: y */
    bool without_classes; /* integer targets are numbers too */
    bool streams;         /* NPY, CSV, IDX and CIFAR: examples are read from a file when they are needed, and only then;
                             BG_ERR_ARGUMENT of other data */

    bool with_coarse_labels; /* CIFAR-100: classes are the 20 coarse ones, not the 100 fine ones */
} bg_data_options;

/* Built-in data:
 *   "lecture"   five rows x [5, 2], y [5, 1]
 *   "digits"    1,797 digits [n, 64] with values / 16, and classes; UCI optical recognition of handwritten digits,
 *               CC BY 4.0
 *   "strokes"   digits [n, 28, 28] with values in [0, 1], drawn from random strokes, and classes; example i depends on
 *               the seed and i alone, and of each ten in a row every digit is one
 * BG_ERR_ARGUMENT lists the names if there is none of this name. */
BG_API bg_status bg_data_builtin(bg_dataset **dataset, bg_engine *engine, const char *name,
                                 const bg_data_options *options);

/* A CSV table in UTF-8, gzipped or not: inputs [n, features] and targets [n, targets], or with with_classes classes [n]
 * as i64. The first line is a header if one of its fields begins like a name: not with a digit, sign or decimal mark,
 * and not a word for a missing number such as nan; but not by the name of a class, in the column that has them, if the
 * next line has one there too. Blank lines are left out; a field may stand in quotes. Numbers are decimal, rounded to
 * the nearest value of the dtype, whatever the locale. Classes are whole numbers from 0 to 16,777,215, as many as the
 * largest plus one; or, if the first is no number, names, numbered by their order byte by byte, 65,536 at most. Those
 * of rows that are left out do not count. .skip_lines, .without_header and the marks hold for the file of targets too.
 * Of a folder, the tables in it are read one behind the other, see bg_dataset_join: the same columns, and a header in
 * each or in none. A file is read twice, so that memory is taken for its rows once; one that is gzipped, or a pipe, is
 * read once, and rows beyond 16 KiB wait in a file without a name until it is known how many there are: in the folder
 * of the environment variable TMPDIR or else in /tmp, as large as they are in memory.
 * With .streams any file is read once, and its rows stay in such a file, one for all tables of a folder: a source, see
 * bg_dataset_create_from. Of them no more is in memory than 16 KiB or one row.
 * Errors name file, line and column: BG_ERR_FORMAT for a field that is missing or no finite number, lines with
 * different numbers of fields, files with different numbers of rows, columns that are not there, a zero byte, a line of
 * more than 1 MiB; BG_ERR_ARGUMENT, BG_ERR_IO, BG_ERR_NOMEM. */
BG_API bg_status bg_data_read_csv(bg_dataset **dataset, bg_engine *engine, const char *path,
                                  const bg_data_options *options);
/* One IDX file, gzipped or not, as a tensor of its own type (u8, i32, f32, f64; i8 and i16 become i32), of rank 1 to 4.
 * Errors name file and offset. */
BG_API bg_status bg_data_read_idx(bg_tensor **tensor, bg_engine *engine, const char *path);
/* Images in one IDX file, u8 [n, rows, columns], as inputs / 255, and their labels in another, u8 [n], as classes;
 * their number is the largest plus one. BG_ERR_FORMAT for other types and shapes, and different numbers of them.
 * With .streams the files stay open, which is BG_ERR_ARGUMENT of compressed ones: a source, see bg_dataset_create_from;
 * only the labels are read through here. */
BG_API bg_status bg_data_read_images(bg_dataset **dataset, bg_engine *engine, const char *images, const char *labels,
                                     const bg_data_options *options);
/* A folder with MNIST's files under their usual names, .gz or not: images / 255 as [n, rows, columns], and classes. If
 * all four are there, train and test are both set; if only those of the test are, they are cut: the last tenth is the
 * test. There are 10 classes, or more if a label says so. BG_ERR_IO names a file that is missing. With .streams as
 * bg_data_read_images. */
BG_API bg_status bg_data_read_mnist(bg_dataset **train, bg_dataset **test, bg_engine *engine, const char *folder,
                                    const bg_data_options *options);
/* A folder with the files of CIFAR-10 or CIFAR-100 in their binary version, under their usual names: images / 255 as
 * [n, 3, 32, 32], and classes, train and test. A file has any whole number of records, 1 or more. BG_ERR_IO names a
 * file that is missing, BG_ERR_FORMAT file and offset of a label that is too large, BG_ERR_ARGUMENT coarse labels of
 * CIFAR-10. With .streams both parts are sources, and only labels are read through here. */
BG_API bg_status bg_data_read_cifar(bg_dataset **train, bg_dataset **test, bg_engine *engine, const char *folder,
                                    const bg_data_options *options);
/* Arrays of NumPy: an NPZ file with inputs and targets, or an NPY file of inputs and one of targets, target_file. u8
 * inputs become value / 255, other numbers are converted to the dtype; [n] becomes [n, 1]. Targets are classes, i64 of
 * their own shape, with with_classes, or if they are integers [n] and not without_classes; their number is the largest
 * plus one. Else they are numbers of the dtype, [n] as [n, 1]. Of a folder, the files in it are read one behind the
 * other, see bg_dataset_join. Without a target file, or an array y in NPZ that was not asked for by its name, the
 * inputs are the only column; of an NPZ file no other arrays are read. BG_ERR_FORMAT names file, array and element:
 * what bg_npy_load and bg_npz_load refuse, an array that is not there, different numbers of inputs and targets, numbers
 * that are not finite, classes that are no integers from 0 to 16,777,215.
 * With .streams the files stay open and their elements where they are, row-major in NPY, for data larger than memory
 * (BG_ERR_ARGUMENT for NPZ): a source, see bg_dataset_create_from. Of a folder the first 100 files stay open, and those
 * of their targets; others are opened for each reading. Only targets that are classes are read through here,
 * for their number; other elements are checked when they are read, and then a file that became shorter is BG_ERR_IO. */
BG_API bg_status bg_data_read_arrays(bg_dataset **dataset, bg_engine *engine, const char *path,
                                     const bg_data_options *options);
/* Whether bg_data_read_arrays takes the targets for classes, by their type and rank: no elements are read. False if
 * there are no targets. Of a folder, its first file is looked at. Errors as there. */
BG_API bg_status bg_data_arrays_have_classes(bool *have_classes, bg_engine *engine, const char *path,
                                             const bg_data_options *options);

/* A text for language models, gzipped or not; those of a folder are one text. Its characters in UTF-8 are the tokens,
 * numbered by ascending code point; a byte order mark at the start is left out. With with_bytes the bytes are, 0 to
 * 255. Example i has the tokens i context, .., (i + 1) context - 1 as its input and those one further on as its target:
 * inputs [n, context], targets [n, context] and as many classes as there are different tokens; u8, or i32 of more than
 * 256. The end that fills no example is left out. The last test_share of the tokens is the test, NULL if that is 0;
 * both parts have one vocabulary. Errors name file and offset: BG_ERR_FORMAT for a zero byte or bytes that are not
 * UTF-8 (except with_bytes), a character that is not in the vocabulary asked for, and parts that have no context + 1
 * tokens. */
BG_API bg_status bg_data_read_text(bg_dataset **train, bg_dataset **test, bg_engine *engine, const char *path,
                                   const bg_data_options *options);
/* The tokens of a text by a vocabulary (NULL: bytes): up to `capacity` of them in `tokens`, and in *count how many
 * there are. BG_ERR_FORMAT for a character that is not in the vocabulary, or is none. */
BG_API bg_status bg_text_encode(const char *vocabulary, const char *text, size_t bytes, int32_t *tokens,
                                size_t capacity, size_t *count);
/* The bytes of a token, and how many there are: 1 to 4, or 0 if the vocabulary has no such token. */
BG_API int bg_text_decode(const char *vocabulary, int64_t token, char bytes[4]);

#ifdef __cplusplus
}
#endif
#endif
