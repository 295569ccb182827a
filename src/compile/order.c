/* Sorting by small whole numbers, for passes that go through nodes group by group or step by step. */
#include "compile/compile.h"

bool bgi_order(bgi_arena *memory, const int *keys, int n, int n_keys, int **order, int **first)
{
    *order = bgi_arena_push(memory, (size_t)n * sizeof **order);
    *first = bgi_arena_push(memory, ((size_t)n_keys + 2) * sizeof **first);
    if (!*order || !*first)
        return false;
    int *next = *first + 1; /* while filling, where the next one of key - 1 goes */
    for (int i = 0; i < n; i++)
        if (keys[i] >= 0)
            next[keys[i] + 1]++;
    for (int key = 1; key <= n_keys; key++)
        next[key] += next[key - 1];
    for (int i = 0; i < n; i++)
        if (keys[i] >= 0)
            (*order)[next[keys[i]]++] = i;
    return true;
}
