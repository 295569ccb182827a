#include "cases.h"

#include "ops/ops.h"

/* ---- Shapes ---- */

#define DIMS(...)                                                                                                      \
    {                                                                                                                  \
        (int)(sizeof((int[]){ 0, __VA_ARGS__ }) / sizeof(int)) - 1, { __VA_ARGS__ }                                    \
    }
#define NO_DIMS                                                                                                        \
    {                                                                                                                  \
        0, { 0 }                                                                                                       \
    }
#define ONE(...)                                                                                                       \
    {                                                                                                                  \
        .x = { DIMS(__VA_ARGS__) }                                                                                     \
    }
#define PAIR(a, b)                                                                                                     \
    {                                                                                                                  \
        .x = { a, b }                                                                                                  \
    }
#define SAME(...)                                                                                                      \
    {                                                                                                                  \
        .x = { DIMS(__VA_ARGS__), DIMS(__VA_ARGS__) }                                                                  \
    }

static const op_variant one_shape[] = { { .x = { NO_DIMS } },
                                        ONE(1),
                                        ONE(2),
                                        ONE(7),
                                        ONE(8),
                                        ONE(9),
                                        ONE(17),
                                        ONE(65),
                                        ONE(0),
                                        ONE(3, 4),
                                        ONE(1, 5),
                                        ONE(5, 1),
                                        ONE(0, 3),
                                        ONE(3, 0),
                                        ONE(300),
                                        ONE(2, 3, 4),
                                        ONE(1, 1, 1),
                                        ONE(4, 1, 3),
                                        ONE(2, 3, 1, 4),
                                        ONE(2, 0, 3),
                                        ONE(5, 257),
                                        ONE(31),
                                        ONE(6, 33),
                                        ONE(2, 2, 2, 2, 2),
                                        ONE(1, 3, 1, 2, 3) };

static const op_variant same_shapes[] = { { .x = { NO_DIMS, NO_DIMS } },
                                          SAME(1),
                                          SAME(2),
                                          SAME(7),
                                          SAME(8),
                                          SAME(9),
                                          SAME(17),
                                          SAME(65),
                                          SAME(0),
                                          SAME(3, 4),
                                          SAME(1, 5),
                                          SAME(5, 1),
                                          SAME(0, 3),
                                          SAME(3, 0),
                                          SAME(2, 3, 4),
                                          SAME(1, 1, 1),
                                          SAME(4, 1, 3),
                                          SAME(300),
                                          SAME(2, 3, 1, 4),
                                          SAME(2, 0, 3),
                                          SAME(3, 257),
                                          SAME(2, 2, 2, 2, 2) };

static const op_variant two_shapes[] = {
    PAIR(NO_DIMS, NO_DIMS),
    PAIR(DIMS(5), NO_DIMS),
    PAIR(NO_DIMS, DIMS(3, 2)),
    PAIR(DIMS(1), DIMS(1)),
    PAIR(DIMS(0), DIMS(1)),
    PAIR(DIMS(0, 3), DIMS(3)),
    PAIR(DIMS(2, 1), DIMS(1, 0)),
    PAIR(DIMS(7), DIMS(7)),
    PAIR(DIMS(17), DIMS(1)),
    PAIR(DIMS(3, 4), DIMS(3, 4)),
    PAIR(DIMS(3, 4), DIMS(4)),
    PAIR(DIMS(4), DIMS(3, 4)),
    PAIR(DIMS(3, 4), DIMS(3, 1)),
    PAIR(DIMS(3, 1), DIMS(1, 4)),
    PAIR(DIMS(1, 4), DIMS(3, 1)),
    PAIR(DIMS(2, 3, 4), DIMS(3, 4)),
    PAIR(DIMS(2, 3, 4), DIMS(3, 1)),
    PAIR(DIMS(2, 1, 4), DIMS(3, 1)),
    PAIR(DIMS(2, 3, 4), DIMS(2, 1, 4)),
    PAIR(DIMS(1), DIMS(2, 3, 4)),
    PAIR(DIMS(4, 65), DIMS(65)),
    PAIR(DIMS(3, 300), DIMS(3, 1)),
    PAIR(DIMS(3, 300), DIMS(300)),
    PAIR(DIMS(2, 1, 2, 1, 3), DIMS(3, 1, 2, 3)),
    PAIR(DIMS(2, 2, 2, 2, 2), DIMS(2, 2, 2, 2, 2)),
};

#define TRIPLE(a, b, c)                                                                                                \
    {                                                                                                                  \
        .x = { a, b, c }                                                                                               \
    }
