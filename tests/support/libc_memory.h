/* Replaces the C library's allocator by one that counts and fails on demand; sanitizers bring one of their own. This
 * header defines functions: it belongs into one source file of a program. */
#ifndef BLASGRAD_TESTS_LIBC_MEMORY_H
#define BLASGRAD_TESTS_LIBC_MEMORY_H

#include "sanitized.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#if defined(__GLIBC__) && !IS_ADDRESS_SANITIZED && !IS_THREAD_SANITIZED
enum { COUNTS_LIBC = 1 };
#else
enum { COUNTS_LIBC = 0 };
#endif

/* Not every suite looks at all of them. fail_at: the number of the call that fails, from 1; 0: none. */
__attribute__((unused)) static atomic_llong libc_calls, libc_live, libc_fail_at;

#if defined(__GLIBC__) && !IS_ADDRESS_SANITIZED && !IS_THREAD_SANITIZED
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

static bool libc_fails(void)
{
    long long call = atomic_fetch_add(&libc_calls, 1) + 1;
    return call == atomic_load(&libc_fail_at);
}
static void *given(void *memory)
{
    atomic_fetch_add(&libc_live, memory != NULL);
    return memory;
}
/* Seen by the shared libraries too. */
#pragma GCC visibility push(default)
void *malloc(size_t bytes) { return libc_fails() ? (errno = ENOMEM, NULL) : given(__libc_malloc(bytes)); }
void *calloc(size_t count, size_t bytes)
{
    return libc_fails() ? (errno = ENOMEM, NULL) : given(__libc_calloc(count, bytes));
}
void *realloc(void *memory, size_t bytes)
{
    if (libc_fails()) {
        errno = ENOMEM;
        return NULL;
    }
    bool was_new = !memory;
    void *moved = __libc_realloc(memory, bytes);
    return was_new ? given(moved) : moved;
}
void *memalign(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes)
{
    return libc_fails() ? (errno = ENOMEM, NULL) : given(__libc_memalign(alignment, bytes));
}
void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    void *made = memalign(alignment, bytes);
    if (!made)
        return ENOMEM;
    *memory = made;
    return 0;
}
void free(void *memory)
{
    atomic_fetch_sub(&libc_live, memory != NULL);
    __libc_free(memory);
}
#pragma GCC visibility pop
#endif

#endif
