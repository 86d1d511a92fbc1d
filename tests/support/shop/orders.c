#include "tests/support/shop/orders.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "tests/support/shop/calendar.h"
#include "tests/support/shop/writer.h"
#include "worker/dataset/date.h"

enum { BASKET_MAX = 80, PICK_TRIES = 30, TEXT_MAX = 1 << 28 };
#define POSTAGE UINT32_MAX

struct basket {
    unsigned n, limit;
    struct {
        uint32_t variant;
        int64_t quantity;
    } lines[BASKET_MAX];
};

struct order {
    uint64_t number, customer; // customer 0: a guest
    bool is_returning;
    int64_t at;
    const char *status;
    int64_t discount_pct;
};

// The same for every line of a variant, printed once: [from, price) up to the quantity, then its prices.
struct line_text {
    uint32_t from, price, price_before, end;
};

struct hits {
    uint64_t order; // the last one that held a part of the group
    uint32_t n;
};

struct orders {
    struct catalogue *c;
    const struct shop_plan *plan;
    struct random random;
    struct calendar calendar;
    struct alias variants, groups;
    struct alias favourites; // consumables, by weight
    uint32_t *favourite, n_favourites;
    struct buf text;
    struct line_text *lines;
    struct hits *hits;
    struct writer out;
    struct buf head; // the order's own columns
    uint64_t lines_done, next_line_id;
    struct basket basket;
    struct order order;
    struct orders_made made;
};

static const struct shop_product *product_of(const struct orders *o, uint32_t variant)
{
    return &o->c->products[o->c->variants[variant].product];
}

static void texts_init(struct orders *o)
{
    buf_init(&o->text, TEXT_MAX);
    o->lines = calloc(o->c->n_variants, sizeof(*o->lines));
    CHECK(o->lines);
    for (uint32_t i = 0; i < o->c->n_variants; i++) {
        const struct shop_variant *v = &o->c->variants[i];
        const struct shop_product *p = product_of(o, i);
        const char *texts[] = {v->sku, p->title, v->title, p->type->name, p->vendor};
        o->lines[i].from = (uint32_t)o->text.len;
        put_uint(&o->text, catalogue_variant_id(i));
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            buf_putc(&o->text, ',');
            put_text(&o->text, texts[k]);
        }
        o->lines[i].price = (uint32_t)o->text.len;
        catalogue_put_price(&o->text, o->plan, v->price);
        o->lines[i].price_before = (uint32_t)o->text.len;
        catalogue_put_price(&o->text, o->plan, v->price_before);
        o->lines[i].end = (uint32_t)o->text.len;
    }
    CHECK(!o->text.is_over);
}

static void choices_init(struct orders *o)
{
    uint32_t n = o->c->n_variants;
    double *weights = calloc(n + o->c->n_groups, sizeof(*weights));
    o->favourite = calloc(n, sizeof(*o->favourite));
    o->hits = calloc(o->c->n_groups, sizeof(*o->hits));
    CHECK(weights && o->favourite && o->hits);
    for (uint32_t i = 0; i < n; i++)
        weights[i] = o->c->variants[i].weight;
    alias_init(&o->variants, weights, n);
    for (uint32_t i = 0; i < n; i++)
        if (product_of(o, i)->type->is_consumable && product_of(o, i)->role == ROLE_STEADY &&
            product_of(o, i)->season == SEASON_NONE) {
            weights[o->n_favourites] = weights[i];
            o->favourite[o->n_favourites++] = i;
        }
    alias_init(&o->favourites, weights, o->n_favourites);
    for (uint32_t i = 0; i < o->c->n_groups; i++)
        weights[i] = 1 / sqrt(1 + i);
    alias_init(&o->groups, weights, o->c->n_groups);
    free(weights);
}

static bool is_sold_now(struct orders *o, uint32_t variant)
{
    const struct shop_product *p = product_of(o, variant);
    return p->created_at <= o->order.at && o->order.at < p->archived_at &&
           (calendar_is_season(&o->calendar, p->season) || random_chance(&o->random, .02));
}

static bool basket_has(const struct basket *b, uint32_t variant)
{
    for (unsigned i = 0; i < b->n; i++)
        if (b->lines[i].variant == variant)
            return true;
    return false;
}

static int64_t choose_quantity(struct orders *o, const struct shop_product *p)
{
    if (p->role == ROLE_SLOW)
        return 1;
    if (p->type->case_size > 1 && random_chance(&o->random, .25))
        return (int64_t)p->type->case_size * random_between(&o->random, 1, 2);
    return random_chance(&o->random, .08) ? 2 : 1;
}

static void basket_put(struct orders *o, uint32_t variant, int64_t quantity)
{
    struct basket *b = &o->basket;
    if (b->n == b->limit)
        return;
    b->lines[b->n].variant = variant;
    b->lines[b->n++].quantity = quantity;
}

