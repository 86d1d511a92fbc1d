// Every number that a merchant reads is recomputed from the orders as they were handed in, by straight loops that share
// nothing with the engine: those in the sentence (all of them: none may be left over) and those in the structured
// parts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ctype.h>
#include <jansson.h>
#include <math.h>

#include "common/check.h"
#include "tests/unit/offers/shop.h"
#include "worker/offers/bundle_row.h"

enum { ITEMS = 14, ORDERS_MAX = 160, SHOPS = 36, DAYS = 220 };

static const struct thing {
    const char *variant, *title, *type;
} THINGS[ITEMS] = {
    {"va", "Oak Table", "Tables"},
    {"vb", "Pine Table", "Tables"},
    {"vc", "Linen Chair", "Chairs"},
    {"vd", "Velvet Chair", "Chairs"},
    {"ve", "Brass Lamp", "Lamps"},
    {"vf", "Paper Lamp", "Lamps"},
    {"vg", "Christmas Star", "Decor"},
    {"vh", "Winter Wreath", "Decor"},
    {"vi", "Wool Rug", "Rugs"},
    {"vj", "Jute Rug", "Rugs"},
    {"vk", "Wall Clock", "Clocks"},
    {"vl", "Egg Timer", "Clocks"},
    {"vm", "Christmas Candle", "Candles"},
    {"vn", "Tea Light", "Candles"},
};

struct world { // what was handed in
    struct shop shop;
    unsigned n_orders;
    unsigned quantity[ORDERS_MAX][ITEMS];
    int day[ORDERS_MAX], customer[ORDERS_MAX]; // -1: unknown
    int64_t price[ITEMS], cost[ITEMS];         // 0: unknown
    int64_t stock[ITEMS];
    int created[ITEMS];
};

static uint64_t random_state;

static unsigned below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % n);
}

// --- a random shop

static void add_products(struct world *w)
{
    bool has_costs = below(3) > 0, has_types = below(6) > 0;
    for (unsigned i = 0; i < ITEMS; i++) {
        w->price[i] = 199 + 100 * below(60);
        w->cost[i] = has_costs && below(4) ? w->price[i] * (20 + below(60)) / 100 : 0;
        w->stock[i] = 5 + below(200);
        w->created[i] = below(5) ? -300 : DAYS - (int)below(25);
        shop_product(&w->shop, (struct shop_product){.variant = THINGS[i].variant,
                                                     .title = THINGS[i].title,
                                                     .type = has_types ? THINGS[i].type : "",
                                                     .price = w->price[i],
                                                     .cost = w->cost[i],
                                                     .stock = w->stock[i],
                                                     .day = w->created[i]});
    }
}

static void add_order(struct world *w, unsigned o, int day)
{
    char customer[16] = "", lines[200] = "";
    bool is_tiny = w->n_orders < 5; // then what was bought was always bought
    unsigned wanted = is_tiny ? 4 : 1 + below(4), home = is_tiny ? 0 : below(ITEMS);
    w->day[o] = day;
    w->customer[o] = below(6) ? (int)below(w->n_orders / 3 + 1) : -1;
    for (unsigned k = 0; k < wanted; k++) { // neighbours on the list are bought together
        unsigned item = is_tiny || below(3) ? (home + below(3)) % ITEMS : below(ITEMS);
        w->quantity[o][item] = below(item % 5 ? 3 : 50) ? 1 : 2 + below(5); // some are hardly bought twice
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        size_t len = strlen(lines);
        if (w->quantity[o][i])
            snprintf(lines + len, sizeof lines - len, "%s:%u ", THINGS[i].variant, w->quantity[o][i]);
    }
    if (w->customer[o] >= 0)
        snprintf(customer, sizeof customer, "c%d", w->customer[o]);
    shop_order(&w->shop, day, customer, lines);
}

static void open_world(struct world *w)
{
    memset(w, 0, sizeof *w);
    shop_open(&w->shop);
    w->shop.has_dates = below(5) > 0;
    w->n_orders = below(3) ? 30 + below(ORDERS_MAX - 30) : below(2) ? 1 + below(25) : 1 + below(4);
    add_products(w);
    for (unsigned o = 0; o < w->n_orders; o++)
        add_order(w, o, (int)(o * DAYS / w->n_orders));
    shop_ready(&w->shop);
}

