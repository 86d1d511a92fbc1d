#include "tests/support/shop/plant.h"

#include <stdlib.h>

#include "common/check.h"

// Which kind the nth group is: of six groups three are pairs, two add-ons, one a triple.
static const enum shop_group_kind KIND_OF[6] = {GROUP_PAIR, GROUP_ADD_ON, GROUP_TRIPLE,
                                                GROUP_PAIR, GROUP_ADD_ON, GROUP_PAIR};

struct planting {
    struct catalogue *c;
    uint32_t *by_popularity; // products, most popular first
};

static const struct catalogue *compared; // qsort has no context; one planting at a time

static int more_popular_first(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    double pa = compared->products[a].popularity, pb = compared->products[b].popularity;
    if (pa < pb || pb < pa)
        return pa > pb ? -1 : 1;
    return a < b ? -1 : 1;
}

static bool is_free(const struct catalogue *c, uint32_t product)
{
    const struct shop_product *p = &c->products[product];
    const struct shop_variant *v = &c->variants[p->first_variant];
    return p->role == ROLE_STEADY && p->season == SEASON_NONE && v->group == NO_GROUP && p->type != &SHOP_GIFT_CARDS;
}

// The most popular free product of a type (NULL: of any type but those of the group so far), or UINT32_MAX.
static uint32_t find_free(const struct planting *s, const struct shop_type *type, const struct shop_group *g)
{
    for (uint32_t i = 0; i < s->c->n_products; i++) {
        uint32_t product = s->by_popularity[i];
        const struct shop_type *own = s->c->products[product].type;
        bool fits = is_free(s->c, product) && (!type || own == type);
        for (uint32_t k = 0; k < g->n; k++)
            fits = fits && own != s->c->products[s->c->variants[g->variants[k]].product].type;
        if (fits)
            return product;
    }
    return UINT32_MAX;
}

static bool group_add(struct planting *s, struct shop_group *g, const struct shop_type *type, int32_t group)
{
    uint32_t product = find_free(s, type, g);
    if (product == UINT32_MAX && type)
        product = find_free(s, NULL, g);
    if (product == UINT32_MAX)
        return false;
    uint32_t variant = s->c->products[product].first_variant;
    struct shop_variant *v = &s->c->variants[variant];
    v->group = group;
    v->stock[0] = v->stock[0] == UNKNOWN || v->stock[0] < 25 ? 25 + variant % 50 : v->stock[0]; // can be offered
    g->variants[g->n++] = variant;
    return true;
}

static bool group_make(struct planting *s, struct shop_group *g, int32_t group)
{
    *g = (struct shop_group){.kind = KIND_OF[group % 6]};
    if (!group_add(s, g, NULL, group))
        return false;
    const struct shop_type *lead = s->c->products[s->c->variants[g->variants[0]].product].type;
    bool is_done = group_add(s, g, &SHOP_TYPE[lead->complement], group);
    if (is_done && g->kind == GROUP_TRIPLE)
        is_done = group_add(s, g, NULL, group);
    return is_done;
}

static void group_undo(struct catalogue *c, const struct shop_group *g)
{
    for (uint32_t k = 0; k < g->n; k++)
        c->variants[g->variants[k]].group = NO_GROUP;
}

static uint32_t groups_for(uint64_t lines, uint32_t n_variants)
{
    uint64_t n = lines / 150, n_max = n_variants / 8 < 200 ? n_variants / 8 : 200;
    return (uint32_t)(n < 1 ? 1 : n > n_max ? n_max : n);
}

void plant_groups(struct catalogue *c, uint64_t lines)
{
    struct planting s = {.c = c, .by_popularity = calloc(c->n_products, sizeof(uint32_t))};
    uint32_t n_groups = groups_for(lines, c->n_variants);
    c->groups = calloc(n_groups, sizeof(*c->groups));
    CHECK(s.by_popularity && c->groups);
    for (uint32_t i = 0; i < c->n_products; i++)
        s.by_popularity[i] = i;
    compared = c;
    qsort(s.by_popularity, c->n_products, sizeof(uint32_t), more_popular_first);
    while (c->n_groups < n_groups && group_make(&s, &c->groups[c->n_groups], (int32_t)c->n_groups))
        c->n_groups++;
    if (c->n_groups < n_groups)
        group_undo(c, &c->groups[c->n_groups]);
    for (uint32_t i = 0; i < c->n_groups; i++)
        if (c->groups[i].kind == GROUP_ADD_ON) {
            struct shop_variant *add_on = &c->variants[c->groups[i].variants[1]];
            c->products[add_on->product].role = ROLE_ADD_ON;
            add_on->weight = 0;
        }
    free(s.by_popularity);
}
