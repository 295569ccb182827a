/* Names of classes. */
#include "data/csv_labels.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* The slot of the name, or the free one where it belongs. */
static uint32_t *find_slot(const bgi_labels *labels, const char *text, size_t length)
{
    size_t mask = labels->slot_count - 1, at = (size_t)bgi_hash_bytes(text, length) & mask;
    for (; labels->slots[at]; at = (at + 1) & mask) {
        const char *name = bgi_names_at(&labels->names, (int64_t)labels->slots[at] - 1);
        if (strlen(name) == length && !memcmp(name, text, length))
            break;
    }
    return labels->slots + at;
}

int64_t bgi_labels_find(const bgi_labels *labels, const char *text, size_t length)
{
    return labels->slots ? (int64_t)*find_slot(labels, text, length) - 1 : -1;
}

/* At most half of the slots are used, so that searches are short. */
static bg_status grow(bgi_labels *labels)
{
    enum { FIRST = 16 };
    if (labels->slots && 2 * ((size_t)labels->names.count + 1) <= labels->slot_count)
        return BG_OK;
    bgi_labels larger = *labels;
    larger.slot_count = labels->slots ? 2 * labels->slot_count : FIRST;
    larger.slots = bgi_alloc_zero(labels->names.engine, larger.slot_count * sizeof *larger.slots);
    if (!larger.slots)
        return BG_ERR_NOMEM;
    for (int64_t i = 0; i < labels->names.count; i++) {
        const char *name = bgi_names_at(&labels->names, i);
        *find_slot(&larger, name, strlen(name)) = (uint32_t)i + 1;
    }
    bgi_free(labels->names.engine, labels->slots, labels->slot_count * sizeof *labels->slots);
    *labels = larger;
    return BG_OK;
}

bg_status bgi_labels_add(bgi_labels *labels, const char *text, size_t length)
{
    bg_status status = grow(labels);
    if (!status)
        status = bgi_names_add(&labels->names, text, length);
    if (!status)
        *find_slot(labels, text, length) = (uint32_t)labels->names.count;
    return status;
}

typedef struct {
    const char *name;
    uint32_t number;
} entry;

static int compare(const void *a, const void *b) { return strcmp(((const entry *)a)->name, ((const entry *)b)->name); }

bg_status bgi_labels_sort(bgi_labels *labels, uint32_t **ranks)
{
    bg_engine *engine = labels->names.engine;
    size_t count = (size_t)labels->names.count;
    bgi_names sorted = { .engine = engine };
    entry *entries = bgi_alloc(engine, count * sizeof *entries);
    *ranks = bgi_alloc(engine, count * sizeof **ranks);
    bg_status status = entries && *ranks ? BG_OK : BG_ERR_NOMEM;
    for (size_t i = 0; i < count && !status; i++)
        entries[i] = (entry){ bgi_names_at(&labels->names, (int64_t)i), (uint32_t)i };
    if (!status)
        qsort(entries, count, sizeof *entries, compare);
    for (size_t i = 0; i < count && !status; i++) {
        (*ranks)[entries[i].number] = (uint32_t)i;
        status = bgi_names_add(&sorted, entries[i].name, strlen(entries[i].name));
    }
    bgi_free(engine, entries, count * sizeof *entries);
    if (status) {
        bgi_free(engine, *ranks, count * sizeof **ranks);
        *ranks = NULL;
        bgi_names_release(&sorted);
        return status;
    }
    bgi_labels_release(labels);
    labels->names = sorted;
    return BG_OK;
}

void bgi_labels_release(bgi_labels *labels)
{
    bgi_free(labels->names.engine, labels->slots, labels->slot_count * sizeof *labels->slots);
    labels->slots = NULL;
    labels->slot_count = 0;
    bgi_names_release(&labels->names);
}