// --- what it must say: straight loops

static bool is_recent(const struct world *w, unsigned order, int days) // ends with the newest order, seconds included
{
    int64_t newest = w->day[w->n_orders - 1] * INT64_C(86400) + w->n_orders;
    return w->day[order] * INT64_C(86400) + order + 1 >= newest - days * INT64_C(86400);
}

static unsigned items_in(const struct world *w, unsigned order)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ITEMS; i++)
        n += w->quantity[order][i] > 0;
    return n;
}

struct offer { // one bundle, read from its row
    const char *type;
    unsigned n, item[PARTS_MAX];
    bool is_base[PARTS_MAX]; // what confidence divides by
    unsigned min_quantity;
};

static bool holds(const struct world *w, const struct offer *x, unsigned order, bool is_base_alone)
{
    unsigned members = 0;
    for (unsigned p = 0; p < x->n; p++) {
        unsigned quantity = w->quantity[order][x->item[p]];
        members += quantity > 0;
        if (strcmp(x->type, "VOLUME_DISCOUNT") == 0)
            return quantity >= (is_base_alone ? 1 : x->min_quantity);
        if (strcmp(x->type, "MIX_MATCH") != 0 && quantity == 0 && (x->is_base[p] || !is_base_alone))
            return false;
    }
    return strcmp(x->type, "MIX_MATCH") != 0 || members >= (is_base_alone ? 1u : 2u);
}

static unsigned count(const struct world *w, const struct offer *x, bool is_base_alone, unsigned from)
{
    unsigned n = 0;
    for (unsigned o = from; o < w->n_orders; o++)
        n += holds(w, x, o, is_base_alone);
    return n;
}

static unsigned count_recent(const struct world *w, const struct offer *x)
{
    unsigned n = 0;
    for (unsigned o = 0; o < w->n_orders; o++)
        n += holds(w, x, o, false) && (!w->shop.has_dates || is_recent(w, o, 90));
    return n;
}

// kappa * c(S without i) * c(i) / N over multi-item orders from `from` on, the largest over i.
static double expected(const struct world *w, const struct offer *x, unsigned from)
{
    double n_multi = 0, items = 0, pairs = 0, most = 0;
    if (strcmp(x->type, "VOLUME_DISCOUNT") == 0 || strcmp(x->type, "MIX_MATCH") == 0)
        return 0;
    for (unsigned o = from; o < w->n_orders; o++) {
        double n = items_in(w, o);
        n_multi += n >= 2;
        items += n >= 2 ? n : 0;
        pairs += n * (n - 1);
    }
    for (unsigned left_out = 0; left_out < x->n && n_multi > 0; left_out++) {
        double others = 0, alone = 0;
        for (unsigned o = from; o < w->n_orders; o++) {
            bool has_others = items_in(w, o) >= 2;
            for (unsigned p = 0; p < x->n; p++)
                has_others = has_others && (p == left_out || w->quantity[o][x->item[p]] > 0);
            others += has_others;
            alone += items_in(w, o) >= 2 && w->quantity[o][x->item[left_out]] > 0;
        }
        double e = n_multi * pairs / (items * items) * others * alone / n_multi;
        most = e > most ? e : most;
    }
    return most;
}

static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

static bool is_above(unsigned n, double chance)
{
    double more = 1;
    for (unsigned k = 0; k < n; k++)
        more -= chance > 0 ? exp(k * log(chance) - chance - lgamma(k + 1.0)) : k == 0;
    return more <= 0.05;
}

