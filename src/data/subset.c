/* Subsets as bits, with counts of every eighth word: a bit and an eighth for each number. */
#include "data/subset.h"

enum { WORD = 64, STRETCH = 8 }; /* bits, and words */

static int64_t count_words(const bgi_subset *subset) { return subset->n / WORD + 1; }

bg_status bgi_subset_create(bgi_subset *subset, bg_engine *engine, int64_t n)
{
    *subset = (bgi_subset){ .n = n };
    size_t words = (size_t)count_words(subset);
    subset->bytes = words * sizeof *subset->words + (words / STRETCH + 1) * sizeof *subset->before;
    subset->words = bgi_alloc_zero(engine, subset->bytes);
    if (!subset->words)
        return BG_ERR_NOMEM;
    subset->before = (int64_t *)(void *)(subset->words + words);
    return BG_OK;
}

bg_status bgi_subset_copy(bgi_subset *copy, bg_engine *engine, const bgi_subset *from, bool is_inverted)
{
    bg_status status = bgi_subset_create(copy, engine, from->n);
    if (status)
        return status;
    int64_t words = count_words(from), count = 0;
    for (int64_t w = 0; w < words; w++) {
        copy->words[w] = is_inverted ? ~from->words[w] : from->words[w]; /* behind n too, where nobody looks */
        if (w % STRETCH == 0)
            copy->before[w / STRETCH] = count;
        count += __builtin_popcountll(copy->words[w]);
    }
    return BG_OK;
}

void bgi_subset_release(bgi_subset *subset, bg_engine *engine)
{
    bgi_free(engine, subset->words, subset->bytes);
    *subset = (bgi_subset){ .n = 0 };
}

void bgi_subset_add(bgi_subset *subset, int64_t k) { subset->words[k / WORD] |= UINT64_C(1) << k % WORD; }

bool bgi_subset_has(const bgi_subset *subset, int64_t k) { return subset->words[k / WORD] >> k % WORD & 1; }

int64_t bgi_subset_find(const bgi_subset *subset, int64_t i)
{
    /* The last stretch that has no more than i in front of it, the word in it, and the bit in that. */
    int64_t low = 0, high = (count_words(subset) - 1) / STRETCH;
    while (low < high) {
        int64_t middle = high - (high - low) / 2;
        if (subset->before[middle] <= i)
            low = middle;
        else
            high = middle - 1;
    }
    int64_t left = i - subset->before[low], w = low * STRETCH;
    for (int64_t in_word; left >= (in_word = __builtin_popcountll(subset->words[w])); w++)
        left -= in_word;
    uint64_t word = subset->words[w];
    for (; left > 0; left--)
        word &= word - 1;
    return w * WORD + __builtin_ctzll(word);
}
