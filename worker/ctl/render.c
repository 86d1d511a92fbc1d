#include "worker/ctl/render.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

#include "common/check.h"
#include "worker/ctl/spreadsheet.h"
#include "worker/dataset/money.h"
#include "worker/offers/bundle.h"

enum {
    RANK_COLUMNS = 4,
    MONEY_COLUMNS = 11,
    SAVE_COLUMNS = 7,
    WIDE_FROM = 76,
    PRODUCT_LINES_MAX = 4,
    REASONS_MAX = 40
};

static const char DOT[] = " \xC2\xB7 ";

// ---- fields ----

static const json_t *get(const json_t *o, const char *key)
{
    return json_object_get(o, key);
}

static struct str text_of(const json_t *o, const char *key)
{
    const json_t *v = get(o, key);
    return (struct str){json_is_string(v) ? json_string_value(v) : "", json_is_string(v) ? json_string_length(v) : 0};
}

static bool number_of(const json_t *o, const char *key, double *out)
{
    const json_t *v = get(o, key);
    if (!json_is_number(v))
        return false;
    *out = json_number_value(v);
    return true;
}

static int64_t count_of(const json_t *o, const char *key)
{
    double value = 0;
    (void)number_of(o, key, &value);
    return (int64_t)value;
}

static bool has_type(const json_t *bundle, enum bundle_type wanted)
{
    enum bundle_type t;
    return bundle_type_of_name(text_of(bundle, "bundle_type"), &t) && t == wanted;
}

// ---- words ----

static void put_percent(double pct, struct buf *out)
{
    double tenths = round(pct * 10);
    if (fmod(tenths, 10) == 0)
        buf_printf(out, "%.0f%%", tenths / 10);
    else
        buf_printf(out, "%.1f%%", tenths / 10);
}

// false and nothing where there is no such amount.
static bool put_money(const json_t *o, const char *key, struct str currency, struct buf *out)
{
    double amount;
    unsigned decimals;
    if (!number_of(o, key, &amount))
        return false;
    if (currency_decimals(currency, &decimals))
        money_print_for_people(out, llround(amount * pow(10, decimals)), currency);
    else
        buf_printf(out, "%.2f", amount);
    return true;
}

static void put_product(const json_t *product, bool has_article, struct buf *out)
{
    int64_t quantity = count_of(product, "quantity");
    if (quantity > 1)
        buf_printf(out, has_article ? "%lld " : "%lld \xC3\x97 ", (long long)quantity);
    struct str name = text_of(product, "name");
    term_put(out, name.len ? name : text_of(product, "sku"));
}

// The products of one role, or with role NULL all of them.
static void put_products(const json_t *bundle, const char *role, const char *between, bool has_article, struct buf *out)
{
    const json_t *product;
    size_t i;
    const char *glue = "";
    json_array_foreach(get(bundle, "products"), i, product)
    {
        if (role && !str_eq(text_of(product, "role"), str_of(role)))
            continue;
        buf_puts(out, glue);
        put_product(product, has_article, out);
        glue = between;
    }
}

void render_products(const json_t *bundle, struct buf *out)
{
    if (has_type(bundle, TYPE_BXGY)) {
        put_products(bundle, part_role_name(ROLE_QUALIFIER), " + ", false, out);
        buf_puts(out, " \xE2\x86\x92 ");
        put_products(bundle, part_role_name(ROLE_REWARD), " + ", false, out);
    } else {
        put_products(bundle, NULL, has_type(bundle, TYPE_MIX_MATCH) ? " | " : " + ", false, out);
    }
}

static void offer_volume(const json_t *pricing, struct str currency, struct buf *out)
{
    const json_t *tier;
    size_t i;
    json_array_foreach(get(pricing, "tiers"), i, tier)
    {
        AUTO(buf_fini) struct buf each;
        double pct = 0;
        buf_init(&each, 128);
        (void)number_of(tier, "discount_pct", &pct);
        buf_printf(out, "%s%lld+ ", i ? ", " : "", (long long)count_of(tier, "min_qty"));
        put_percent(pct, out);
        if (put_money(tier, "unit_price", currency, &each))
            buf_printf(out, " (%s each)", each.data);
    }
}

