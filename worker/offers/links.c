#include <stdlib.h>

#include "worker/offers/search.h"

static bool is_pinned(const struct search *s, uint32_t anchor)
{
    uint32_t i = 0;
    while (i < s->n_pinned && s->anchors[i] != anchor)
        i++;
    return i < s->n_pinned;
}

static int compare_strength(const void *left, const void *right, void *search)
{
    const struct link *a = left, *b = right;
    if (is_pinned(search, a->anchor) != is_pinned(search, b->anchor))
        return is_pinned(search, a->anchor) ? -1 : 1;
    if (a->strength < b->strength || a->strength > b->strength)
        return a->strength > b->strength ? -1 : 1;
    if (a->anchor != b->anchor)
        return a->anchor < b->anchor ? -1 : 1;
    if (a->partner != b->partner)
        return a->partner < b->partner ? -1 : 1;
    return a->sources < b->sources ? -1 : a->sources > b->sources;
}

static int compare_items(const void *left, const void *right, void *search)
{
    const struct link *a = left, *b = right;
    if (a->anchor != b->anchor)
        return a->anchor < b->anchor ? -1 : 1;
    if (a->partner != b->partner)
        return a->partner < b->partner ? -1 : 1;
    return compare_strength(a, b, search);
}

static void sort(struct search *s, int (*compare)(const void *left, const void *right, void *search))
{
    if (s->n_links > 1)
        qsort_r(s->links, s->n_links, sizeof s->links[0], compare, s);
}

void links_clear(struct search *s)
{
    s->n_links = 0;
}

void links_add(struct search *s, struct link l)
{
    if (l.strength <= 0)
        return;
    if (s->n_links == LINKS_MAX) {
        sort(s, compare_strength);
        s->n_links = LINKS_MAX / 2;
    }
    s->links[s->n_links++] = l;
}

void links_settle(struct search *s)
{
    uint32_t kept = 0;
    sort(s, compare_items);
    for (uint32_t i = 0; i < s->n_links; i++) {
        struct link *last = kept ? &s->links[kept - 1] : NULL;
        if (last && last->anchor == s->links[i].anchor && last->partner == s->links[i].partner)
            last->sources |= s->links[i].sources; // the first is the strongest
        else
            s->links[kept++] = s->links[i];
    }
    s->n_links = kept;
    sort(s, compare_strength);
}
