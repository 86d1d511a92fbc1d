#include "worker/copy/template_slots.h"

#include "common/check.h"
#include "worker/copy/unicode.h"
#include "worker/offers/phrase.h"

void template_form_names(struct template_writer *w, enum template_name_form form, size_t name_max, const char *between,
                         const char *last)
{
    w->form = form;
    w->name_max = name_max;
    w->between = between;
    w->last = last;
}

// ---- names ----

void template_put_name(struct template_writer *w, uint32_t item, struct buf *out)
{
    const struct item *it = &w->market->data->items[item];
    struct arena scratch;
    struct buf name;
    arena_init(&scratch, 0);
    buf_init(&name, TEMPLATE_BYTES_MAX);
    unicode_put_line(&name, w->form == NAME_PRODUCT   ? it->title
                            : w->form == NAME_VARIANT ? it->variant_title
                                                      : item_display_name(it, &scratch));
    phrase_put_cut(out, buf_str(&name), w->name_max);
    buf_fini(&name);
    arena_fini(&scratch);
}

void template_put_names(struct template_writer *w, struct buf *out)
{
    for (uint32_t i = 0; i < w->bundle->n_parts; i++) {
        buf_puts(out, i == 0 ? "" : i + 1 == w->bundle->n_parts ? w->last : w->between);
        template_put_name(w, w->bundle->parts[i].item, out);
    }
}

static void put_role(struct template_writer *w, enum part_role role, struct buf *out)
{
    bool is_first = true;
    for (uint32_t i = 0; i < w->bundle->n_parts; i++) {
        const struct part *p = &w->bundle->parts[i];
        if (p->role != role)
            continue;
        buf_puts(out, is_first ? "" : w->words->and);
        if (p->quantity > 1)
            buf_printf(out, "%u x ", p->quantity);
        template_put_name(w, p->item, out);
        is_first = false;
    }
}

// ---- slots ----

typedef void slot_function(struct template_writer *w, struct buf *out);

static void slot_first(struct template_writer *w, struct buf *out)
{
    template_put_name(w, w->bundle->parts[0].item, out);
}

static void slot_rest(struct template_writer *w, struct buf *out)
{
    buf_printf(out, "%u", w->bundle->n_parts - 1);
}

static void slot_n(struct template_writer *w, struct buf *out)
{
    buf_printf(out, "%u", w->bundle->n_parts);
}

static void slot_pick(struct template_writer *w, struct buf *out)
{
    buf_printf(out, "%u", w->bundle->pricing.pick_n);
}

static void slot_buy(struct template_writer *w, struct buf *out)
{
    put_role(w, ROLE_QUALIFIER, out);
}

static void slot_get(struct template_writer *w, struct buf *out)
{
    put_role(w, ROLE_REWARD, out);
}

static void slot_off(struct template_writer *w, struct buf *out)
{
    phrase_percent(out, w->bundle->pricing.get_discount_bp);
}

static void slot_price(struct template_writer *w, struct buf *out)
{
    phrase_money(w->market, out, w->bundle->pricing.bundle_minor);
}

static void slot_before(struct template_writer *w, struct buf *out)
{
    phrase_money(w->market, out, w->bundle->pricing.original_minor);
}

static void slot_saving(struct template_writer *w, struct buf *out)
{
    phrase_money(w->market, out, w->bundle->pricing.discount_minor);
}

static void slot_percent(struct template_writer *w, struct buf *out)
{
    phrase_percent(out, w->bundle->pricing.discount_bp);
}

static void slot_from(struct template_writer *w, struct buf *out)
{
    buf_printf(out, "%u", w->tier->min_quantity);
}

static void slot_tier(struct template_writer *w, struct buf *out)
{
    phrase_percent(out, w->tier->discount_bp);
}

static void slot_each(struct template_writer *w, struct buf *out)
{
    phrase_money(w->market, out, w->tier->unit_price_minor);
}

static void slot_list(struct template_writer *w, struct buf *out)
{
    phrase_money(w->market, out, w->bundle->parts[0].price_minor);
}

static slot_function *slot_of(struct str name)
{
    static const struct {
        const char *name;
        slot_function *put;
    } SLOTS[] = {
        {"names", template_put_names}, {"first", slot_first},   {"rest", slot_rest},     {"n", slot_n},
        {"pick", slot_pick},           {"buy", slot_buy},       {"get", slot_get},       {"off", slot_off},
        {"price", slot_price},         {"before", slot_before}, {"saving", slot_saving}, {"percent", slot_percent},
        {"from", slot_from},           {"tier", slot_tier},     {"each", slot_each},     {"list", slot_list}};
    for (size_t i = 0; i < ARRAY_LEN(SLOTS); i++) {
        if (str_eq(name, str_of(SLOTS[i].name)))
            return SLOTS[i].put;
    }
    return NULL;
}

void template_say(struct template_writer *w, enum template_sentence sentence)
{
    const char *at = w->words->sentences[sentence];
    for (const char *open; (open = strchr(at, '{')); at = strchr(open, '}') + 1) {
        buf_put(&w->text, at, (size_t)(open - at));
        slot_function *put = slot_of((struct str){open + 1, strcspn(open, "}") - 1});
        CHECK(put);
        put(w, &w->text);
    }
    buf_puts(&w->text, at);
}