static int confirmation(const struct world *w, const struct offer *x) // 1, 0, -1: cannot tell
{
    unsigned from = w->n_orders - w->n_orders / 5;
    unsigned all = count(w, x, false, 0), base = count(w, x, true, 0);
    unsigned newest = count(w, x, false, from), newest_base = count(w, x, true, from);
    double chance = expected(w, x, from), fewer = 0, none = 0;
    bool is_chance_known = strcmp(x->type, "VOLUME_DISCOUNT") != 0 && strcmp(x->type, "MIX_MATCH") != 0;
    if (all == newest || !w->shop.has_dates)
        return -1;
    for (unsigned k = 0; k <= newest; k++) {
        if (k <= all && newest_base - k <= base - all && k <= newest_base)
            fewer += exp(log_choose(all, k) + log_choose(base - all, newest_base - k) - log_choose(base, newest_base));
    }
    if (newest_base <= base - all)
        none = exp(log_choose(base - all, newest_base) - log_choose(base, newest_base));
    if (newest >= 2 && (is_chance_known ? is_above(newest, chance) : fewer > 0.05 && none <= 0.05))
        return 1;
    return fewer <= 0.05 ? 0 : -1;
}

static double repeat_rate(const struct world *w, const struct offer *x)
{
    double least = 1;
    for (unsigned p = 0; p < x->n; p++) {
        unsigned buyers = 0, repeaters = 0;
        for (int c = 0; c <= (int)w->n_orders; c++) {
            unsigned orders = 0;
            for (unsigned o = 0; o < w->n_orders; o++)
                orders += w->customer[o] == c && w->quantity[o][x->item[p]] > 0;
            buyers += orders >= 1;
            repeaters += orders >= 2;
        }
        least = fmin(least, buyers ? (double)repeaters / buyers : 0);
    }
    return least;
}