// A variant, and what sells with it.
static void basket_add(struct orders *o, uint32_t variant)
{
    if (basket_has(&o->basket, variant))
        return;
    basket_put(o, variant, choose_quantity(o, product_of(o, variant)));
    int32_t group = o->c->variants[variant].group;
    const struct shop_group *g = group == NO_GROUP ? NULL : &o->c->groups[group];
    if (g && g->kind == GROUP_ADD_ON && g->variants[0] == variant && random_chance(&o->random, .5))
        basket_add(o, g->variants[1]);
}

static void basket_add_group(struct orders *o)
{
    const struct shop_group *g = &o->c->groups[alias_pick(&o->groups, &o->random)];
    if (g->kind == GROUP_ADD_ON) {
        basket_add(o, g->variants[random_chance(&o->random, .06)]); // rarely the add-on alone
        return;
    }
    uint32_t left_out =
        g->kind == GROUP_TRIPLE && random_chance(&o->random, .3) ? random_below(&o->random, 3) : UINT32_MAX;
    for (uint32_t k = 0; k < g->n; k++)
        if (k != left_out && o->c->products[o->c->variants[g->variants[k]].product].created_at <= o->order.at)
            basket_add(o, g->variants[k]);
}

// One more by popularity, rather of the department that the order began with.
static void basket_add_any(struct orders *o)
{
    for (unsigned tries = 0; tries < PICK_TRIES; tries++) {
        uint32_t variant = alias_pick(&o->variants, &o->random);
        const struct basket *b = &o->basket;
        bool is_near = b->n == 0 ||
                       product_of(o, b->lines[0].variant)->type->department == product_of(o, variant)->type->department;
        if ((is_near || random_chance(&o->random, .5)) && !basket_has(b, variant) && is_sold_now(o, variant)) {
            basket_add(o, variant);
            return;
        }
    }
    if (o->basket.n == 0)
        basket_add(o, 0);
}

static unsigned choose_size(struct orders *o)
{
    unsigned size = 1;
    if (o->plan->basket_mean > 0) {
        while (size < BASKET_MAX && random_chance(&o->random, 1 - 1 / o->plan->basket_mean))
            size++;
        return size;
    }
    double x = random_unit(&o->random);
    if (x > .9985 && o->c->n_variants >= 200) // a reseller
        return (unsigned)random_between(&o->random, 20, 60);
    return x < .34   ? 1
           : x < .58 ? 2
           : x < .74 ? 3
           : x < .85 ? 4
                     : (unsigned)random_between(&o->random, 5, 5 + random_between(&o->random, 0, 8));
}

// What a customer comes back for follows from who it is: nothing to remember.
static uint32_t favourite_of(const struct orders *o, uint64_t customer)
{
    struct random own;
    random_init(&own, o->plan->seed ^ random_mix(customer));
    return o->favourite[alias_pick(&o->favourites, &own)];
}

static void choose_customer(struct orders *o)
{
    double x = random_unit(&o->random);
    o->order.is_returning = false;
    o->order.customer = 0;
    if (x < .06)
        return;
    o->order.is_returning = x < .58 && o->made.customers > 0;
    if (!o->order.is_returning) {
        o->order.customer = ++o->made.customers;
        return;
    }
    double early = random_unit(&o->random); // the first ones are the most loyal
    o->order.customer = 1 + (uint64_t)(early * early * (double)o->made.customers);
}

static void order_begin(struct orders *o, unsigned size)
{
    double share = ((double)o->lines_done + size * (.5 + .5 * random_unit(&o->random))) / (double)o->plan->lines;
    int64_t at = calendar_moment(&o->calendar, share);
    o->order.number = ++o->made.orders;
    o->order.at = at > o->made.last_at ? at : o->made.last_at;
    double x = random_unit(&o->random);
    o->order.status = x < .02 ? "refunded" : x < .028 ? "voided" : "paid";
    double sale = calendar_sale_pct(&o->calendar);
    o->order.discount_pct = sale > 0                         ? (int64_t)sale
                            : random_chance(&o->random, .12) ? random_between(&o->random, 2, 3) * 5
                                                             : 0;
    choose_customer(o);
}

static void basket_fill(struct orders *o, unsigned size)
{
    struct random *r = &o->random;
    if (random_chance(r, o->plan->lines < 100 ? .4 : .14))
        basket_add_group(o);
    if (o->order.is_returning && random_chance(r, .45)) {
        uint32_t favourite = favourite_of(o, o->order.customer);
        if (is_sold_now(o, favourite))
            basket_add(o, favourite);
    }
    for (unsigned had = o->basket.n; had < size; had++)
        basket_add_any(o);
    if (random_chance(r, .004)) // the same product on two lines, as tills write it
        basket_put(o, o->basket.lines[o->basket.n - 1].variant, 1);
    if (o->plan->lines >= 50 && random_chance(r, .04))
        basket_put(o, POSTAGE, 1);
}