static const op_variant three_shapes[] = {
    TRIPLE(NO_DIMS, NO_DIMS, NO_DIMS),
    TRIPLE(DIMS(5), NO_DIMS, NO_DIMS),
    TRIPLE(NO_DIMS, DIMS(5), DIMS(5)),
    TRIPLE(DIMS(1), DIMS(1), DIMS(1)),
    TRIPLE(DIMS(0), DIMS(0), DIMS(0)),
    TRIPLE(DIMS(0, 3), DIMS(3), DIMS(0, 1)),
    TRIPLE(DIMS(7), DIMS(7), DIMS(7)),
    TRIPLE(DIMS(8), DIMS(1), DIMS(8)),
    TRIPLE(DIMS(17), DIMS(17), NO_DIMS),
    TRIPLE(DIMS(3, 4), DIMS(3, 4), DIMS(3, 4)),
    TRIPLE(DIMS(3, 1), DIMS(3, 4), DIMS(4)),
    TRIPLE(DIMS(4), DIMS(3, 4), DIMS(3, 1)),
    TRIPLE(DIMS(3, 4), DIMS(4), DIMS(3, 1)),
    TRIPLE(DIMS(3, 1), DIMS(1, 4), NO_DIMS),
    TRIPLE(DIMS(2, 3, 4), DIMS(3, 4), DIMS(4)),
    TRIPLE(DIMS(4), DIMS(2, 3, 4), DIMS(3, 1)),
    TRIPLE(DIMS(2, 1, 4), DIMS(3, 1), DIMS(2, 3, 4)),
    TRIPLE(DIMS(65), DIMS(4, 65), DIMS(4, 1)),
    TRIPLE(DIMS(3, 1), DIMS(3, 300), DIMS(300)),
    TRIPLE(DIMS(300), DIMS(3, 300), DIMS(3, 300)),
    TRIPLE(DIMS(2, 1, 2, 1, 3), DIMS(3, 1, 2, 3), DIMS(2, 1)),
};

#define OVER(shape, ...)                                                                                               \
    {                                                                                                                  \
        .x = { shape }, .axes = DIMS(__VA_ARGS__)                                                                      \
    }
#define OVER_NONE(shape)                                                                                               \
    {                                                                                                                  \
        .x = { shape }, .axes = NO_DIMS                                                                                \
    }
#define OVER_ALL(shape)                                                                                                \
    {                                                                                                                  \
        .x = { shape }, .axes = { -1, { 0 } }                                                                          \
    }
#define FULL_REDUCTIONS                                                                                                \
    OVER_ALL(NO_DIMS), OVER_ALL(DIMS(1)), OVER_ALL(DIMS(7)), OVER(DIMS(65), 0), OVER_NONE(DIMS(3, 4)),                 \
        OVER(DIMS(3, 4), 0), OVER(DIMS(3, 4), 1), OVER_ALL(DIMS(3, 4)), OVER(DIMS(1, 5), 0), OVER(DIMS(1, 5), 1),      \
        OVER(DIMS(5, 1), -1), OVER(DIMS(2, 3, 4), 0), OVER(DIMS(2, 3, 4), 1), OVER(DIMS(2, 3, 4), 2),                  \
        OVER(DIMS(2, 3, 4), 0, 1), OVER(DIMS(2, 3, 4), 0, 2), OVER(DIMS(2, 3, 4), -1, -2), OVER_ALL(DIMS(2, 3, 4)),    \
        OVER(DIMS(0, 3), 1), OVER(DIMS(3, 257), 1), OVER(DIMS(3, 257), 0), OVER(DIMS(600), 0),                         \
        OVER(DIMS(2, 3, 2, 3), 1, 3), OVER(DIMS(2, 3, 2, 3), 0, 2), OVER(DIMS(2, 1, 3, 1, 2), 0, 3, 4),                \
        OVER(DIMS(3, 2, 1, 2, 2), 1, 3)
static const op_variant reductions[] = { FULL_REDUCTIONS };
static const op_variant reductions_of_nothing[] = { FULL_REDUCTIONS, OVER_ALL(DIMS(0)), OVER(DIMS(0, 3), 0),
                                                    OVER(DIMS(2, 0, 3), 1), OVER_ALL(DIMS(2, 0)) };

#define ALONG(shape, axis)                                                                                             \
    {                                                                                                                  \
        .x = { shape }, .n = { axis }                                                                                  \
    }