static void offer_bxgy(const json_t *bundle, const json_t *pricing, struct buf *out)
{
    double pct = 0;
    (void)number_of(get(pricing, "get"), "discount_pct", &pct);
    buf_puts(out, "Buy ");
    put_products(bundle, part_role_name(ROLE_QUALIFIER), " and ", true, out);
    buf_puts(out, ", get ");
    put_products(bundle, part_role_name(ROLE_REWARD), " and ", true, out);
    if (pct >= 100) {
        buf_puts(out, " free");
        return;
    }
    buf_putc(out, ' ');
    put_percent(pct, out);
    buf_puts(out, " off");
}

static void offer_fixed(const json_t *pricing, struct str currency, double pct, struct buf *out)
{
    buf_puts(out, "Kit ");
    if (put_money(pricing, "bundle_price", currency, out)) {
        buf_puts(out, " instead of ");
        (void)put_money(pricing, "original_total", currency, out);
        return;
    }
    put_percent(pct, out);
    buf_puts(out, " off");
}

void render_offer(const json_t *bundle, struct buf *out)
{
    const json_t *pricing = get(bundle, "pricing");
    struct str currency = text_of(pricing, "currency");
    double pct = 0;
    enum bundle_type type;
    (void)number_of(pricing, "total_discount_pct", &pct);
    if (!bundle_type_of_name(text_of(bundle, "bundle_type"), &type))
        type = TYPE_FBT;
    switch (type) {
    case TYPE_VOLUME:
        offer_volume(pricing, currency, out);
        return;
    case TYPE_BXGY:
        offer_bxgy(bundle, pricing, out);
        return;
    case TYPE_FIXED:
        offer_fixed(pricing, currency, pct, out);
        return;
    case TYPE_MIX_MATCH:
        buf_printf(out, "Any %lld of %zu: ", (long long)count_of(pricing, "pick_n"),
                   json_array_size(get(bundle, "products")));
        break;
    case TYPE_FBT:
    case TYPE_COUNT:
        buf_puts(out, "Together ");
        break;
    }
    put_percent(pct, out);
    buf_puts(out, " off");
}

// ---- the table ----

static bool is_wide(const struct term *t)
{
    return t->columns >= WIDE_FROM;
}

static unsigned money_columns(const struct term *t)
{
    return MONEY_COLUMNS + (is_wide(t) ? MONEY_COLUMNS + SAVE_COLUMNS : 0);
}

static unsigned text_columns(const struct term *t)
{
    return t->columns - RANK_COLUMNS - money_columns(t) - 1;
}

static void put_heading(const struct term *t, struct buf *out)
{
    term_style_begin(t, TERM_DIM, out);
    buf_printf(out, "%*s ", RANK_COLUMNS - 1, "#");
    term_put_padded(out, STR("What is sold, the offer, and why"), text_columns(t), false);
    buf_printf(out, "%*s", MONEY_COLUMNS, "Price");
    if (is_wide(t))
        buf_printf(out, "%*s%*s", MONEY_COLUMNS, "Before", SAVE_COLUMNS, "Save");
    term_style_end(t, out);
    buf_putc(out, '\n');
}

static void put_amount(const json_t *pricing, const char *key, struct buf *out)
{
    AUTO(buf_fini) struct buf amount;
    buf_init(&amount, 128);
    if (!put_money(pricing, key, text_of(pricing, "currency"), &amount))
        buf_putc(&amount, '-');
    term_put_padded(out, buf_str(&amount), MONEY_COLUMNS, true);
}

static void put_prices(const struct term *t, const json_t *pricing, struct buf *out)
{
    double pct;
    put_amount(pricing, "bundle_price", out);
    if (!is_wide(t))
        return;
    put_amount(pricing, "original_total", out);
    AUTO(buf_fini) struct buf save;
    buf_init(&save, 64);
    if (number_of(pricing, "total_discount_pct", &pct))
        put_percent(pct, &save);
    term_put_padded(out, buf_str(&save), SAVE_COLUMNS, true);
}

static void put_wrapped(const struct term *t, struct str text, enum term_style style, struct buf *out)
{
    struct str line;
    while (term_wrap(&text, t->columns - RANK_COLUMNS, &line)) {
        buf_printf(out, "%*s", RANK_COLUMNS, "");
        term_style_begin(t, style, out);
        term_put(out, line);
        term_style_end(t, out);
        buf_putc(out, '\n');
    }
}

