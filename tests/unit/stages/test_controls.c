// The merchant's controls hold in every bundle of every type: random shops, random options, compared with what a plain
// reading of the options by name says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/json_out.h"
#include "tests/unit/offers/shop.h"
#include "worker/stages/job_request.h"

enum { PRODUCTS = 18, TYPES = 4, VENDORS = 3, TAGS = 3, ORDERS = 120, SHOPS = 12, WISHES = 12, LISTS = 3, MEMBERS = 3 };

static uint64_t seed;

static unsigned roll(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

// ---- a shop: product p is "p<p>" of type "Type <t>", vendor "Vendor <v>", tags "tag <t>" ----

struct facts {
    char name[8], type[8], vendor[10], tags[24], title[16];
    unsigned price; // hundredths
};

static void random_shop(struct shop *s, struct facts *facts)
{
    shop_open(s);
    for (unsigned p = 0; p < PRODUCTS; p++) {
        struct facts *f = &facts[p];
        f->price = 500 + 100 * roll(30);
        (void)snprintf(f->name, sizeof f->name, "p%u", p);
        (void)snprintf(f->title, sizeof f->title, "Product p%u", p);
        (void)snprintf(f->type, sizeof f->type, "Type %u", roll(TYPES));
        (void)snprintf(f->vendor, sizeof f->vendor, "Vendor %u", roll(VENDORS));
        (void)snprintf(f->tags, sizeof f->tags, "tag %u, tag %u", roll(TAGS), roll(TAGS));
        shop_product(s, (struct shop_product){.variant = f->name,
                                              .title = f->title,
                                              .type = f->type,
                                              .vendor = f->vendor,
                                              .tags = f->tags,
                                              .price = f->price,
                                              .cost = f->price / 3,
                                              .stock = 50,
                                              .day = (int)roll(100)});
    }
    for (unsigned o = 0; o < ORDERS; o++) {
        char lines[64], customer[8];
        unsigned hub = roll(5);
        (void)snprintf(lines, sizeof lines, "p%u:%u p%u p%u p%u", hub, 1 + roll(3), hub + 5, hub + 6 + roll(3),
                       roll(PRODUCTS));
        (void)snprintf(customer, sizeof customer, "c%u", roll(25));
        shop_order(s, (int)o, customer, lines);
    }
    shop_ready(s);
}

// ---- wishes: the options as the test understands them, and as the job says them ----

struct wish {
    bool out[PRODUCTS], in[PRODUCTS], out_type[TYPES], in_type[TYPES], out_vendor[VENDORS], in_vendor[VENDORS],
        out_tag[TAGS], in_tag[TAGS];
    unsigned apart[LISTS][MEMBERS];
    uint32_t types;
    unsigned price_max;             // 0: none
    unsigned discount_pct, bundles; // 0: none
};

static void draw(bool *set, unsigned n, unsigned one_in)
{
    for (unsigned i = 0; i < n; i++)
        set[i] = roll(one_in) == 0;
}

static void random_wish(struct wish *w)
{
    *w = (struct wish){.types = (1u << TYPE_COUNT) - 1};
    draw(w->out, PRODUCTS, 8);
    if (roll(3) == 0)
        draw(w->in, PRODUCTS, 2);
    if (roll(3) == 0)
        draw(w->out_type, TYPES, 4);
    if (roll(4) == 0)
        draw(w->in_type, TYPES, 2);
    if (roll(4) == 0)
        draw(w->out_vendor, VENDORS, 3);
    if (roll(4) == 0)
        draw(w->in_vendor, VENDORS, 2);
    if (roll(4) == 0)
        draw(w->out_tag, TAGS, 3);
    if (roll(4) == 0)
        draw(w->in_tag, TAGS, 2);
    for (unsigned l = 0; l < LISTS; l++)
        for (unsigned m = 0; m < MEMBERS; m++)
            w->apart[l][m] = roll(PRODUCTS);
    if (roll(2))
        w->types = 1 + roll((1u << TYPE_COUNT) - 1);
    w->price_max = roll(3) ? 0 : 2000;
    w->discount_pct = roll(2) ? 0 : 9;
    w->bundles = roll(2) ? 0 : 7;
}

// Names in any case, products by their ids or titles.
static void put_name(struct json_out *j, const char *prefix, unsigned i)
{
    char name[32];
    (void)snprintf(name, sizeof name, "%s%u", prefix, i);
    for (char *c = name; *c; c++)
        if (*c >= 'a' && *c <= 'z' && roll(2))
            *c = (char)(*c - 32);
    json_out_str(j, str_of(name));
}

static void put_product(struct json_out *j, unsigned p)
{
    put_name(j, roll(2) ? "p" : "Product p", p);
}

static void put_set(struct json_out *j, const char *key, const char *prefix, const bool *set, unsigned n)
{
    json_out_key(j, key);
    json_out_array(j);
    for (unsigned i = 0; i < n; i++)
        if (set[i])
            put_name(j, prefix, i);
    json_out_end(j);
}

static void put_wish(const struct wish *w, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_str(&j, "shop", STR("demo"));
    json_out_key_str(&j, "upload", STR("u"));
    json_out_key(&j, "options");
    json_out_object(&j);
    put_set(&j, "exclude", "p", w->out, PRODUCTS);
    put_set(&j, "only", "Product p", w->in, PRODUCTS);
    put_set(&j, "exclude_types", "Type ", w->out_type, TYPES);
    put_set(&j, "only_types", "Type ", w->in_type, TYPES);
    put_set(&j, "exclude_vendors", "Vendor ", w->out_vendor, VENDORS);
    put_set(&j, "only_vendors", "Vendor ", w->in_vendor, VENDORS);
    put_set(&j, "exclude_tags", "tag ", w->out_tag, TAGS);
    put_set(&j, "only_tags", "tag ", w->in_tag, TAGS);
    if (w->price_max)
        json_out_key_int(&j, "max_price", w->price_max / 100);
    if (w->discount_pct)
        json_out_key_int(&j, "max_discount", w->discount_pct);
    if (w->bundles)
        json_out_key_int(&j, "bundles", w->bundles);
    json_out_key(&j, "types");
    json_out_array(&j);
    for (unsigned t = 0; t < TYPE_COUNT; t++)
        if (w->types >> t & 1)
            json_out_str(&j, str_of(bundle_type_name((enum bundle_type)t)));
    json_out_end(&j);
    json_out_key(&j, "not_together");
    json_out_array(&j);
    for (unsigned l = 0; l < LISTS; l++) {
        json_out_array(&j);
        for (unsigned m = 0; m < MEMBERS; m++)
            put_product(&j, w->apart[l][m]);
        json_out_end(&j);
    }
    json_out_end(&j);
    json_out_end(&j);
    json_out_end(&j);
}

// ---- the oracle ----

static bool is_any(const bool *set, unsigned n)
{
    bool is = false;
    for (unsigned i = 0; i < n; i++)
        is |= set[i];
    return is;
}

static unsigned digit_of(struct str s)
{
    return (unsigned)(s.ptr[s.len - 1] - '0');
}

static bool has_tag_of(const struct item *i, const bool *tags)
{
    return tags[i->tags.ptr[4] - '0'] || tags[digit_of(i->tags)]; // "tag a, tag b"
}

static bool is_allowed(const struct wish *w, const struct item *i, unsigned p)
{
    unsigned type = digit_of(i->type), vendor = digit_of(i->vendor);
    if (w->out[p] || w->out_type[type] || w->out_vendor[vendor] || has_tag_of(i, w->out_tag))
        return false;
    if ((is_any(w->in, PRODUCTS) && !w->in[p]) || (is_any(w->in_type, TYPES) && !w->in_type[type]) ||
        (is_any(w->in_vendor, VENDORS) && !w->in_vendor[vendor]) ||
        (is_any(w->in_tag, TAGS) && !has_tag_of(i, w->in_tag)))
        return false;
    return !w->price_max || i->price_minor <= w->price_max;
}

static bool is_in_list(const unsigned *list, unsigned p)
{
    return list[0] == p || list[1] == p || list[2] == p;
}

static unsigned product_of(const struct shop *s, const struct part *p)
{
    return (unsigned)strtoul(s->data->items[p->item].variant_id.ptr + 1, NULL, 10);
}

static bool holds_discount(const struct wish *w, const struct bundle *b)
{
    uint32_t most = w->discount_pct ? w->discount_pct * 100 : 10000;
    bool holds = b->pricing.discount_bp <= most;
    for (uint32_t t = 0; t < b->pricing.n_tiers; t++)
        holds &= b->pricing.tiers[t].discount_bp <= most;
    return holds;
}

static bool holds_wish(const struct shop *s, const struct wish *w, const struct bundle *b)
{
    if (!(w->types >> b->type & 1) || !holds_discount(w, b))
        return false;
    for (uint32_t i = 0; i < b->n_parts; i++) {
        unsigned p = product_of(s, &b->parts[i]);
        if (!is_allowed(w, &s->data->items[b->parts[i].item], p))
            return false;
        for (uint32_t k = 0; k < i; k++)
            for (unsigned l = 0; l < LISTS; l++)
                if (is_in_list(w->apart[l], p) && is_in_list(w->apart[l], product_of(s, &b->parts[k])))
                    return false;
    }
    return true;
}

static unsigned count_broken(const struct shop *s, const struct wish *w, const struct bundle_list *list)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < list->n; i++)
        n += !holds_wish(s, w, &list->bundles[i]);
    return n;
}