static const op_variant along_axis[] = {
    ALONG(DIMS(1), 0),          ALONG(DIMS(2), 0),          ALONG(DIMS(7), -1),           ALONG(DIMS(65), 0),
    ALONG(DIMS(0), 0),          ALONG(DIMS(3, 4), 0),       ALONG(DIMS(3, 4), 1),         ALONG(DIMS(1, 5), 0),
    ALONG(DIMS(1, 5), 1),       ALONG(DIMS(5, 1), 0),       ALONG(DIMS(5, 1), 1),         ALONG(DIMS(0, 3), 1),
    ALONG(DIMS(3, 0), 1),       ALONG(DIMS(2, 3, 4), 0),    ALONG(DIMS(2, 3, 4), 1),      ALONG(DIMS(2, 3, 4), 2),
    ALONG(DIMS(3, 300), 1),     ALONG(DIMS(300, 3), 0),     ALONG(DIMS(300), 0),          ALONG(DIMS(4, 17), -2),
    ALONG(DIMS(2, 3, 2, 3), 1), ALONG(DIMS(2, 3, 2, 3), 2), ALONG(DIMS(1, 2, 1, 3, 2), 3)
};

#define RESHAPED(from, to)                                                                                             \
    {                                                                                                                  \
        .x = { from }, .shape = to                                                                                     \
    }
static const op_variant reshapes[] = {
    RESHAPED(NO_DIMS, DIMS(1)),
    RESHAPED(NO_DIMS, DIMS(1, 1, 1)),
    RESHAPED(DIMS(1), NO_DIMS),
    RESHAPED(DIMS(1, 1), NO_DIMS),
    RESHAPED(DIMS(6), DIMS(2, 3)),
    RESHAPED(DIMS(2, 3), DIMS(6)),
    RESHAPED(DIMS(2, 3), DIMS(3, 2)),
    RESHAPED(DIMS(2, 3), DIMS(2, 1, 3)),
    RESHAPED(DIMS(4, 6), DIMS(-1, 8)),
    RESHAPED(DIMS(4, 6), DIMS(-1)),
    RESHAPED(DIMS(2, 3, 4), DIMS(6, 4)),
    RESHAPED(DIMS(2, 3, 4), DIMS(2, 12)),
    RESHAPED(DIMS(2, 3, 4), DIMS(4, 3, 2)),
    RESHAPED(DIMS(2, 3, 4), DIMS(24)),
    RESHAPED(DIMS(0), DIMS(0, 3)),
    RESHAPED(DIMS(0, 3), DIMS(2, 0)),
    RESHAPED(DIMS(2, 3, 1), DIMS(2, 3)),
    RESHAPED(DIMS(300), DIMS(3, 100)),
    RESHAPED(DIMS(3, 100), DIMS(100, 3)),
    RESHAPED(DIMS(2, 2, 2, 2, 2), DIMS(4, 8)),
    RESHAPED(DIMS(4, 8), DIMS(2, 2, 2, 2, 2)),
};
static const op_variant broadcasts[] = { RESHAPED(NO_DIMS, DIMS(1)),
                                         RESHAPED(NO_DIMS, DIMS(5)),
                                         RESHAPED(NO_DIMS, DIMS(2, 3)),
                                         RESHAPED(NO_DIMS, DIMS(0)),
                                         RESHAPED(DIMS(1), DIMS(7)),
                                         RESHAPED(DIMS(1), DIMS(0)),
                                         RESHAPED(DIMS(3), DIMS(2, 3)),
                                         RESHAPED(DIMS(3), DIMS(0, 3)),
                                         RESHAPED(DIMS(2, 1), DIMS(2, 5)),
                                         RESHAPED(DIMS(1, 4), DIMS(3, 4)),
                                         RESHAPED(DIMS(1, 1), DIMS(3, 4)),
                                         RESHAPED(DIMS(2, 3), DIMS(4, 2, 3)),
                                         RESHAPED(DIMS(3, 1), DIMS(2, 3, 4)),
                                         RESHAPED(DIMS(2, 1, 4), DIMS(2, 3, 4)),
                                         RESHAPED(DIMS(1, 3, 1), DIMS(2, 3, 4)),
                                         RESHAPED(DIMS(5), DIMS(1, 5)),
                                         RESHAPED(DIMS(3, 1), DIMS(3, 300)),
                                         RESHAPED(DIMS(65), DIMS(7, 65)),
                                         RESHAPED(DIMS(0, 1), DIMS(0, 4)),
                                         RESHAPED(DIMS(2, 1, 3), DIMS(2, 2, 2, 3)),
                                         RESHAPED(DIMS(2, 1, 2), DIMS(2, 1, 2, 3, 2)) };