static int compare_real(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double lower_median(double *values, size_t n)
{
    qsort(values, n, sizeof values[0], compare_real);
    return values[(n - 1) / 2];
}

static double margin_of(const struct world *w, unsigned item)
{
    return (double)(w->price[item] - w->cost[item]) / (double)w->price[item];
}

static double mean_margin(const struct world *w, const struct offer *x)
{
    double known[ITEMS], sum = 0;
    size_t n = 0;
    for (unsigned i = 0; i < ITEMS; i++) {
        if (w->cost[i])
            known[n++] = margin_of(w, i);
    }
    double usual = n ? lower_median(known, n) : 0.4;
    for (unsigned p = 0; p < x->n; p++)
        sum += w->cost[x->item[p]] ? margin_of(w, x->item[p]) : usual;
    return sum / x->n;
}

static double median_price(const struct world *w)
{
    double prices[ITEMS];
    size_t n = 0;
    for (unsigned i = 0; i < ITEMS; i++) {
        bool is_sold = false;
        for (unsigned o = 0; o < w->n_orders; o++)
            is_sold |= w->quantity[o][i] > 0;
        if (is_sold)
            prices[n++] = (double)w->price[i];
    }
    return lower_median(prices, n) / 100;
}

static unsigned sold_in_60_days(const struct world *w, unsigned item)
{
    unsigned units = 0;
    for (unsigned o = 0; o < w->n_orders; o++) {
        int64_t newest = w->day[w->n_orders - 1] * INT64_C(86400) + w->n_orders;
        if (w->day[o] * INT64_C(86400) + o + 1 > newest - 60 * INT64_C(86400))
            units += w->quantity[o][item];
    }
    return units;
}

static unsigned pair_orders(const struct world *w, unsigned a, unsigned b)
{
    unsigned n = 0;
    for (unsigned o = 0; o < w->n_orders; o++)
        n += w->quantity[o][a] > 0 && w->quantity[o][b] > 0;
    return n;
}

// --- reading the sentence

static bool is_number_at(const char *at)
{
    return isdigit((unsigned char)*at) != 0;
}

static const char *read_number(const char *at, double *out)
{
    char digits[32];
    size_t n = 0;
    for (; isdigit((unsigned char)*at) || ((*at == ',' || *at == '.') && isdigit((unsigned char)at[1])); at++) {
        if (*at != ',' && n + 1 < sizeof digits)
            digits[n++] = *at;
    }
    digits[n] = '\0';
    *out = strtod(digits, NULL);
    return at;
}

// '#': a number; '*': text without digits; else the character itself. NULL: no match.
static const char *match_at(const char *at, const char *pattern, double *numbers)
{
    for (; *pattern; pattern++) {
        if (*pattern == '#') {
            if (!is_number_at(at))
                return NULL;
            at = read_number(at, numbers++);
        } else if (*pattern == '*') {
            const char *end = NULL;
            for (; *at && !is_number_at(at) && !end; at++)
                end = match_at(at, pattern + 1, numbers);
            return end;
        } else if (*at++ != *pattern) {
            return NULL;
        }
    }
    return at;
}

struct reading {
    const char *sentence;
    unsigned n_read; // numbers
    double number[8];
};

enum { CLAUSES = 29 };
static unsigned seen[CLAUSES]; // how often each was read

static bool reads_clause(struct reading *r, unsigned clause, const char *pattern)
{
    for (const char *at = r->sentence; *at; at++) {
        if ((at > r->sentence && is_number_at(at) && (is_number_at(at - 1) || at[-1] == ',' || at[-1] == '.')) ||
            !match_at(at, pattern, r->number))
            continue;
        for (const char *p = pattern; *p; p++)
            r->n_read += *p == '#';
        seen[clause]++;
        return true;
    }
    return false;
}

static void assert_numbers(const struct reading *r, unsigned n, const double *expected_numbers)
{
    for (unsigned i = 0; i < n; i++) {
        if (!(fabs(r->number[i] - expected_numbers[i]) < 1e-6))
            fail_msg("%s\n  number %u: %g, not %g", r->sentence, i + 1, r->number[i], expected_numbers[i]);
    }
}

#define EXPECT(r, clause, pattern, ...)                                                                                \
    do {                                                                                                               \
        const double numbers_[] = {__VA_ARGS__};                                                                       \
        if (reads_clause(r, clause, pattern))                                                                          \
            assert_numbers(r, sizeof numbers_ / sizeof numbers_[0], numbers_);                                         \
    } while (0)

static double percent(unsigned n, unsigned of)
{
    return of ? floor(100.0 * n / of + 0.5) : 0;
}

static double print_rounded(double x, int digits) // as printf does
{
    char text[64];
    snprintf(text, sizeof text, "%.*f", digits, x);
    return strtod(text, NULL);
}

static double units_of(const struct world *w, const struct offer *x)
{
    double units = 0;
    for (unsigned o = 0; o < w->n_orders; o++)
        units += w->quantity[o][x->item[0]];
    return units;
}

static void check_counts(const struct world *w, const struct offer *x, struct reading *r)
{
    unsigned n = count(w, x, false, 0), base = count(w, x, true, 0), all = w->n_orders;
    double lift = expected(w, x, 0) > 0 ? n / expected(w, x, 0) : 0;
    EXPECT(r, 0, "All # bought together", x->n);
    EXPECT(r, 1, "ought together in # of # order", n, all);
    EXPECT(r, 2, "ought together in all # orders", all);
    EXPECT(r, 3, ", # of them in the last 90 days", count_recent(w, x));
    EXPECT(r, 4, "#x more often than chance", print_rounded(lift, 1));
    EXPECT(r, 5, "#% of its orders (# of #) hold # or more", percent(n, base), n, base, x->min_quantity);
    EXPECT(r, 6, "#% of its customers came back for it in # order*, # of which hold* # or more",
           print_rounded(100 * repeat_rate(w, x), 0), base, n, x->min_quantity);
    EXPECT(r, 7, "#% of its customers came back for it in # order*, none of which hold # or more",
           print_rounded(100 * repeat_rate(w, x), 0), base, x->min_quantity);
    EXPECT(r, 8, "Its only order holds # of it", units_of(w, x));
    EXPECT(r, 9, "Its # orders hold # of it on average, # of them # or more", base,
           print_rounded(units_of(w, x) / base, 1), n, x->min_quantity);
    EXPECT(r, 10, "Its # orders hold # of it on average, none of them # or more", base,
           print_rounded(units_of(w, x) / base, 1), x->min_quantity);
    EXPECT(r, 11, "# of # order* hold* two or more of these # products", n, all, x->n);
    EXPECT(r, 12, "All # orders hold two or more of these # products", all, x->n);
    EXPECT(r, 13, "The only order holds two or more of these # products", x->n);
    EXPECT(r, 14, "Both orders hold two or more of these # products", x->n);
    EXPECT(r, 15, "# of the # order* with * (#%) also hold", n, base, percent(n, base));
    EXPECT(r, 16, "All # orders with * also hold", base);
    EXPECT(r, 17, "Not yet bought together in # order", all);
    bool is_boast = n >= 3 && lift >= 1.05 && is_above(n, expected(w, x, 0));
    assert_int_equal(strstr(r->sentence, "more often than chance") != NULL, is_boast);
    if (strstr(r->sentence, "all of them in the last 90 days"))
        assert_int_equal(count_recent(w, x), n);
    if (strstr(r->sentence, "none of them in the last 90 days"))
        assert_int_equal(count_recent(w, x), 0);
    assert_int_equal(strstr(r->sentence, "newest orders confirm it") != NULL,
                     n > 0 && confirmation(w, x) == 1 && !strstr(r->sentence, "came back"));
}

static void check_kit(const struct world *w, const struct offer *x, struct reading *r)
{
    unsigned least = UINT32_MAX, most = 0;
    for (unsigned p = 1; p < x->n; p++) {
        unsigned n = pair_orders(w, x->item[0], x->item[p]);
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    if (reads_clause(r, 18, "each of the others in # to # order"))
        assert_numbers(r, 2, (double[]){least, most});
    else
        EXPECT(r, 19, "each of the others in # order", most);
    EXPECT(r, 28, "some of the others in up to # order", most);
    assert_int_equal(strstr(r->sentence, "some of the others in") != NULL,
                     strstr(r->sentence, "Not yet bought as a whole") && least == 0);
}

// A slow mover's and a new product's clause name the product.
static unsigned named_in(const struct offer *x, const char *sentence, const char *after)
{
    for (unsigned p = 0; p < x->n; p++) {
        char clause[80];
        snprintf(clause, sizeof clause, "; %s%s", THINGS[x->item[p]].title, after);
        if (strstr(sentence, clause))
            return x->item[p];
    }
    return ITEMS;
}

static void check_objective(const struct world *w, const struct offer *x, struct reading *r, double bundle_price)
{
    unsigned slow = named_in(x, r->sentence, " sold "), unsold = named_in(x, r->sentence, " did not sell "),
             fresh = named_in(x, r->sentence, " is new"), seasonal = 0;
    if (slow < ITEMS)
        EXPECT(r, 20, "sold # in 60 days and has # in stock", sold_in_60_days(w, slow), (double)w->stock[slow]);
    if (unsold < ITEMS) {
        assert_int_equal(sold_in_60_days(w, unsold), 0);
        EXPECT(r, 21, "did not sell in 60 days and has # in stock", (double)w->stock[unsold]);
    }
    if (fresh < ITEMS) {
        int days = w->day[w->n_orders - 1] - w->created[fresh]; // the newest order came seconds after midnight
        EXPECT(r, 22, "is new (# day", days);
    }
    for (unsigned p = 0; p < x->n; p++)
        seasonal += strstr(THINGS[x->item[p]].title, "Christmas") || strstr(THINGS[x->item[p]].title, "Winter");
    EXPECT(r, 23, "; # of the # products ", seasonal, x->n);
    EXPECT(r, 24, "#% of its customers bought it again", print_rounded(100 * repeat_rate(w, x), 0));
    EXPECT(r, 25, "at least #% of each product's customers", print_rounded(100 * repeat_rate(w, x), 0));
    EXPECT(r, 26, "margin of #% before the discount", print_rounded(100 * mean_margin(w, x), 0));
    EXPECT(r, 27, "\xc2\xa3# a sale where the median product costs \xc2\xa3#", bundle_price, median_price(w));
}

static unsigned numbers_in(const char *sentence)
{
    unsigned n = 0;
    double ignored;
    for (const char *at = sentence; *at;) {
        if (is_number_at(at)) {
            at = read_number(at, &ignored);
            n += strncmp(at, " days", 5) != 0 || strncmp(at, " days old", 9) == 0; // "the last 90 days" is no finding
        } else {
            at++;
        }
    }
    return n;
}

static void check_sentence(const struct world *w, const struct offer *x, const char *sentence, double bundle_price)
{
    struct reading r = {.sentence = sentence};
    check_counts(w, x, &r);
    check_kit(w, x, &r);
    check_objective(w, x, &r, bundle_price);
    if (r.n_read != numbers_in(sentence))
        fail_msg("%s\n  %u numbers, %u of them known", sentence, numbers_in(sentence), r.n_read);
}

// --- the structured parts

static double real(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("\"%s\" is no number", key);
    return json_number_value(value);
}

static void assert_real(const json_t *object, const char *key, double wanted, double within)
{
    if (!(fabs(real(object, key) - wanted) <= within))
        fail_msg("\"%s\" is %g, not %g", key, real(object, key), wanted);
}

static double byar(double c, double z)
{
    return c * pow(1 - 1 / (9 * c) + z / (3 * sqrt(c)), 3);
}

static void check_newest(const struct world *w, const struct offer *x, const json_t *newest)
{
    unsigned from = w->n_orders - w->n_orders / 5;
    if (!w->shop.has_dates || w->n_orders < 5) {
        assert_true(json_is_null(newest));
        return;
    }
    assert_real(newest, "orders_together", count(w, x, false, from), 0);
    assert_real(newest, "orders_base", count(w, x, true, from), 0);
    assert_real(newest, "orders_total", w->n_orders - from, 0);
    assert_real(newest, "expected", expected(w, x, from), 1e-4);
    const json_t *is_confirmed = json_object_get(newest, "is_confirmed");
    int said = json_is_null(is_confirmed) ? -1 : json_is_true(is_confirmed);
    assert_int_equal(said, confirmation(w, x));
}

static void check_evidence(const struct world *w, const struct offer *x, const struct bundle_row *row,
                           const json_t *evidence)
{
    unsigned n = count(w, x, false, 0), base = count(w, x, true, 0);
    double e = expected(w, x, 0);
    assert_real(evidence, "orders_together", n, 0);
    assert_real(evidence, "orders_base", base, 0);
    assert_real(evidence, "orders_total", w->n_orders, 0);
    if (w->shop.has_dates)
        assert_real(evidence, "orders_recent", count_recent(w, x), 0);
    assert_real(evidence, "expected", e, 1e-4);
    assert_true(fabs(row->confidence - (base ? (double)n / base : 0)) < 1e-9);
    assert_true(fabs(row->support - (double)n / w->n_orders) < 1e-9);
    assert_true(fabs(row->lift - (e > 0 ? n / e : 0)) < 1e-9);
    if (row->lift > 0) {
        assert_real(evidence, "lift_low", byar(n, -1.959964) / e, 1e-3);
        assert_real(evidence, "lift_high", byar(n + 1.0, 1.959964) / e, 1e-3);
        assert_true(real(evidence, "lift_low") < row->lift && row->lift < real(evidence, "lift_high"));
    } else {
        assert_null(json_object_get(evidence, "lift_low"));
    }
    check_newest(w, x, json_object_get(evidence, "newest_fifth"));
}

static unsigned item_named(const char *variant)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        if (strcmp(THINGS[i].variant, variant) == 0)
            return i;
    }
    fail_msg("no %s", variant);
    return 0;
}