// ---- the runs ----

struct tally {
    unsigned bundles, broken;
};

static void make_all(struct shop *s, const struct offer_rules *rules, const struct wish *w, struct tally *t)
{
    struct bundle_list lists[BUNDLE_PAIRS_MAX], merged, preliminary;
    struct merge_report report;
    struct err e;
    for (uint32_t i = 0; i < BUNDLE_PAIRS_MAX; i++) {
        assert_true(offers_for_pair(&s->market, rules, (enum objective)(i / TYPE_COUNT),
                                    (enum bundle_type)(i % TYPE_COUNT), &s->memory, NULL, &lists[i], NULL, &e));
        t->broken += count_broken(s, w, &lists[i]);
    }
    assert_true(offers_merge(&s->market, rules, lists, BUNDLE_PAIRS_MAX, &s->memory, NULL, &merged, &report, &e));
    offers_preliminary(&s->market, rules, &s->memory, &preliminary);
    t->broken += count_broken(s, w, &merged) + count_broken(s, w, &preliminary);
    t->broken += w->bundles && (merged.n > w->bundles || preliminary.n > w->bundles);
    t->bundles += merged.n;
}

static void merge_all(struct shop *s, const struct offer_rules *rules, struct bundle_list *out)
{
    struct bundle_list lists[BUNDLE_PAIRS_MAX];
    struct merge_report report;
    struct err e;
    for (uint32_t i = 0; i < BUNDLE_PAIRS_MAX; i++)
        assert_true(offers_for_pair(&s->market, rules, (enum objective)(i / TYPE_COUNT),
                                    (enum bundle_type)(i % TYPE_COUNT), &s->memory, NULL, &lists[i], NULL, &e));
    assert_true(offers_merge(&s->market, rules, lists, BUNDLE_PAIRS_MAX, &s->memory, NULL, out, &report, &e));
}