static const op_variant permutations[] = {
    OVER_NONE(NO_DIMS),
    OVER_ALL(DIMS(1)),
    OVER(DIMS(5), 0),
    OVER(DIMS(3, 4), 1, 0),
    OVER(DIMS(3, 4), 0, 1),
    OVER_ALL(DIMS(3, 4)),
    OVER(DIMS(1, 5), 1, 0),
    OVER(DIMS(0, 3), 1, 0),
    OVER(DIMS(2, 3, 4), 1, 2, 0),
    OVER(DIMS(2, 3, 4), 2, 0, 1),
    OVER(DIMS(2, 3, 4), 0, 2, 1),
    OVER(DIMS(2, 3, 4), 1, 0, 2),
    OVER(DIMS(2, 3, 4), 2, 1, 0),
    OVER(DIMS(2, 3, 4), -1, 0, 1),
    OVER_ALL(DIMS(2, 3, 4)),
    OVER(DIMS(2, 0, 4), 2, 1, 0),
    OVER(DIMS(7, 65), 1, 0),
    OVER(DIMS(300, 3), 1, 0),
    OVER(DIMS(2, 3, 2, 2), 3, 1, 0, 2),
    OVER(DIMS(1, 2, 1, 3), 3, 2, 1, 0),
    OVER(DIMS(2, 1, 3, 2, 2), 4, 2, 0, 1, 3),
};

#define CUT(shape, axis, start, stop, step)                                                                            \
    {                                                                                                                  \
        .x = { shape }, .n = { axis, start, stop, step }                                                               \
    }
static const op_variant slices[] = { CUT(DIMS(1), 0, 0, 1, 1),
                                     CUT(DIMS(5), 0, 1, 3, 1),
                                     CUT(DIMS(5), 0, 0, 5, 2),
                                     CUT(DIMS(5), 0, 4, 5, 7),
                                     CUT(DIMS(5), 0, -3, -1, 1),
                                     CUT(DIMS(5), 0, 2, 2, 1),
                                     CUT(DIMS(5), 0, 0, 100, 1),
                                     CUT(DIMS(0), 0, 0, 1, 1),
                                     CUT(DIMS(4, 5), 0, 1, 3, 1),
                                     CUT(DIMS(4, 5), 1, 1, 5, 2),
                                     CUT(DIMS(4, 5), 1, 0, 1, 1),
                                     CUT(DIMS(4, 5), -1, 3, 5, 1),
                                     CUT(DIMS(1, 5), 0, 0, 1, 1),
                                     CUT(DIMS(0, 5), 1, 1, 3, 1),
                                     CUT(DIMS(2, 3, 4), 0, 1, 2, 1),
                                     CUT(DIMS(2, 3, 4), 1, 0, 3, 2),
                                     CUT(DIMS(2, 3, 4), 2, 1, 4, 2),
                                     CUT(DIMS(2, 3, 4), 1, 1, 1, 1),
                                     CUT(DIMS(65), 0, 1, 64, 3),
                                     CUT(DIMS(3, 300), 1, 7, 290, 1),
                                     CUT(DIMS(2, 3, 2, 3), 1, 1, 3, 1),
                                     CUT(DIMS(2, 3, 2, 3), 3, 0, 3, 2),
                                     CUT(DIMS(2, 1, 3, 1, 2), 2, 1, 3, 1) };
static const op_variant embeddings
    [] = { /* axis, start, step, extent */
           CUT(DIMS(1), 0, 0, 1, 1),       CUT(DIMS(1), 0, 3, 1, 5),          CUT(DIMS(3), 0, 1, 1, 5),
           CUT(DIMS(3), 0, 0, 2, 5),       CUT(DIMS(3), 0, 1, 3, 9),          CUT(DIMS(0), 0, 0, 1, 4),
           CUT(DIMS(4), 0, 0, 1, 4),       CUT(DIMS(2, 5), 0, 1, 1, 4),       CUT(DIMS(4, 2), 1, 1, 2, 5),
           CUT(DIMS(4, 1), 1, 4, 1, 5),    CUT(DIMS(1, 5), 0, 0, 1, 3),       CUT(DIMS(0, 5), 0, 0, 1, 2),
           CUT(DIMS(0, 2), 1, 0, 1, 3),    CUT(DIMS(2, 3, 4), 0, 1, 1, 3),    CUT(DIMS(2, 3, 4), 1, 0, 2, 6),
           CUT(DIMS(2, 3, 4), 2, 2, 1, 7), CUT(DIMS(21), 0, 1, 3, 65),        CUT(DIMS(3, 200), 1, 7, 1, 300),
           CUT(DIMS(2, 2, 2), 1, 0, 1, 2), CUT(DIMS(2, 3, 2, 3), 1, 1, 1, 5), CUT(DIMS(2, 1, 3, 1, 2), 2, 1, 2, 6)
    };