// A whole percentage off every piece of a pool, rounded down to the cent.
static void check_promise(const json_t *lines, double pct)
{
    assert_true(pct >= 1 && pct == floor(pct));
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        double exact = real(line, "list_total") * pct / 100;
        assert_true(real(line, "discount") <= exact + 1e-9 && real(line, "discount") > exact - 0.01);
    }
}

static double check_prices(const struct world *w, const struct offer *x, const json_t *pricing)
{
    double original = 0, discount = 0;
    const json_t *lines = json_object_get(pricing, "per_product");
    bool taken[PARTS_MAX] = {false};
    size_t n = json_array_size(lines);
    if (strcmp(x->type, "MIX_MATCH") == 0) { // the cheapest, ties by place
        for (size_t k = 0; k < (size_t)real(pricing, "pick_n"); k++) {
            size_t best = n;
            for (size_t i = 0; i < n; i++) {
                if (!taken[i] && (best == n || w->price[x->item[i]] < w->price[x->item[best]]))
                    best = i;
            }
            taken[best] = true;
        }
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *line = json_array_get(lines, i);
        double list = (double)w->price[x->item[i]] * real(line, "quantity") / 100;
        assert_real(line, "list_total", list, 1e-9);
        assert_real(line, "total", list - real(line, "discount"), 1e-9);
        if (strcmp(x->type, "MIX_MATCH") == 0 && !taken[i])
            continue;
        original += list;
        discount += real(line, "discount");
    }
    assert_real(pricing, "original_total", original, 1e-9);
    assert_real(pricing, "discount_amount", discount, 1e-9);
    assert_real(pricing, "bundle_price", original - discount, 1e-9);
    if (strcmp(x->type, "MIX_MATCH") == 0)
        check_promise(lines, real(pricing, "total_discount_pct"));
    else
        assert_real(pricing, "total_discount_pct", 100 * discount / original, 0.005 + 1e-9);
    return original - discount;
}