// What is sold, with the prices beside its first line.
static void put_what(const struct term *t, const json_t *bundle, struct buf *out)
{
    AUTO(buf_fini) struct buf products;
    buf_init(&products, 1 << 20);
    render_products(bundle, &products);
    struct str rest = buf_str(&products), line = {"", 0};
    for (unsigned n = 0; n < PRODUCT_LINES_MAX; n++) {
        if (!term_wrap(&rest, text_columns(t), &line) && n > 0)
            break;
        if (n > 0)
            buf_printf(out, "%*s", RANK_COLUMNS, "");
        else
            buf_printf(out, "%*lld ", RANK_COLUMNS - 1, (long long)count_of(bundle, "rank_position"));
        if (n + 1 == PRODUCT_LINES_MAX && rest.len) // the last line takes what is left, and is cut
            line.len = (size_t)(rest.ptr + rest.len - line.ptr);
        term_style_begin(t, TERM_BOLD, out);
        if (n == 0)
            term_put_padded(out, line, text_columns(t), false);
        else
            term_put_cut(out, line, text_columns(t));
        term_style_end(t, out);
        if (n == 0)
            put_prices(t, get(bundle, "pricing"), out);
        buf_putc(out, '\n');
    }
}

static void put_kind(const json_t *bundle, struct buf *out)
{
    enum bundle_type type;
    enum objective objective;
    if (bundle_type_of_name(text_of(bundle, "bundle_type"), &type))
        buf_printf(out, "%s%s", DOT, bundle_type_words(type));
    if (objective_of_name(text_of(bundle, "objective"), &objective))
        buf_printf(out, "%s%s", DOT, objective_row(objective)->words);
    if (json_is_true(get(bundle, "is_approved")))
        buf_printf(out, "%sapproved", DOT);
}

static void put_bundle(const struct term *t, const json_t *bundle, struct buf *out)
{
    AUTO(buf_fini) struct buf offer;
    buf_init(&offer, 1 << 20);
    put_what(t, bundle, out);
    render_offer(bundle, &offer);
    put_kind(bundle, &offer);
    put_wrapped(t, buf_str(&offer), TERM_GREEN, out);
    put_wrapped(t, text_of(bundle, "explanation"), TERM_DIM, out);
    buf_putc(out, '\n');
}

// ---- above and below it ----

static void put_figure(const json_t *o, const char *key, const char *words, const char *glue, struct buf *out)
{
    if (!json_is_number(get(o, key)))
        return;
    buf_puts(out, glue);
    term_put_count(out, (uint64_t)count_of(o, key));
    buf_printf(out, " %s", words);
}

static void put_lines(const struct term *t, struct str text, struct buf *out)
{
    struct str line;
    while (term_wrap(&text, t->columns, &line)) {
        term_put(out, line);
        buf_putc(out, '\n');
    }
}

// A preview has its figures in "upload", a job in its metrics.
static const json_t *figures_of(const json_t *document)
{
    const json_t *upload = get(document, "upload");
    return get(upload, "orders") ? upload : get(get(get(document, "metrics"), "prepare"), "dataset");
}

static void put_upload(const struct term *t, const json_t *upload, const json_t *figures, struct buf *out)
{
    AUTO(buf_fini) struct buf line;
    buf_init(&line, 1 << 16);
    struct str shop = text_of(upload, "shop_id"), as_of = text_of(upload, "as_of");
    buf_puts(&line, "shop ");
    term_put(&line, shop.len ? shop : text_of(upload, "shop"));
    put_figure(figures, "orders", "orders", DOT, &line);
    put_figure(figures, get(figures, "lines") ? "lines" : "order_lines", "lines", DOT, &line);
    put_figure(figures, get(figures, "items") ? "items" : "variants", "products and variants", DOT, &line);
    if (as_of.len)
        buf_printf(&line, "%snewest order %.*s", DOT, as_of.len < 10 ? (int)as_of.len : 10, as_of.ptr);
    put_lines(t, buf_str(&line), out);
}

// For people; a reason that is not here is said as it stands.
static const char *left_out_words(const char *reason)
{
    static const char *const WORDS[][2] = {
        {"quantity", "without a quantity"},     {"price", "without a price"},
        {"cancelled", "cancelled or refunded"}, {"gift_card", "gift cards"},
        {"no_identity", "without a product"},   {"service", "postage, fees and the like"},
        {"currency", "in another currency"},    {"no_order", "without their order"},
        {"duplicate", "of orders seen before"}};
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++)
        if (strcmp(reason, WORDS[i][0]) == 0)
            return WORDS[i][1];
    return reason;
}