static struct offer_rules rules_of(struct shop *s, struct str message, struct job_request *request)
{
    struct offer_rules rules = OFFER_RULES_DEFAULT;
    struct str payload;
    struct err e = {0};
    if (!job_payload_of_message(message, 1 << 16, &s->memory, &payload, &e) ||
        !job_request_read(payload, &s->memory, request, &e))
        fail_msg("%s", e.message);
    job_request_offer(request, s->data, &s->memory, &rules);
    return rules;
}

static struct offer_rules rules_of_wish(struct shop *s, const struct wish *w)
{
    AUTO(buf_fini) struct buf message;
    struct job_request request;
    buf_init(&message, 1 << 16);
    put_wish(w, &message);
    return rules_of(s, buf_str(&message), &request);
}

static void every_wish_holds_in_every_bundle(void **state)
{
    (void)state;
    struct tally with = {0}, without = {0};
    struct facts facts[PRODUCTS];
    for (seed = 1; seed <= SHOPS; seed++) {
        struct shop s;
        uint64_t own = seed;
        random_shop(&s, facts);
        for (unsigned k = 0; k < WISHES; k++) {
            struct wish w;
            random_wish(&w);
            struct offer_rules rules = rules_of_wish(&s, &w);
            make_all(&s, &rules, &w, &with);
            if (k == 0)
                make_all(&s, &OFFER_RULES_DEFAULT, &w, &without);
        }
        shop_close(&s);
        seed = own;
    }
    assert_int_equal(with.broken, 0);
    assert_true(with.bundles > 500);   // there was something to be broken
    assert_true(without.broken > 200); // and it would have been
}

#define JOB(options) STR("{\"shop\":\"d\",\"upload\":\"u\",\"options\":{" options "}}")

static void pins_are_item_ids(void **state)
{
    (void)state;
    struct shop s;
    struct job_request request;
    shop_open_tea(&s);
    struct offer_rules r = rules_of(&s, JOB("\"pin\":[\"SPOON\",\"cups\",\"glass teapot\"]"), &request);
    static const char *const PINNED[] = {"cupb", "cupg", "cupr", "pot", "spoon"};
    assert_int_equal(r.n_pinned, 5);
    for (uint32_t i = 0; i < s.data->n_items; i++) {
        bool is_expected = false;
        for (size_t k = 0; k < ARRAY_LEN(PINNED); k++)
            is_expected |= i == shop_item(&s, PINNED[k]);
        assert_int_equal(item_is_pinned(&r, i), is_expected);
    }
    shop_close(&s);
}

