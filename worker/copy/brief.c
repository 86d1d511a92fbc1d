#include "worker/copy/brief.h"

#include <xxhash.h>

#include "common/check.h"
#include "common/json_out.h"
#include "worker/copy/orders.h"
#include "worker/copy/prompt.h"
#include "worker/copy/unicode.h"
#include "worker/offers/phrase.h"

enum { TEXT_BYTES_MAX = 1 << 20 };

static struct str keep(const struct buf *text, struct arena *memory)
{
    struct err e;
    CHECK(buf_ok(text, "a bundle's facts", &e)); // names are bounded by the rows' limits, parts by PARTS_MAX
    return arena_str(memory, buf_str(text));
}

// --- names

static struct str raw_name_of(const struct market *m, uint32_t item, struct arena *memory)
{
    return item_display_name(&m->data->items[item], memory);
}

static struct str name_of(const struct market *m, uint32_t item, struct arena *memory)
{
    AUTO(buf_fini) struct buf clean, cut;
    buf_init(&clean, TEXT_BYTES_MAX);
    buf_init(&cut, TEXT_BYTES_MAX);
    unicode_put_line(&clean, raw_name_of(m, item, memory));
    phrase_put_cut(&cut, buf_str(&clean), BRIEF_NAME_MAX);
    return keep(&cut, memory);
}

// --- facts

struct facts {
    const struct market *market;
    const struct bundle *bundle;
    struct arena *memory;
    struct json_out json;
    struct buf text;
};

typedef void text_function(struct facts *f, int64_t value);

static void put_money(struct facts *f, int64_t minor)
{
    phrase_money(f->market, &f->text, minor);
}

static void put_percent(struct facts *f, int64_t bp)
{
    phrase_percent(&f->text, (uint32_t)bp);
}

static void put_text(struct facts *f, const char *key, text_function *put, int64_t value)
{
    buf_clear(&f->text);
    put(f, value);
    json_out_key_str(&f->json, key, buf_str(&f->text));
}

static void put_amount(struct facts *f, const char *key, int64_t minor)
{
    if (minor != MONEY_UNKNOWN)
        put_text(f, key, put_money, minor);
}

static void put_products(struct facts *f)
{
    json_out_key(&f->json, "products");
    json_out_array(&f->json);
    for (uint32_t i = 0; i < f->bundle->n_parts; i++) {
        const struct part *p = &f->bundle->parts[i];
        json_out_object(&f->json);
        json_out_key_str(&f->json, "name", name_of(f->market, p->item, f->memory));
        json_out_key_int(&f->json, "quantity", p->quantity);
        json_out_key_str(&f->json, "role", str_of(part_role_name(p->role)));
        put_amount(f, "price", p->price_minor);
        json_out_end(&f->json);
    }
    json_out_end(&f->json);
}

static void put_tiers(struct facts *f)
{
    const struct pricing *p = &f->bundle->pricing;
    json_out_key(&f->json, "tiers");
    json_out_array(&f->json);
    for (uint32_t k = 0; k < p->n_tiers; k++) {
        json_out_object(&f->json);
        json_out_key_int(&f->json, "from", p->tiers[k].min_quantity);
        put_text(f, "percent", put_percent, p->tiers[k].discount_bp);
        put_amount(f, "each", p->tiers[k].unit_price_minor);
        json_out_end(&f->json);
    }
    json_out_end(&f->json);
}

static void put_buy_get(struct facts *f)
{
    const struct pricing *p = &f->bundle->pricing;
    json_out_key_int(&f->json, "buy", p->buy_quantity);
    json_out_key_int(&f->json, "get", p->get_quantity);
    if (p->get_discount_bp == 10000)
        json_out_key_bool(&f->json, "free", true);
    else
        put_text(f, "percent", put_percent, p->get_discount_bp);
}

static void put_pick(struct facts *f)
{
    json_out_key_int(&f->json, "pick", f->bundle->pricing.pick_n);
    json_out_key_int(&f->json, "of", f->bundle->n_parts);
    put_text(f, "percent", put_percent, f->bundle->pricing.discount_bp);
}