static void put_left_out(const struct term *t, const json_t *left_out, struct buf *out)
{
    AUTO(buf_fini) struct buf line;
    buf_init(&line, 1 << 16);
    const char *key, *glue = "lines left out: ";
    json_t *n;
    json_object_foreach((json_t *)(uintptr_t)left_out, key, n)
    {
        if (json_integer_value(n) == 0)
            continue;
        buf_puts(&line, glue);
        term_put_count(&line, (uint64_t)json_integer_value(n));
        buf_printf(&line, " %s", left_out_words(key));
        glue = ", ";
    }
    if (line.len == 0)
        return;
    put_lines(t, buf_str(&line), out);
}

// `all`: how many there are; a preview of the best N has only these in its document.
static void put_totals(const json_t *bundles, size_t shown, int64_t all, struct buf *out)
{
    unsigned by_type[TYPE_COUNT] = {0};
    const json_t *bundle;
    size_t i;
    enum bundle_type type;
    json_array_foreach(bundles, i, bundle)
    {
        if (i < shown && bundle_type_of_name(text_of(bundle, "bundle_type"), &type))
            by_type[type]++;
    }
    if (all > (int64_t)shown)
        buf_printf(out, "%zu of ", shown);
    buf_printf(out, "%lld %s", (long long)all, all == 1 ? "bundle" : "bundles");
    const char *glue = ": ";
    for (int t = 0; t < TYPE_COUNT; t++) {
        if (by_type[t] == 0)
            continue;
        buf_printf(out, "%s%u %s", glue, by_type[t], bundle_type_words((enum bundle_type)t));
        glue = ", ";
    }
    buf_putc(out, '\n');
}

// Where the copy comes from, where a language model is configured.
static void put_copy(const struct term *t, const json_t *copy, struct buf *out)
{
    AUTO(buf_fini) struct buf line;
    const json_t *from = get(copy, "bundles"), *n;
    const char *kind, *glue = " (";
    buf_init(&line, 4096);
    if (!json_is_true(get(copy, "enabled")))
        return;
    buf_printf(&line, "copy: %lld by " STR_FMT ", %lld that it wrote before, %lld from templates",
               (long long)count_of(from, "model"), STR_ARG(text_of(copy, "model")), (long long)count_of(from, "cache"),
               (long long)count_of(from, "template"));
    json_object_foreach((json_t *)(uintptr_t)get(copy, "reasons"), kind, n)
    {
        buf_printf(&line, "%s%s %lld", glue, kind, (long long)json_integer_value(n));
        glue = ", ";
    }
    buf_puts(&line, glue[0] == ',' ? ")" : "");
    put_lines(t, buf_str(&line), out);
}

// Reasons with how many pairs each keeps away, in the order they come.
static void put_skipped(const struct term *t, const json_t *skipped, struct buf *out)
{
    struct {
        struct str reason;
        unsigned n;
    } reasons[REASONS_MAX];
    size_t n_reasons = 0, i;
    const json_t *pair;
    json_array_foreach(skipped, i, pair)
    {
        struct str reason = text_of(pair, "reason");
        size_t at = 0;
        while (at < n_reasons && !str_eq(reasons[at].reason, reason))
            at++;
        if (at == REASONS_MAX)
            continue;
        if (at == n_reasons)
            reasons[n_reasons++].n = 0;
        reasons[at].reason = reason;
        reasons[at].n++;
    }
    term_style_begin(t, TERM_DIM, out);
    if (n_reasons)
        buf_puts(out, "not applicable here (combinations of objective and type):\n");
    for (i = 0; i < n_reasons; i++) {
        buf_printf(out, "%*u  ", RANK_COLUMNS, reasons[i].n);
        term_put_cut(out, reasons[i].reason, t->columns - RANK_COLUMNS - 2);
        buf_putc(out, '\n');
    }
    term_style_end(t, out);
}

