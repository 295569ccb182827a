/* The version of these headers and of the library. */
#ifndef BLASGRAD_VERSION_H
#define BLASGRAD_VERSION_H

#define BG_VERSION_MAJOR 0
#define BG_VERSION_MINOR 1
#define BG_VERSION_PATCH 0
#define BG_VERSION       "0.1.0"

/* Marks what the shared library exports. */
#if defined(__GNUC__)
#define BG_API __attribute__((visibility("default")))
#else
#define BG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is linked, as BG_VERSION is that of the headers. */
BG_API const char *bg_version(void);

#ifdef __cplusplus
}
#endif
#endif