static bool is_led_by(const struct bundle_list *list, uint32_t item)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (list->bundles[i].parts[0].item == item)
            return true;
    return false;
}

// In a short list, whatever it is that they sell.
static void pinned_products_keep_a_place(void **state)
{
    (void)state;
    unsigned kept_unpinned = 0;
    struct facts facts[PRODUCTS];
    for (seed = 101; seed <= 100 + SHOPS; seed++) {
        struct shop s;
        struct job_request request;
        struct bundle_list pinned, plain;
        uint64_t own = seed;
        random_shop(&s, facts);
        struct offer_rules r = rules_of(
            &s, JOB("\"bundles\":6,\"pin\":[\"p3\",\"p9\",\"p16\"],\"objectives\":[\"increase_aov\"]"), &request);
        struct offer_rules unpinned = r;
        unpinned.n_pinned = 0;
        merge_all(&s, &r, &pinned);
        merge_all(&s, &unpinned, &plain);
        assert_int_equal(r.n_pinned, 3);
        for (uint32_t p = 0; p < r.n_pinned; p++) {
            assert_true(is_led_by(&pinned, r.pinned[p]));
            kept_unpinned += is_led_by(&plain, r.pinned[p]);
        }
        shop_close(&s);
        seed = own;
    }
    assert_true(kept_unpinned < 3 * SHOPS / 2);
}

static void a_product_named_twice_is_one_member(void **state)
{
    (void)state;
    struct shop s;
    struct job_request request;
    shop_open_tea(&s);
    struct offer_rules r =
        rules_of(&s, JOB("\"not_together\":[[\"cups\",\"cupb\",\"pot\"],[\"cupb\",\"cupg\"]]"), &request);
    uint32_t b = shop_item(&s, "cupb"), g = shop_item(&s, "cupg"), red = shop_item(&s, "cupr"),
             pot = shop_item(&s, "pot");
    for (enum bundle_type t = 0; t < TYPE_COUNT; t++) {
        assert_false(items_may_share(&s.market, &r, OBJECTIVE_INCREASE_AOV, t, b, pot));
        assert_false(items_may_share(&s.market, &r, OBJECTIVE_INCREASE_AOV, t, red, pot));
        assert_false(items_may_share(&s.market, &r, OBJECTIVE_INCREASE_AOV, t, b, g)); // the second list
    }
    assert_true(items_may_share(&s.market, &r, OBJECTIVE_INCREASE_AOV, TYPE_MIX_MATCH, b, red));
    shop_close(&s);
}

static void what_was_asked_for_in_vain_is_reported(void **state)
{
    (void)state;
    struct shop s;
    struct job_request request;
    AUTO(buf_fini) struct buf out;
    buf_init(&out, 10000);
    shop_open_tea(&s);
    struct offer_rules r = rules_of(
        &s,
        JOB("\"types\":[\"FBT\"],\"objectives\":[\"increase_aov\"],\"exclude\":[\"pot\",\"kettle\"],"
            "\"only_tags\":[\"winter\"],\"pin\":[\"POT\",\"xmas\",\"mug\"],\"not_together\":[[\"pot\",\"pan\"]]"),
        &request);
    struct json_out j = json_out_on(&out);
    json_out_object(&j);
    job_request_report(&request, &s.market, &r, &j);
    json_out_end(&j);
    assert_string_equal(out.data,
                        "{\"options\":{\"objectives\":[\"increase_aov\"],\"types\":[\"FBT\"],\"exclude\":[\"pot\","
                        "\"kettle\"],\"only_tags\":[\"winter\"],\"pin\":[\"POT\",\"xmas\",\"mug\"],\"not_together\":"
                        "[[\"pot\",\"pan\"]]},\"options_of_shop\":[],\"options_ignored\":[],\"options_unknown\":["
                        "{\"option\":\"exclude\",\"name\":\"kettle\"},{\"option\":\"pin\",\"name\":\"mug\"},"
                        "{\"option\":\"not_together\",\"name\":\"pan\"}],\"pinned_not_offered\":[\"POT\"],"
                        "\"not_in_catalog\":0}");
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wish_holds_in_every_bundle),       cmocka_unit_test(pins_are_item_ids),
        cmocka_unit_test(pinned_products_keep_a_place),           cmocka_unit_test(a_product_named_twice_is_one_member),
        cmocka_unit_test(what_was_asked_for_in_vain_is_reported),
    };
    return cmocka_run_group_tests_name("controls", tests, NULL, NULL);
}
