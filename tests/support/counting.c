#define _POSIX_C_SOURCE 200809L
#include "counting.h"

#include <stdlib.h>
#include <string.h>

enum { GARBAGE = 0xA5, MARK = 0x5EED };

/* In front of each block; the room is as large as the alignment asks for. */
typedef struct {
    size_t bytes, room;
    uint64_t mark;
} header;

static void *allocate(void *user, size_t bytes, size_t alignment)
{
    counting *counter = user;
    long long call = atomic_fetch_add(&counter->calls, 1) + 1;
    bool fails = counter->fail_at && (counter->is_sticky ? call >= counter->fail_at : call == counter->fail_at);
    size_t room = (sizeof(header) + alignment - 1) / alignment * alignment;
    void *memory = NULL;
    if (fails || bytes > SIZE_MAX - room || posix_memalign(&memory, alignment, room + bytes) != 0) {
        atomic_fetch_add(&counter->failures, 1);
        return NULL;
    }
    unsigned char *block = (unsigned char *)memory + room;
    header head = { bytes, room, MARK };
    memcpy(block - sizeof head, &head, sizeof head);
    memset(block, GARBAGE, bytes);
    atomic_fetch_add(&counter->live, 1);
    return block;
}

static void release(void *user, void *memory, size_t bytes)
{
    counting *counter = user;
    unsigned char *block = memory;
    header head;
    memcpy(&head, block - sizeof head, sizeof head);
    if (head.mark != MARK || head.bytes != bytes) {
        atomic_fetch_add(&counter->wrong, 1);
        return;
    }
    memset(block, GARBAGE, bytes);
    atomic_fetch_sub(&counter->live, 1);
    free(block - head.room);
}

bg_allocator counting_allocator(counting *counter)
{
    return (bg_allocator){ .allocate = allocate, .release = release, .user = counter };
}

uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    hash ^= UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001B3);
    return hash;
}

uint64_t hash_tensor(uint64_t hash, const bg_tensor *tensor)
{
    bg_shape shape = bg_tensor_shape(tensor);
    const int64_t *strides = bg_tensor_strides(tensor);
    const unsigned char *data = bg_tensor_const_data(tensor);
    size_t size = bg_dtype_size(bg_tensor_dtype(tensor));
    int64_t count = bg_shape_count(shape);
    if (bg_tensor_is_contiguous(tensor))
        return hash_bytes(hash, data, (size_t)count * size);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0, rest = i;
        for (int d = shape.rank - 1; d >= 0; d--) {
            at += rest % shape.dims[d] * strides[d];
            rest /= shape.dims[d];
        }
        hash = hash_bytes(hash, data + (size_t)at * size, size);
    }
    return hash;
}