#define JOIN(axis, count, ...)                                                                                         \
    {                                                                                                                  \
        .x = { __VA_ARGS__ }, .n = { axis, count }                                                                     \
    }
static const op_variant joins[] = {
    JOIN(0, 1, DIMS(3)),
    JOIN(0, 2, DIMS(1), DIMS(1)),
    JOIN(0, 2, DIMS(3), DIMS(4)),
    JOIN(0, 3, DIMS(3), DIMS(0), DIMS(2)),
    JOIN(0, 2, DIMS(0), DIMS(0)),
    JOIN(-1, 3, DIMS(7), DIMS(8), DIMS(9)),
    JOIN(0, 2, DIMS(2, 3), DIMS(1, 3)),
    JOIN(1, 2, DIMS(2, 3), DIMS(2, 1)),
    JOIN(1, 3, DIMS(2, 3), DIMS(2, 0), DIMS(2, 4)),
    JOIN(0, 2, DIMS(2, 0), DIMS(3, 0)),
    JOIN(1, 2, DIMS(0, 3), DIMS(0, 2)),
    JOIN(0, 2, DIMS(1, 5), DIMS(1, 5)),
    JOIN(0, 3, DIMS(2, 3, 4), DIMS(1, 3, 4), DIMS(3, 3, 4)),
    JOIN(1, 2, DIMS(2, 3, 4), DIMS(2, 2, 4)),
    JOIN(2, 3, DIMS(2, 3, 4), DIMS(2, 3, 1), DIMS(2, 3, 2)),
    JOIN(-2, 2, DIMS(2, 3, 4), DIMS(2, 3, 4)),
    JOIN(1, 2, DIMS(3, 200), DIMS(3, 65)),
    JOIN(0, 2, DIMS(200, 3), DIMS(1, 3)),
    JOIN(1, 2, DIMS(2, 1, 2, 3), DIMS(2, 3, 2, 3)),
    JOIN(3, 2, DIMS(2, 1, 2, 3), DIMS(2, 1, 2, 1)),
    JOIN(2, 2, DIMS(1, 2, 1, 2, 2), DIMS(1, 2, 3, 2, 2)),
};