static void put_timings(const json_t *timings, struct buf *out)
{
    const char *phase, *glue = "time: ";
    json_t *ms;
    if (json_object_size(timings) == 0)
        return;
    json_object_foreach((json_t *)(uintptr_t)timings, phase, ms)
    {
        buf_printf(out, "%s%s %.1f ms", glue, phase, json_number_value(ms));
        glue = ", ";
    }
    buf_putc(out, '\n');
}

static void put_none(const json_t *upload, const json_t *metrics, struct buf *out)
{
    struct str reason = text_of(metrics, "no_bundles_reason"), failure = text_of(upload, "error_message");
    struct str status = text_of(upload, "status");
    bool is_final = status.len == 0 || str_eq(status, STR("final"));
    buf_puts(out, is_final ? "No bundles" : "No bundles yet");
    if (failure.len || reason.len) {
        buf_puts(out, ": ");
        term_put(out, failure.len ? failure : reason);
    } else if (!is_final) {
        buf_puts(out, ": the upload is ");
        term_put(out, status);
    }
    buf_puts(out, ".\n");
}

static size_t shown_of(const json_t *bundles, unsigned top)
{
    size_t n = json_array_size(bundles);
    return top && n > top ? top : n;
}

void render_table(const struct term *t, const json_t *document, unsigned top, struct buf *out)
{
    const json_t *bundles = get(document, "bundles"), *metrics = get(document, "metrics");
    const json_t *upload = get(document, "upload"), *prepare = get(metrics, "prepare");
    size_t shown = shown_of(bundles, top);
    const json_t *figures = figures_of(document);
    put_upload(t, upload, figures, out);
    put_left_out(t, get(figures, "left_out"), out);
    buf_putc(out, '\n');
    if (shown)
        put_heading(t, out);
    for (size_t i = 0; i < shown; i++)
        put_bundle(t, json_array_get(bundles, i), out);
    int64_t all = count_of(metrics, "bundles"), listed = (int64_t)json_array_size(bundles);
    if (shown)
        put_totals(bundles, shown, all > listed ? all : listed, out);
    else
        put_none(upload, metrics, out);
    put_copy(t, get(metrics, "copy"), out);
    const json_t *skipped = get(metrics, "pairs_skipped");
    put_skipped(t, skipped ? skipped : get(prepare, "pairs_skipped"), out);
    put_timings(get(metrics, "timings_ms"), out);
}

// ---- CSV ----

static void csv_text(struct str text, struct buf *out)
{
    spreadsheet_put_cell(out, text);
    buf_putc(out, ',');
}

static void csv_number(const json_t *o, const char *key, struct str currency, struct buf *out)
{
    double value;
    unsigned decimals = 2;
    (void)currency_decimals(currency, &decimals);
    if (number_of(o, key, &value))
        buf_printf(out, "%.*f", (int)decimals, value);
    buf_putc(out, ',');
}

static void csv_row(const json_t *bundle, struct buf *out)
{
    AUTO(buf_fini) struct buf text;
    buf_init(&text, 1 << 20);
    const json_t *pricing = get(bundle, "pricing");
    struct str currency = text_of(pricing, "currency");
    buf_printf(out, "%lld,", (long long)count_of(bundle, "rank_position"));
    csv_text(text_of(bundle, "id"), out);
    csv_text(text_of(bundle, "status"), out);
    csv_text(text_of(bundle, "bundle_type"), out);
    csv_text(text_of(bundle, "objective"), out);
    render_products(bundle, &text);
    csv_text(buf_str(&text), out);
    buf_clear(&text);
    render_offer(bundle, &text);
    csv_text(buf_str(&text), out);
    csv_number(pricing, "bundle_price", currency, out);
    csv_number(pricing, "original_total", currency, out);
    csv_number(pricing, "total_discount_pct", STR(""), out);
    csv_text(currency, out);
    csv_text(text_of(get(bundle, "ai_copy"), "title"), out);
    spreadsheet_put_cell(out, text_of(bundle, "explanation"));
    buf_puts(out, "\r\n");
}

void render_csv(const json_t *document, unsigned top, struct buf *out)
{
    const json_t *bundles = get(document, "bundles");
    buf_puts(out,
             "rank,id,status,bundle_type,objective,products,offer,bundle_price,original_total,discount_pct,currency,"
             "title,explanation\r\n");
    for (size_t i = 0; i < shown_of(bundles, top); i++)
        csv_row(json_array_get(bundles, i), out);
}