static void count_groups(struct orders *o)
{
    for (unsigned i = 0; i < o->basket.n; i++) {
        uint32_t variant = o->basket.lines[i].variant;
        int32_t group = variant == POSTAGE ? NO_GROUP : o->c->variants[variant].group;
        if (group == NO_GROUP || (i > 0 && o->basket.lines[i - 1].variant == variant))
            continue;
        struct shop_group *g = &o->c->groups[group];
        struct hits *h = &o->hits[group];
        for (uint32_t k = 0; k < g->n; k++)
            g->orders[k] += g->variants[k] == variant;
        h->n = h->order == o->order.number ? h->n + 1 : 1;
        h->order = o->order.number;
        g->joint_orders += h->n == g->n;
    }
}

static void write_head(struct orders *o)
{
    struct buf *b = &o->head;
    buf_clear(b);
    put_uint(b, 100000 + o->order.number);
    buf_putc(b, ',');
    if (o->order.customer > 0) {
        put_uint(b, 7000000000u + o->order.customer);
        buf_puts(b, ",customer");
        put_uint(b, o->order.customer);
        buf_puts(b, "@example.com");
    } else {
        buf_putc(b, ',');
    }
    buf_putc(b, ',');
    if (!o->plan->has_no_dates)
        date_print(b, o->order.at);
    buf_putc(b, ',');
    if (!o->plan->has_no_prices)
        buf_puts(b, o->plan->currency);
    buf_putc(b, ',');
    buf_puts(b, o->order.status);
    buf_putc(b, ',');
}

static void write_postage(struct orders *o)
{
    writer_raw(&o->out, ",POST,Postage,,,,1,");
    catalogue_put_price(&o->out.pending, o->plan, 495);
    writer_raw(&o->out, ",");
    catalogue_put_price(&o->out.pending, o->plan, 0);
}

static void write_variant(struct orders *o, uint32_t variant, int64_t quantity)
{
    const struct line_text *t = &o->lines[variant];
    const struct shop_variant *v = &o->c->variants[variant];
    bool is_before = o->order.at < o->plan->start + (o->plan->end - o->plan->start) / 2;
    uint32_t price_from = is_before ? t->price_before : t->price, price_to = is_before ? t->end : t->price_before;
    int64_t gross = (is_before ? v->price_before : v->price) * quantity;
    writer_bytes(&o->out, o->text.data + t->from, t->price - t->from);
    writer_raw(&o->out, ",");
    put_uint(&o->out.pending, (uint64_t)quantity);
    writer_raw(&o->out, ",");
    writer_bytes(&o->out, o->text.data + price_from, price_to - price_from);
    writer_raw(&o->out, ",");
    catalogue_put_price(&o->out.pending, o->plan, (gross * o->order.discount_pct + 50) / 100);
}

static void order_write(struct orders *o)
{
    write_head(o);
    for (unsigned i = 0; i < o->basket.n; i++) {
        writer_bytes(&o->out, o->head.data, o->head.len);
        put_uint(&o->out.pending, 900000000000u + ++o->next_line_id);
        writer_raw(&o->out, ",");
        if (o->basket.lines[i].variant == POSTAGE)
            write_postage(o);
        else
            write_variant(o, o->basket.lines[i].variant, o->basket.lines[i].quantity);
        writer_end_row(&o->out);
    }
}

static void order_make(struct orders *o)
{
    uint64_t left = o->plan->lines - o->lines_done;
    unsigned size = choose_size(o);
    o->basket.n = 0;
    o->basket.limit = left < BASKET_MAX ? (unsigned)left : BASKET_MAX;
    order_begin(o, size < o->basket.limit ? size : o->basket.limit);
    basket_fill(o, size);
    if (o->order.status[0] == 'p') {
        o->made.paid_orders++;
        count_groups(o);
    }
    order_write(o);
    if (o->made.orders == 1)
        o->made.first_at = o->order.at;
    o->made.last_at = o->order.at;
    o->lines_done += o->basket.n;
}

void orders_write(struct catalogue *c, const struct shop_plan *plan, const char *dir, struct orders_made *made)
{
    struct orders o = {.c = c, .plan = plan};
    random_init(&o.random, random_mix(plan->seed));
    calendar_init(&o.calendar, plan);
    texts_init(&o);
    choices_init(&o);
    buf_init(&o.head, 1024);
    writer_open(&o.out, dir, "orders.csv");
    writer_raw(
        &o.out,
        "order_id,customer_id,customer_email,created_at,currency,financial_status,line_item_id,variant_id,sku,name,"
        "variant_title,category,brand,quantity,unit_price,line_discount");
    writer_end_row(&o.out);
    while (o.lines_done < plan->lines)
        order_make(&o);
    writer_close(&o.out);
    *made = o.made;
    calendar_fini(&o.calendar);
    alias_fini(&o.variants);
    alias_fini(&o.groups);
    alias_fini(&o.favourites);
    buf_fini(&o.text);
    buf_fini(&o.head);
    free(o.lines);
    free(o.hits);
    free(o.favourite);
}
