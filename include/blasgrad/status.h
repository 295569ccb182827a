/* Statuses and the error message.
 *
 * A call that fails says so by its status (or by NULL, for the builders of graph nodes), changes nothing, and leaves a
 * message for the calling thread. A place for a new object, the first arguments of the calls that make one, is NULL
 * after a failure, whatever it held before. The library never aborts, exits, prints, or installs a signal handler.
 */
#ifndef BLASGRAD_STATUS_H
#define BLASGRAD_STATUS_H

#include <blasgrad/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, what it means). */
#define BG_STATUS_LIST(X)                                                                                              \
    X(BG_OK, "no error")                                                                                               \
    X(BG_ERR_ARGUMENT, "an argument is missing or out of its range")                                                   \
    X(BG_ERR_SHAPE, "shapes do not fit")                                                                               \
    X(BG_ERR_DTYPE, "element types do not fit")                                                                        \
    X(BG_ERR_OVERFLOW, "a size does not fit its integer type")                                                         \
    X(BG_ERR_NOMEM, "out of memory")                                                                                   \
    X(BG_ERR_OVERLAP, "two views share memory that one of them changes")                                               \
    X(BG_ERR_UNBOUND, "an input has no value")                                                                         \
    X(BG_ERR_INDEX, "an index in the data is out of range")                                                            \
    X(BG_ERR_NUMERIC, "a computation failed: singular, not positive definite, or not finite")                          \
    X(BG_ERR_BUSY, "the engine is running a program")                                                                  \
    X(BG_ERR_FORKED, "the engine belongs to the parent process")                                                       \
    X(BG_ERR_GRADIENT, "the gradient is not defined")                                                                  \
    X(BG_ERR_FORMAT, "a file or text does not have the form it should have")                                           \
    X(BG_ERR_IO, "the operating system refused to read or write")                                                      \
    X(BG_ERR_SYSTEM, "the operating system or the processor lacks what is asked for")                                  \
    X(BG_ERR_STOPPED, "a callback asked to stop")

typedef enum {
#define BG_STATUS_ENUM(name, text) name,
    BG_STATUS_LIST(BG_STATUS_ENUM)
#undef BG_STATUS_ENUM
        BG_STATUS_COUNT
} bg_status;

/* The name of a status, "BG_ERR_SHAPE"; "unknown status" for a number that is none. */
BG_API const char *bg_status_name(bg_status status);

/* The message of the calling thread's last failed call: the operation, what is wrong, and the values that were given.
 * "" before the first failure. It lies in storage of the thread, valid until that thread's next failing call. */
BG_API const char *bg_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
