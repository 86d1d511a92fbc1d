#include <stdlib.h>

#include "worker/mining/score_order.h"
#include "worker/offers/search.h"

static bool is_pinned(const struct search *s, uint32_t anchor)
{
    uint32_t i = 0;
    while (i < s->n_pinned && s->anchors[i] != anchor)
        i++;
    return i < s->n_pinned;
}

static int compare_strength(const void *left, const void *right)
{
    const struct link *a = left, *b = right;
    if (a->strength < b->strength || a->strength > b->strength)
        return a->strength > b->strength ? -1 : 1;
    if (a->anchor != b->anchor)
        return a->anchor < b->anchor ? -1 : 1;
    if (a->partner != b->partner)
        return a->partner < b->partner ? -1 : 1;
    return a->sources < b->sources ? -1 : a->sources > b->sources;
}

static int compare_links(const void *left, const void *right, void *search)
{
    const struct link *a = left, *b = right;
    if (is_pinned(search, a->anchor) != is_pinned(search, b->anchor))
        return is_pinned(search, a->anchor) ? -1 : 1;
    return compare_strength(a, b);
}

enum { SCORE_SORT_FROM = 128 }; // links; fewer are sorted sooner by comparing

static void sort(struct search *s)
{
    float strengths[LINKS_MAX];
    if (s->n_pinned > 0 || s->n_links < SCORE_SORT_FROM) {
        qsort_r(s->links, s->n_links, sizeof s->links[0], compare_links, s);
        return;
    }
    for (uint32_t i = 0; i < s->n_links; i++)
        strengths[i] = (float)s->links[i].strength; // what it takes for equal, compare_strength tells apart
    score_sort(s->links, strengths, s->n_links, sizeof s->links[0], compare_strength);
}

static void swap(struct link *a, struct link *b)
{
    struct link moved = *a;
    *a = *b;
    *b = moved;
}

// Hoare's selection: the stronger half, in no order.
static void keep_stronger_half(struct search *s)
{
    uint32_t low = 0, high = s->n_links, wanted = s->n_links / 2;
    while (high - low > 1) {
        struct link *pivot = &s->links[low];
        uint32_t split = low;
        swap(pivot, &s->links[low + (high - low) / 2]); // the middle one: sorted runs are common
        for (uint32_t i = low + 1; i < high; i++)
            if (compare_links(&s->links[i], pivot, s) < 0)
                swap(&s->links[i], &s->links[++split]);
        swap(pivot, &s->links[split]);
        if (split >= wanted)
            high = split;
        else
            low = split + 1;
    }
    s->n_links = wanted;
}

void links_clear(struct search *s)
{
    s->n_links = 0;
}

void links_add(struct search *s, struct link l)
{
    if (l.strength <= 0)
        return;
    if (s->n_links == LINKS_MAX)
        keep_stronger_half(s);
    s->links[s->n_links++] = l;
}

enum { SEEN_SLOTS = 2 * LINKS_MAX };
_Static_assert(LINKS_MAX < UINT16_MAX, "seen[] holds numbers of links");

// Where the link of these two stands in the table, as its number + 1, or the free slot (0) where it belongs.
static uint16_t *slot_of(const struct search *s, uint16_t *seen, const struct link *l)
{
    uint32_t at = (l->anchor * 0x9e3779b1u ^ l->partner * 0x85ebca6bu) >> 16;
    for (;; at++) {
        uint16_t *slot = &seen[at % SEEN_SLOTS];
        if (*slot == 0 || (s->links[*slot - 1].anchor == l->anchor && s->links[*slot - 1].partner == l->partner))
            return slot;
    }
}

void links_settle(struct search *s)
{
    uint16_t seen[SEEN_SLOTS] = {0};
    uint32_t kept = 0;
    sort(s);
    for (uint32_t i = 0; i < s->n_links; i++) {
        uint16_t *slot = slot_of(s, seen, &s->links[i]);
        if (*slot) { // the first was the strongest
            s->links[*slot - 1].sources |= s->links[i].sources;
            continue;
        }
        s->links[kept] = s->links[i];
        *slot = (uint16_t)++kept;
    }
    s->n_links = kept;
}
