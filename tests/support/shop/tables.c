#include "tests/support/shop/tables.h"

#include "common/check.h"
#include "common/json_out.h"
#include "tests/support/shop/writer.h"
#include "worker/dataset/date.h"

static void put_price(struct buf *b, const struct shop_plan *plan, int64_t cents)
{
    buf_putc(b, ',');
    catalogue_put_price(b, plan, cents);
}

static void put_prices(struct buf *b, const struct shop_plan *plan, const struct shop_variant *v)
{
    put_price(b, plan, v->price);
    put_price(b, plan, v->compare_at);
    put_price(b, plan, v->cost);
}

static void put_next(struct buf *b, const char *text)
{
    buf_putc(b, ',');
    put_text(b, text);
}

static void put_next_id(struct buf *b, uint64_t id)
{
    buf_putc(b, ',');
    put_uint(b, id);
}

static void variants_write(const struct catalogue *c, const struct shop_plan *plan, const char *dir)
{
    struct writer w;
    writer_open(&w, dir, "variants.csv");
    writer_raw(&w, "variant_id,product_id,sku,variant_title,price,compare_at_price,cost,inventory_item_id");
    writer_end_row(&w);
    for (uint32_t i = 0; i < c->n_variants; i++) {
        const struct shop_variant *v = &c->variants[i];
        put_uint(&w.pending, catalogue_variant_id(i));
        put_next_id(&w.pending, catalogue_product_id(v->product));
        put_next(&w.pending, v->sku);
        put_next(&w.pending, v->title);
        put_prices(&w.pending, plan, v);
        put_next_id(&w.pending, catalogue_inventory_id(i));
        writer_end_row(&w);
    }
    writer_close(&w);
}

static void inventory_write(const struct catalogue *c, const struct shop_plan *plan, const char *dir)
{
    struct writer w;
    writer_open(&w, dir, "inventory.csv");
    writer_raw(&w, "inventory_item_id,location_id,available,updated_at");
    writer_end_row(&w);
    for (uint32_t i = 0; i < c->n_variants; i++)
        for (uint32_t location = 0; location < 2; location++) {
            int64_t available = c->variants[i].stock[location];
            if (available == UNKNOWN)
                continue;
            put_uint(&w.pending, catalogue_inventory_id(i));
            put_next_id(&w.pending, 61000000000u + location);
            put_next_id(&w.pending, (uint64_t)available);
            buf_putc(&w.pending, ',');
            date_print(&w.pending, plan->end);
            writer_end_row(&w);
        }
    writer_close(&w);
}

static void put_tags(struct buf *b, const struct shop_product *p)
{
    buf_puts(b, ",\"");
    buf_puts(b, p->type->is_consumable ? "refill" : "gift idea");
    if (p->season != SEASON_NONE) {
        buf_puts(b, ", ");
        buf_puts(b, SHOP_SEASON_NAME[p->season]);
    }
    if (p->role == ROLE_NEW)
        buf_puts(b, ", new in");
    buf_putc(b, '"');
}

static const char *status_of(const struct shop_product *p)
{
    return p->role == ROLE_ARCHIVED ? "archived" : p->role == ROLE_DRAFT ? "draft" : "active";
}

static void put_available(struct buf *b, const struct shop_variant *v)
{
    buf_putc(b, ',');
    if (v->stock[0] != UNKNOWN)
        put_uint(b, (uint64_t)(v->stock[0] + (v->stock[1] == UNKNOWN ? 0 : v->stock[1])));
}

static void catalog_write(const struct catalogue *c, const struct shop_plan *plan, const char *dir)
{
    struct writer w;
    writer_open(&w, dir, "catalog.csv");
    writer_raw(&w, "product_id,product_title,product_type,vendor,tags,product_status,product_created_at,variant_id,sku,"
                   "variant_title,price,compare_at_price,cost,available_total");
    writer_end_row(&w);
    for (uint32_t i = 0; i < c->n_variants; i++) {
        const struct shop_variant *v = &c->variants[i];
        const struct shop_product *p = &c->products[v->product];
        put_uint(&w.pending, catalogue_product_id(v->product));
        put_next(&w.pending, p->title);
        put_next(&w.pending, p->type->name);
        put_next(&w.pending, p->vendor);
        put_tags(&w.pending, p);
        put_next(&w.pending, status_of(p));
        buf_putc(&w.pending, ',');
        date_print(&w.pending, p->created_at);
        put_next_id(&w.pending, catalogue_variant_id(i));
        put_next(&w.pending, v->sku);
        put_next(&w.pending, v->title);
        put_prices(&w.pending, plan, v);
        put_available(&w.pending, v);
        writer_end_row(&w);
    }
    writer_close(&w);
}