static json_t *parse(struct str text)
{
    json_error_t error;
    json_t *doc = json_loadb(text.ptr, text.len, 0, &error);
    assert_non_null(doc);
    return doc;
}

static void check_row(const struct world *w, const struct bundle_row *row)
{
    char type[32], sentence[1000];
    snprintf(type, sizeof type, STR_FMT, STR_ARG(row->bundle_type));
    snprintf(sentence, sizeof sentence, STR_FMT, STR_ARG(row->explanation));
    json_t *products = parse(row->products), *pricing = parse(row->pricing), *evidence = parse(row->evidence);
    struct offer x = {.type = type, .n = (unsigned)json_array_size(products)};
    for (unsigned p = 0; p < x.n; p++) {
        const json_t *product = json_array_get(products, p);
        const char *role = json_string_value(json_object_get(product, "role"));
        x.item[p] = item_named(json_string_value(json_object_get(product, "variant_id")));
        x.is_base[p] = strcmp(role, "anchor") == 0 || strcmp(role, "qualifier") == 0;
        assert_real(product, "price", (double)w->price[x.item[p]] / 100, 1e-9);
    }
    const json_t *tiers = json_object_get(pricing, "tiers");
    if (tiers)
        x.min_quantity = (unsigned)real(json_array_get(tiers, 0), "min_qty");
    check_evidence(w, &x, row, evidence);
    check_sentence(w, &x, sentence, check_prices(w, &x, pricing));
    json_decref(products);
    json_decref(pricing);
    json_decref(evidence);
}