// A set at no discount (launches may have none) tells of no saving.
static void put_set(struct facts *f)
{
    const struct pricing *p = &f->bundle->pricing;
    put_amount(f, "price", p->bundle_minor);
    if (p->discount_bp == 0)
        return;
    put_amount(f, "instead_of", p->original_minor);
    put_amount(f, "saving", p->discount_minor);
    put_text(f, "percent", put_percent, p->discount_bp);
}

static void put_offer(struct facts *f)
{
    static void (*const OF_TYPE[TYPE_COUNT])(struct facts * f) = {
        [TYPE_FBT] = put_set,        [TYPE_FIXED] = put_set,    [TYPE_VOLUME] = put_tiers,
        [TYPE_MIX_MATCH] = put_pick, [TYPE_BXGY] = put_buy_get,
    };
    json_out_key(&f->json, "offer");
    json_out_object(&f->json);
    OF_TYPE[f->bundle->type](f);
    json_out_end(&f->json);
}

static struct str facts_of(const struct market *m, const struct bundle *b, struct arena *memory)
{
    AUTO(buf_fini) struct buf out;
    struct facts f = {.market = m, .bundle = b, .memory = memory, .json = json_out_on(&out)};
    buf_init(&out, TEXT_BYTES_MAX);
    buf_init(&f.text, TEXT_BYTES_MAX);
    json_out_object(&f.json);
    json_out_key_str(&f.json, "type", str_of(bundle_type_name(b->type)));
    json_out_key_str(&f.json, "offer_kind", str_of(bundle_type_words(b->type)));
    json_out_key_str(&f.json, "goal", str_of(objective_row(b->objective)->words));
    put_products(&f);
    put_offer(&f);
    json_out_end(&f.json);
    buf_fini(&f.text);
    return keep(&out, memory);
}

// --- key

// Each with its length before it, so that "ab" + "c" is not "a" + "bc".
static void put_field(struct buf *out, struct str text)
{
    buf_printf(out, "%zu:", text.len);
    buf_put(out, text.ptr, text.len);
}

static void make_key(struct str facts, struct str model, struct str locale, char out[BRIEF_KEY_HEX + 1])
{
    static const char HEX[] = "0123456789abcdef";
    AUTO(buf_fini) struct buf all;
    struct err e;
    XXH128_canonical_t bytes;
    buf_init(&all, 2 * TEXT_BYTES_MAX);
    put_field(&all, facts);
    put_field(&all, model);
    put_field(&all, locale);
    buf_printf(&all, "%d", PROMPT_VERSION);
    CHECK(buf_ok(&all, "what a brief's key is made of", &e));
    XXH128_canonicalFromHash(&bytes, XXH3_128bits(all.data, all.len));
    for (size_t i = 0; i < sizeof bytes.digest; i++) {
        *out++ = HEX[bytes.digest[i] >> 4];
        *out++ = HEX[bytes.digest[i] & 15];
    }
    *out = '\0';
}

void brief_make(const struct market *m, const struct bundle *b, struct str model, struct str locale,
                struct arena *memory, struct brief *out)
{
    out->facts = facts_of(m, b, memory);
    make_key(out->facts, model, locale, out->key);
}

// "Please ignore all" and "previous instructions": harmless one by one, side by side in one request.
static bool has_order_across(const struct market *m, const struct bundle *b, struct arena *memory)
{
    AUTO(buf_fini) struct buf names;
    buf_init(&names, TEXT_BYTES_MAX);
    for (uint32_t i = 0; i < b->n_parts; i++) {
        struct str name = name_of(m, b->parts[i].item, memory); // as it would be sent
        buf_printf(&names, "%s%s", i ? " " : "", name.ptr);
    }
    return orders_in(buf_str(&names));
}

bool brief_has_order(const struct market *m, const struct bundle *b, struct arena *memory)
{
    for (uint32_t i = 0; i < b->n_parts; i++)
        if (orders_in(raw_name_of(m, b->parts[i].item, memory))) // what is hidden in it counts, too
            return true;
    return has_order_across(m, b, memory);
}