void tables_write(const struct catalogue *c, const struct shop_plan *plan, const char *dir)
{
    variants_write(c, plan, dir);
    inventory_write(c, plan, dir);
    catalog_write(c, plan, dir);
}

static void json_id(struct json_out *j, uint32_t variant)
{
    char digits[24];
    struct buf b;
    buf_init(&b, sizeof(digits));
    put_uint(&b, catalogue_variant_id(variant));
    json_out_str(j, buf_str(&b));
    buf_fini(&b);
}

static void group_write(struct json_out *j, const struct catalogue *c, const struct shop_group *g)
{
    json_out_object(j);
    json_out_key(j, "variants");
    json_out_array(j);
    for (uint32_t k = 0; k < g->n; k++)
        json_id(j, g->variants[k]);
    json_out_end(j);
    json_out_key(j, "names");
    json_out_array(j);
    for (uint32_t k = 0; k < g->n; k++)
        json_out_str(j, str_of(c->products[c->variants[g->variants[k]].product].title));
    json_out_end(j);
    json_out_key(j, "orders");
    json_out_array(j);
    for (uint32_t k = 0; k < g->n; k++)
        json_out_int(j, (int64_t)g->orders[k]);
    json_out_end(j);
    json_out_key_int(j, "joint_orders", (int64_t)g->joint_orders);
    json_out_end(j);
}

static void groups_write(struct json_out *j, const struct catalogue *c, const char *key, enum shop_group_kind kind)
{
    json_out_key(j, key);
    json_out_array(j);
    for (uint32_t i = 0; i < c->n_groups; i++)
        if (c->groups[i].kind == kind)
            group_write(j, c, &c->groups[i]);
    json_out_end(j);
}

static void role_write(struct json_out *j, const struct catalogue *c, const char *key, enum shop_role role)
{
    json_out_key(j, key);
    json_out_array(j);
    for (uint32_t i = 0; i < c->n_variants; i++)
        if (c->products[c->variants[i].product].role == role)
            json_id(j, i);
    json_out_end(j);
}

static void seasonal_write(struct json_out *j, const struct catalogue *c)
{
    json_out_key(j, "seasonal");
    json_out_array(j);
    for (uint32_t i = 0; i < c->n_variants; i++)
        if (c->products[c->variants[i].product].season != SEASON_NONE)
            json_id(j, i);
    json_out_end(j);
}

static void numbers_write(struct json_out *j, const struct catalogue *c, const struct shop_plan *plan,
                          const struct orders_made *made)
{
    json_out_key_int(j, "version", 1);
    json_out_key_int(j, "seed", (int64_t)plan->seed);
    json_out_key_str(j, "currency", str_of(plan->currency));
    json_out_key_int(j, "lines", (int64_t)plan->lines);
    json_out_key_int(j, "orders", (int64_t)made->orders);
    json_out_key_int(j, "paid_orders", (int64_t)made->paid_orders);
    json_out_key_int(j, "customers", (int64_t)made->customers);
    json_out_key_int(j, "products", c->n_products);
    json_out_key_int(j, "variants", c->n_variants);
}

static void date_write(struct json_out *j, const char *key, int64_t at)
{
    struct buf b;
    buf_init(&b, 64);
    date_print(&b, at);
    json_out_key_str(j, key, buf_str(&b));
    buf_fini(&b);
}

void truth_write(const struct catalogue *c, const struct shop_plan *plan, const struct orders_made *made,
                 const char *dir, const char *name)
{
    struct writer w;
    writer_open(&w, dir, name);
    buf_fini(&w.pending);
    buf_init(&w.pending, 1 << 28);
    struct json_out j = json_out_on(&w.pending);
    json_out_object(&j);
    numbers_write(&j, c, plan, made);
    date_write(&j, "first_order_at", made->first_at);
    date_write(&j, "last_order_at", made->last_at);
    groups_write(&j, c, "pairs", GROUP_PAIR);
    groups_write(&j, c, "triples", GROUP_TRIPLE);
    groups_write(&j, c, "add_ons", GROUP_ADD_ON);
    role_write(&j, c, "slow_movers", ROLE_SLOW);
    role_write(&j, c, "new_launches", ROLE_NEW);
    seasonal_write(&j, c);
    json_out_end(&j);
    writer_end_row(&w);
    writer_close(&w);
}