static void check_list(const struct world *w, const struct bundle_list *list, struct arena *memory)
{
    struct bundle_rows rows;
    bundle_rows_make(&w->shop.market, list, STR("u"), STR("final"), memory, &rows);
    for (uint32_t i = 0; i < rows.n; i++)
        check_row(w, &rows.rows[i]);
}

static void every_number_is_recomputed(void **state)
{
    (void)state;
    static struct world w;
    unsigned bundles[TYPE_COUNT] = {0};
    random_state = 88172645463325252u;
    for (int k = 0; k < SHOPS; k++) {
        open_world(&w);
        struct shop *s = &w.shop;
        for (unsigned pair = 0; pair < BUNDLE_PAIRS_MAX; pair++) {
            enum bundle_type t = (enum bundle_type)(pair % TYPE_COUNT);
            struct pair_report report = {0};
            struct bundle_list list;
            struct err e;
            assert_true(offers_for_pair(&s->market, &OFFER_RULES_DEFAULT, (enum objective)(pair / TYPE_COUNT), t,
                                        &s->memory, NULL, &list, &report, &e));
            check_list(&w, &list, &s->memory);
            bundles[t] += list.n;
        }
        shop_close(s);
    }
    for (enum bundle_type t = 0; t < TYPE_COUNT; t++)
        assert_true(bundles[t] > 100);
    unsigned unread = 0;
    for (unsigned clause = 0; clause < CLAUSES; clause++)
        unread += seen[clause] == 0;
    assert_true(unread <= CLAUSES / 5); // a few are rare, and what is said of whom changes with the engine
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_is_recomputed),
    };
    return cmocka_run_group_tests_name("explain_oracle", tests, NULL, NULL);
}
