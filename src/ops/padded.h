/* Images copied with their padding, so that each tap of a window reads what it needs for successive positions at unit
 * stride: an element of the kernel is an offset into the copy.
 *
 * A copy holds, for each channel, planes of lines. Along a dimension the planes are, of the padded image, the
 * coordinates with the same remainder by the stride; or, where that is smaller, those that one tap reads. Where there
 * are many images, BGI_PADDED_IMAGES of them lie element by element next to each other: vectors are then of images, so
 * that lines of any length fill them. A copy of one image has between two lines only as many zeros as the padding of
 * both needs, so that vectors run on from line to line. */
#ifndef BGI_PADDED_H
#define BGI_PADDED_H

#include "ops/window.h"

#include <string.h>

enum { BGI_PADDED_IMAGES = 16 };

typedef struct {
    bgi_window window;
    int64_t images;                  /* 1 or BGI_PADDED_IMAGES */
    int64_t box[BGI_WINDOW_RANK];    /* positions along each dimension that a copy serves */
    bool is_in_place;                /* the image serves as it lies */
    bool is_by_tap[BGI_WINDOW_RANK]; /* a plane for each tap instead of each remainder */
    int64_t planes[BGI_WINDOW_RANK], extent[BGI_WINDOW_RANK];
    /* Elements from one line to the next, and so on. Images are 1 apart, columns `images`. */
    int64_t line, slab, plane, channel;
    int64_t elements; /* of the whole copy; 0 in place */
} bgi_padded;

/* How the windows' source lies for one image, or BGI_PADDED_IMAGES, of so many channels. */
bgi_padded bgi_pad(const bgi_window *w, int64_t channels, int64_t images, size_t size);
/* Where an element of the kernel is, from where the position is. */
int64_t bgi_padded_tap(const bgi_padded *p, const int64_t tap[BGI_WINDOW_RANK]);
/* Where a position of the box is. */
static inline int64_t bgi_padded_position(const bgi_padded *p, const int64_t at[BGI_WINDOW_RANK])
{
    return at[0] * p->slab + at[1] * p->line + at[2] * p->images;
}
/* The elements for the box of positions that starts at `first`, of images that are `stride` elements apart: the copy,
 * filled, or the source itself. */
const void *bgi_padded_fill(const bgi_padded *p, const bgk_kernels *kernels, bg_dtype dtype, int64_t channels,
                            const int64_t *first, const void *source, int64_t stride, void *copy);
/* Copies a few elements, which costs less than a call. */
static inline void bgi_copy_line(char *to, const char *from, size_t bytes)
{
    enum { PIECE = 16 };
    size_t done = 0;
    if (bytes < PIECE) {
        for (; done < bytes; done += sizeof(float))
            memcpy(to + done, from + done, sizeof(float));
        return;
    }
    for (; done + PIECE <= bytes; done += PIECE)
        memcpy(to + done, from + done, PIECE);
    memcpy(to + bytes - PIECE, from + bytes - PIECE, PIECE);
}

#endif