static const op_variant products[] = {
    PAIR(DIMS(3, 4), DIMS(4, 5)),
    PAIR(DIMS(1, 1), DIMS(1, 1)),
    PAIR(DIMS(1, 6), DIMS(6, 1)),
    PAIR(DIMS(6, 1), DIMS(1, 6)),
    PAIR(DIMS(1, 7), DIMS(7, 5)),
    PAIR(DIMS(5, 7), DIMS(7, 1)),
    PAIR(DIMS(4, 4), DIMS(4, 4)),
    PAIR(DIMS(2, 0), DIMS(0, 3)),
    PAIR(DIMS(0, 3), DIMS(3, 2)),
    PAIR(DIMS(2, 3), DIMS(3, 0)),
    PAIR(DIMS(5), DIMS(5)),
    PAIR(DIMS(4), DIMS(4, 3)),
    PAIR(DIMS(3, 4), DIMS(4)),
    PAIR(DIMS(2, 3, 4), DIMS(2, 4, 3)),
    PAIR(DIMS(2, 3, 4), DIMS(4, 2)),
    PAIR(DIMS(3, 4), DIMS(2, 4, 2)),
    PAIR(DIMS(2, 3, 4), DIMS(4)),
    PAIR(DIMS(3), DIMS(2, 3, 4)),
    PAIR(DIMS(2, 1, 3, 4), DIMS(3, 4, 2)),
    PAIR(DIMS(0, 3, 4), DIMS(4, 2)),
    PAIR(DIMS(17, 33), DIMS(33, 9)),
    PAIR(DIMS(40, 30), DIMS(30, 50)),
    PAIR(DIMS(2, 1, 2, 2, 3), DIMS(2, 3, 2)),
    PAIR(DIMS(3, 2, 2, 2), DIMS(3, 2, 2, 2)),
};
static const op_variant linears[] = {
    TRIPLE(DIMS(4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(1), DIMS(1, 1), DIMS(1)),
    TRIPLE(DIMS(3, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(1, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(3, 4), DIMS(1, 4), DIMS(1)),
    TRIPLE(DIMS(3, 1), DIMS(5, 1), DIMS(5)),
    TRIPLE(DIMS(0, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(3, 0), DIMS(5, 0), DIMS(5)),
    TRIPLE(DIMS(3, 4), DIMS(0, 4), DIMS(0)),
    TRIPLE(DIMS(7, 7), DIMS(7, 7), DIMS(7)),
    TRIPLE(DIMS(8, 9), DIMS(17, 9), DIMS(17)),
    TRIPLE(DIMS(17, 33), DIMS(5, 33), DIMS(5)),
    TRIPLE(DIMS(65, 3), DIMS(4, 3), DIMS(4)),
    TRIPLE(DIMS(30, 40), DIMS(50, 40), DIMS(50)),
    TRIPLE(DIMS(2, 300), DIMS(3, 300), DIMS(3)),
    TRIPLE(DIMS(2, 3), DIMS(300, 3), DIMS(300)),
    TRIPLE(DIMS(2, 3, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(2, 1, 4), DIMS(5, 4), DIMS(5)),
    TRIPLE(DIMS(1, 1, 1), DIMS(2, 1), DIMS(2)),
    TRIPLE(DIMS(2, 3, 2, 4), DIMS(3, 4), DIMS(3)),
    TRIPLE(DIMS(2, 1, 2, 1, 3), DIMS(2, 3), DIMS(2)),
};

static const op_variant rows_of_classes[] = { PAIR(DIMS(1), NO_DIMS),
                                              PAIR(DIMS(4), NO_DIMS),
                                              PAIR(DIMS(65), NO_DIMS),
                                              PAIR(DIMS(300), NO_DIMS),
                                              PAIR(DIMS(1, 1), DIMS(1)),
                                              PAIR(DIMS(1, 4), DIMS(1)),
                                              PAIR(DIMS(5, 1), DIMS(5)),
                                              PAIR(DIMS(3, 4), DIMS(3)),
                                              PAIR(DIMS(7, 8), DIMS(7)),
                                              PAIR(DIMS(8, 7), DIMS(8)),
                                              PAIR(DIMS(17, 9), DIMS(17)),
                                              PAIR(DIMS(65, 3), DIMS(65)),
                                              PAIR(DIMS(0, 4), DIMS(0)),
                                              PAIR(DIMS(3, 300), DIMS(3)),
                                              PAIR(DIMS(2, 3, 4), DIMS(2, 3)),
                                              PAIR(DIMS(2, 0, 4), DIMS(2, 0)),
                                              PAIR(DIMS(1, 1, 4), DIMS(1, 1)),
                                              PAIR(DIMS(4, 1, 2), DIMS(4, 1)),
                                              PAIR(DIMS(2, 2, 2, 3), DIMS(2, 2, 2)),
                                              PAIR(DIMS(3, 1, 2, 2), DIMS(3, 1, 2)),
                                              PAIR(DIMS(2, 1, 2, 2, 3), DIMS(2, 1, 2, 2)) };

/* ---- Builders ---- */

#define UNARY(name)                                                                                                    \
    static bg_node *build_##name(bg_node *const *x, const op_variant *v)                                               \
    {                                                                                                                  \
        (void)v;                                                                                                       \
        return bg_##name(x[0]);                                                                                        \
    }
UNARY(neg)
UNARY(square)
UNARY(sqrt)
UNARY(exp)
UNARY(log)
UNARY(expm1)
UNARY(log1p)
UNARY(erf)
UNARY(abs)
UNARY(sign)
UNARY(relu)
UNARY(tanh)
UNARY(sigmoid)
UNARY(softplus)
UNARY(gelu)
UNARY(gelu_tanh)
UNARY(stop_gradient)
static bg_node *build_log1p_exp(bg_node *const *x, const op_variant *v) { return (void)v, bgi_log1p_exp(x[0]); }
static bg_node *build_is_finite(bg_node *const *x, const op_variant *v) { return (void)v, bg_is_finite(x[0]); }
static bg_node *build_scalars(bg_node *const *x, const op_variant *v)
{
    (void)v;
    return bg_sub_from(0.5, bg_mul_scalar(bg_add_scalar(x[0], 1.5), -0.75));
}
/* Through f64 where the graph is f32; in f64 itself a conversion is nothing, so it goes through f32, whose steps
 * differences see. */
static bg_node *build_cast(bg_node *const *x, const op_variant *v)
{
    (void)v;
    bg_dtype own = bg_node_dtype(x[0]);
    bg_node *exact = bg_stop_gradient(bg_cast(x[0], own == BG_F32 ? BG_F64 : BG_F32));
    bg_node *converted = bg_cast(x[0], own == BG_F32 ? BG_F64 : BG_F32);
    /* The value is x, the gradient the conversion's. */
    return bg_add(bg_stop_gradient(x[0]), bg_cast(bg_sub(converted, exact), own));
}

#define BINARY(name)                                                                                                   \
    static bg_node *build_##name(bg_node *const *x, const op_variant *v)                                               \
    {                                                                                                                  \
        (void)v;                                                                                                       \
        return bg_##name(x[0], x[1]);                                                                                  \
    }
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(maximum)
BINARY(minimum)
BINARY(equal)
BINARY(not_equal)
BINARY(less)
BINARY(less_equal)
BINARY(greater)
BINARY(greater_equal)
BINARY(matmul)
BINARY(gather_class)
#define LOSS(name, reduction)                                                                                          \
    static bg_node *build_##name##_##reduction(bg_node *const *x, const op_variant *v)                                 \
    {                                                                                                                  \
        (void)v;                                                                                                       \
        return bg_##name##_loss(x[0], x[1], reduction);                                                                \
    }
LOSS(l1, BG_NONE)
LOSS(l2, BG_NONE)
LOSS(l2, BG_MEAN)
LOSS(bce_with_logits, BG_NONE)
LOSS(bce_with_logits, BG_SUM)
LOSS(cross_entropy, BG_NONE)
LOSS(cross_entropy, BG_MEAN)

static bg_node *build_where(bg_node *const *x, const op_variant *v) { return (void)v, bg_where(x[0], x[1], x[2]); }
static bg_node *build_linear(bg_node *const *x, const op_variant *v) { return (void)v, bg_linear(x[0], x[1], x[2]); }
#define REDUCTION(name)                                                                                                \
    static bg_node *build_##name(bg_node *const *x, const op_variant *v) { return bg_##name(x[0], v->axes); }
REDUCTION(sum)
REDUCTION(mean)
REDUCTION(max)
REDUCTION(logsumexp)
REDUCTION(permute)
static bg_node *build_softmax(bg_node *const *x, const op_variant *v) { return bg_softmax(x[0], (int)v->n[0]); }
static bg_node *build_log_softmax(bg_node *const *x, const op_variant *v) { return bg_log_softmax(x[0], (int)v->n[0]); }
static bg_node *build_reshape(bg_node *const *x, const op_variant *v) { return bg_reshape(x[0], v->shape); }
static bg_node *build_broadcast(bg_node *const *x, const op_variant *v) { return bg_broadcast(x[0], v->shape); }
static bg_node *build_slice(bg_node *const *x, const op_variant *v)
{
    return bg_slice(x[0], (int)v->n[0], v->n[1], v->n[2], v->n[3]);
}
static bg_node *build_embed(bg_node *const *x, const op_variant *v)
{
    return bgi_embed(x[0], (int)v->n[0], v->n[1], v->n[2], v->n[3]);
}
static bg_node *build_concat(bg_node *const *x, const op_variant *v)
{
    return bg_concat(x, (int)v->n[1], (int)v->n[0]);
}

/* ---- The table ---- */

#define VARIANTS(table) .variants = table, .n_variants = (int)(sizeof table / sizeof table[0])
#define POINTWISE(function, domain, kind)                                                                              \
    {                                                                                                                  \
        .name = #function, .op = #function, .arity = 1, .domains = { domain }, .gradient = kind,                       \
        .build = build_##function, VARIANTS(one_shape)                                                                 \
    }
#define POINTWISE_2(function, first, second, kind)                                                                     \
    {                                                                                                                  \
        .name = #function, .op = #function, .arity = 2, .domains = { first, second }, .gradient = kind,                \
        .build = build_##function, VARIANTS(two_shapes)                                                                \
    }

const op_case op_cases[] = {
    POINTWISE_2(add, IS_ANY, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE_2(sub, IS_ANY, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE_2(mul, IS_ANY, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE_2(div, IS_ANY, IS_NOT_0, IS_DIFFERENTIABLE),
    POINTWISE(neg, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(square, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(sqrt, IS_POSITIVE, IS_DIFFERENTIABLE),
    POINTWISE(exp, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(log, IS_POSITIVE, IS_DIFFERENTIABLE),
    POINTWISE(expm1, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(log1p, IS_ABOVE_HALF, IS_DIFFERENTIABLE),
    POINTWISE(erf, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(abs, IS_NOT_0, IS_DIFFERENTIABLE),
    POINTWISE(sign, IS_NOT_0, IS_CONSTANT),
    POINTWISE_2(maximum, IS_EVEN, IS_ODD, IS_DIFFERENTIABLE),
    POINTWISE_2(minimum, IS_EVEN, IS_ODD, IS_DIFFERENTIABLE),
    { .name = "add, mul, sub of scalars", .arity = 1, .build = build_scalars, VARIANTS(one_shape) },

    POINTWISE_2(equal, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(not_equal, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(less, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(less_equal, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(greater, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(greater_equal, IS_EVEN, IS_ODD, IS_CONSTANT),
    { .name = "less_equal of integers",
      .op = "compare_integers",
      .arity = 2,
      .domains = { IS_INTEGER, IS_INTEGER },
      .gradient = IS_CONSTANT,
      .build = build_less_equal,
      VARIANTS(two_shapes) },
    POINTWISE(is_finite, IS_ANY, IS_CONSTANT),
    { .name = "where",
      .op = "where",
      .arity = 3,
      .domains = { IS_CONDITION, IS_ANY, IS_ANY },
      .build = build_where,
      VARIANTS(three_shapes) },
    POINTWISE(cast, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(stop_gradient, IS_ANY, IS_STOPPED),

    POINTWISE(relu, IS_NOT_0, IS_DIFFERENTIABLE),
    POINTWISE(tanh, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(sigmoid, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(log1p_exp, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(softplus, IS_ANY, IS_DIFFERENTIABLE),
    { .name = "gelu", .arity = 1, .rho = 2e-6, .build = build_gelu, VARIANTS(one_shape) },
    { .name = "gelu_tanh", .arity = 1, .rho = 2e-6, .build = build_gelu_tanh, VARIANTS(one_shape) },

    { .name = "sum", .op = "sum", .arity = 1, .sums = true, .build = build_sum, VARIANTS(reductions_of_nothing) },
    { .name = "mean", .arity = 1, .sums = true, .build = build_mean, VARIANTS(reductions) },
    { .name = "max", .op = "max", .arity = 1, .domains = { IS_DISTINCT }, .build = build_max, VARIANTS(reductions) },
    { .name = "logsumexp",
      .op = "logsumexp",
      .arity = 1,
      .rho = 2e-6,
      .build = build_logsumexp,
      VARIANTS(reductions_of_nothing) },

    { .name = "reshape", .op = "reshape", .arity = 1, .build = build_reshape, VARIANTS(reshapes) },
    { .name = "broadcast", .op = "broadcast", .arity = 1, .build = build_broadcast, VARIANTS(broadcasts) },
    { .name = "permute", .op = "permute", .arity = 1, .build = build_permute, VARIANTS(permutations) },
    { .name = "slice", .op = "slice", .arity = 1, .build = build_slice, VARIANTS(slices) },
    { .name = "embed", .op = "embed", .arity = 1, .build = build_embed, VARIANTS(embeddings) },
    { .name = "concat", .op = "concat", .arity = 3, .build = build_concat, VARIANTS(joins) },

    { .name = "matmul", .op = "matmul", .arity = 2, .sums = true, .build = build_matmul, VARIANTS(products) },
    { .name = "linear", .arity = 3, .sums = true, .build = build_linear, VARIANTS(linears) },

    { .name = "softmax", .op = "softmax", .arity = 1, .rho = 2e-6, .build = build_softmax, VARIANTS(along_axis) },
    { .name = "log_softmax", .arity = 1, .rho = 2e-6, .build = build_log_softmax, VARIANTS(along_axis) },
    { .name = "gather_class",
      .op = "check_classes",
      .arity = 2,
      .domains = { IS_ANY, IS_CLASS },
      .build = build_gather_class,
      VARIANTS(rows_of_classes) },

    { .name = "l1_loss", .arity = 2, .domains = { IS_EVEN, IS_ODD }, .build = build_l1_BG_NONE, VARIANTS(same_shapes) },
    { .name = "l2_loss", .arity = 2, .build = build_l2_BG_NONE, VARIANTS(same_shapes) },
    { .name = "l2_loss, mean", .arity = 2, .sums = true, .build = build_l2_BG_MEAN, VARIANTS(same_shapes) },
    { .name = "bce_with_logits_loss",
      .op = "bce_with_logits",
      .arity = 2,
      .domains = { IS_NOT_0, IS_PROBABILITY },
      .build = build_bce_with_logits_BG_NONE,
      VARIANTS(same_shapes) },
    { .name = "bce_with_logits_loss, sum",
      .arity = 2,
      .sums = true,
      .domains = { IS_NOT_0, IS_PROBABILITY },
      .build = build_bce_with_logits_BG_SUM,
      VARIANTS(same_shapes) },
    { .name = "cross_entropy_loss",
      .arity = 2,
      .domains = { IS_ANY, IS_CLASS },
      .rho = 2e-6,
      .build = build_cross_entropy_BG_NONE,
      VARIANTS(rows_of_classes) },
    { .name = "cross_entropy_loss, mean",
      .arity = 2,
      .sums = true,
      .domains = { IS_ANY, IS_CLASS },
      .build = build_cross_entropy_BG_MEAN,
      VARIANTS(rows_of_classes) },
};
const int op_case_count = (int)(sizeof op_cases / sizeof op_cases[0]);
