#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "worker/ctl/back_test_report.h"
#include "worker/dataset/date.h"

enum { CELL_COLUMNS = 7, LABEL_COLUMNS_MIN = 20, CELLS_MAX = CUTS_MAX + 3, DAY_S = 86400, USUAL_CUT = 50 };

#define RANKING_WORDS(symbol, name, words) words,
static const char *const PAIR_WORDS[] = {PAIR_RANKINGS(RANKING_WORDS)};
static const char *const NEAR_WORDS[] = {NEAR_RANKINGS(RANKING_WORDS)};

enum cell_kind { CELL_PERCENT, CELL_FINE_PERCENT, CELL_REAL, CELL_COUNT };

struct cell {
    enum cell_kind kind;
    double value; // NaN: none
};

struct page {
    const struct term *t;
    const struct back_test *b;
    const struct evaluation *v;
    struct buf *out;
    uint32_t n_cuts; // those that fit
    uint32_t spoken; // the cut that words, and columns that are about one, are about
    // of the table at hand
    char headings[CELLS_MAX][24];
    unsigned n_cells;
};

// ---- lines of a table ----

static void add_heading(struct page *p, const char *text)
{
    CHECK(p->n_cells < CELLS_MAX);
    char *heading = p->headings[p->n_cells++];
    (void)snprintf(heading, sizeof p->headings[0], "%s", text);
}

static unsigned width_of(const struct page *p, unsigned cell)
{
    unsigned wanted = (unsigned)strlen(p->headings[cell]) + 1;
    return wanted > CELL_COLUMNS ? wanted : CELL_COLUMNS;
}

static void put_label(const struct page *p, const char *label)
{
    unsigned cells = 0;
    for (unsigned i = 0; i < p->n_cells; i++)
        cells += width_of(p, i);
    bool has_room = p->t->columns > cells + LABEL_COLUMNS_MIN;
    term_put_padded(p->out, str_of(label), has_room ? p->t->columns - cells : LABEL_COLUMNS_MIN, false);
}

static void put_title(const struct page *p, const char *title)
{
    buf_putc(p->out, '\n');
    term_style_begin(p->t, TERM_DIM, p->out);
    put_label(p, title);
    for (unsigned i = 0; i < p->n_cells; i++)
        buf_printf(p->out, "%*s", (int)width_of(p, i), p->headings[i]);
    term_style_end(p->t, p->out);
    buf_putc(p->out, '\n');
}

static void put_cell(const struct page *p, struct cell c, int width)
{
    if (isnan(c.value))
        buf_printf(p->out, "%*s", width, "-");
    else if (c.kind == CELL_PERCENT)
        buf_printf(p->out, "%*.1f", width, c.value * 100);
    else if (c.kind == CELL_FINE_PERCENT)
        buf_printf(p->out, "%*.2f", width, c.value * 100);
    else if (c.kind == CELL_REAL)
        buf_printf(p->out, "%*.1f", width, c.value);
    else
        buf_printf(p->out, "%*.0f", width, c.value);
}

static void put_row(const struct page *p, const char *label, bool is_ours, const struct cell *cells)
{
    if (is_ours)
        term_style_begin(p->t, TERM_BOLD, p->out);
    put_label(p, label);
    for (unsigned i = 0; i < p->n_cells; i++)
        put_cell(p, cells[i], (int)width_of(p, i));
    if (is_ours)
        term_style_end(p->t, p->out);
    buf_putc(p->out, '\n');
}

static void put_text(const struct page *p, const struct buf *text)
{
    struct str rest = buf_str(text), line;
    while (term_wrap(&rest, p->t->columns, &line)) {
        term_put(p->out, line);
        buf_putc(p->out, '\n');
    }
}

static void put_cut_headings(struct page *p)
{
    p->n_cells = 0;
    for (uint32_t i = 0; i < p->n_cuts; i++) {
        char text[24];
        (void)snprintf(text, sizeof text, "%s%u", i ? "" : "K=", p->v->cuts.at[i]);
        add_heading(p, text);
    }
}

// ---- the tables ----

static void put_pair_row(const struct page *p, const char *label, bool is_ours, const struct pair_score *scores)
{
    struct cell cells[CELLS_MAX];
    unsigned n = 0;
    const struct pair_score *s = &scores[p->spoken];
    for (uint32_t i = 0; i < p->n_cuts; i++)
        cells[n++] = (struct cell){CELL_PERCENT, scores[i].hit};
    cells[n++] = (struct cell){CELL_REAL, s->lift_median};
    cells[n++] = (struct cell){CELL_PERCENT, s->confirmed};
    cells[n++] = (struct cell){CELL_COUNT, s->items};
    put_row(p, label, is_ours, cells);
}

static void put_pairs(struct page *p)
{
    const struct evaluation *v = p->v;
    char lift[24];
    (void)snprintf(lift, sizeof lift, "lift@%u", v->cuts.at[p->spoken]);
    put_cut_headings(p);
    add_heading(p, lift);
    add_heading(p, "confirmed");
    add_heading(p, "items");
    put_title(p, "Orders with a top-K pair, %");
    put_pair_row(p, "this engine", true, v->pairs);
    for (int r = 0; r < PAIR_RANKING_COUNT; r++)
        put_pair_row(p, PAIR_WORDS[r], false, v->pairs_by[r]);
    put_pair_row(p, "oracle: count in the test", false, v->oracle);
}

static void put_list_row(const struct page *p, const char *label, enum list_hit hit)
{
    struct cell cells[CELLS_MAX];
    for (uint32_t i = 0; i < p->n_cuts; i++)
        cells[i] = (struct cell){CELL_PERCENT, p->v->list[i].hit[hit]};
    put_row(p, label, true, cells);
}

// As many of the best pairs, and what is kept of what they hit.
static void put_beside_pairs(const struct page *p, const char *label, enum list_hit hit,
                             const struct pair_score *scores)
{
    struct cell pairs[CELLS_MAX], kept[CELLS_MAX];
    for (uint32_t i = 0; i < p->n_cuts; i++) {
        pairs[i] = (struct cell){CELL_PERCENT, scores[i].hit};
        kept[i] = (struct cell){CELL_PERCENT, back_test_kept(p->v->list[i].hit[hit], &scores[i])};
    }
    put_row(p, "as many of the best pairs", false, pairs);
    put_row(p, label, false, kept);
}

static void put_list(struct page *p)
{
    put_cut_headings(p);
    put_title(p, "Orders with a top-K bundle, %");
    put_list_row(p, "all that the offer asks for", HIT_ALL);
    put_list_row(p, "two of its products", HIT_TWO);
    put_beside_pairs(p, "two products / best pairs", HIT_TWO, p->v->pairs_of_list);
    put_list_row(p, "two, pools not counted", HIT_PAIR);
    put_beside_pairs(p, "no pools / best pairs", HIT_PAIR, p->v->pairs_of_sets);
}

static void put_near_row(const struct page *p, const char *label, bool is_ours, const struct near_score *s)
{
    put_row(p, label, is_ours,
            (struct cell[]){{CELL_FINE_PERCENT, s->recall},
                            {CELL_FINE_PERCENT, s->ndcg},
                            {CELL_FINE_PERCENT, s->hit},
                            {CELL_PERCENT, s->coverage}});
}

static void put_near(struct page *p)
{
    p->n_cells = 0;
    add_heading(p, "recall");
    add_heading(p, "NDCG");
    add_heading(p, "hit");
    add_heading(p, "coverage");
    put_title(p, "10 products to go with one, %");
    put_near_row(p, "this engine", true, &p->v->near);
    for (int r = 0; r < NEAR_RANKING_COUNT; r++)
        put_near_row(p, NEAR_WORDS[r], false, &p->v->near_by[r]);
}

static double rate_of(const struct offer_count *c)
{
    return c->base > 0 ? (double)c->taken / (double)c->base : (double)NAN;
}

static void put_kits(const struct page *p)
{
    AUTO(buf_fini) struct buf line;
    const struct type_score *kits = &p->v->types[TYPE_FIXED];
    if (kits->bundles == 0)
        return;
    buf_init(&line, 4096);
    buf_printf(&line, "Of %u kits, %u had two of their products in one of these orders, %u had three.", kits->bundles,
               kits->two_together, kits->three_together);
    put_text(p, &line);
}

static void put_types(struct page *p)
{
    p->n_cells = 0;
    add_heading(p, "bundles");
    add_heading(p, "training");
    add_heading(p, "held out");
    add_heading(p, "taken again");
    put_title(p, "Orders that take the offer, %");
    for (int t = 0; t < TYPE_COUNT; t++) {
        const struct type_score *s = &p->v->types[t];
        if (s->bundles > 0)
            put_row(p, bundle_type_words((enum bundle_type)t), false,
                    (struct cell[]){{CELL_COUNT, s->bundles},
                                    {CELL_PERCENT, rate_of(&s->train)},
                                    {CELL_PERCENT, rate_of(&s->heldout)},
                                    {CELL_COUNT, s->taken_again}});
    }
    put_kits(p);
}

// ---- words ----

static void put_day(int64_t at, struct buf *out)
{
    AUTO(buf_fini) struct buf date;
    buf_init(&date, 64);
    date_print(&date, at);
    buf_put(out, date.data, date.len < 10 ? date.len : 10);
}

static bool is_later(const struct back_test *b)
{
    bool is_drawn = b->rules && b->rules->by == SPLIT_BY_CHANCE;
    return !is_drawn && b->train_to != DATE_UNKNOWN && b->test_to > b->train_to;
}

static void put_head(const struct page *p)
{
    AUTO(buf_fini) struct buf line;
    buf_init(&line, 4096);
    buf_puts(&line, "Learned from ");
    term_put_count(&line, p->v->train_orders);
    buf_puts(&line, " orders");
    if (is_later(p->b)) {
        buf_puts(&line, " up to ");
        put_day(p->b->train_to, &line);
    }
    buf_puts(&line, ", tested on ");
    term_put_count(&line, p->v->test_orders);
    if (is_later(p->b)) {
        buf_puts(&line, " later ones, up to ");
        put_day(p->b->test_to, &line);
    } else {
        buf_puts(&line, p->b->rules ? " others, drawn at random" : " of the other files");
    }
    buf_puts(&line, "; only orders of two or more products count.");
    put_text(p, &line);
}

static unsigned of_hundred(double share)
{
    return (unsigned)(share * 100 + 0.5);
}

static void put_words(const struct page *p)
{
    AUTO(buf_fini) struct buf line;
    const struct evaluation *v = p->v;
    const struct pair_score *s = &v->pairs[p->spoken];
    buf_init(&line, 4096);
    buf_puts(&line, "In words: of 100 orders ");
    if (is_later(p->b))
        buf_printf(&line, "in the %lld days after, ",
                   (long long)((p->b->test_to - p->b->train_to + DAY_S - 1) / DAY_S));
    else
        buf_puts(&line, "that the engine had not seen, ");
    buf_printf(&line,
               "%u contained at least one of its %u best pairs; best sellers paired with each other would have been in "
               "%u. %.0f of the %u pairs were confirmed: bought together again, and clearly more often than chance.",
               of_hundred(s->hit), s->pairs, of_hundred(v->pairs_by[PAIRS_BY_POPULARITY][p->spoken].hit),
               s->confirmed * s->pairs, s->pairs);
    buf_putc(p->out, '\n');
    put_text(p, &line);
    if (p->n_cuts == v->cuts.n)
        return;
    buf_printf(p->out, "%u more sizes of list in --json.\n", v->cuts.n - p->n_cuts);
}

static uint32_t cuts_that_fit(const struct term *t, const struct cuts *cuts)
{
    unsigned others = LABEL_COLUMNS_MIN + 3 * (CELL_COLUMNS + 3);
    uint32_t n = t->columns > others ? (t->columns - others) / CELL_COLUMNS : 0;
    return n < 1 ? 1 : n < cuts->n ? n : cuts->n;
}

void back_test_table(const struct term *t, const struct back_test *b, struct buf *out)
{
    struct page p = {.t = t, .b = b, .v = &b->scores, .out = out, .n_cuts = cuts_that_fit(t, &b->scores.cuts)};
    while (p.spoken + 1 < p.n_cuts && b->scores.cuts.at[p.spoken] < USUAL_CUT)
        p.spoken++;
    put_head(&p);
    put_pairs(&p);
    if (b->job.bundles.n > 0)
        put_list(&p);
    put_near(&p);
    if (b->job.bundles.n > 0)
        put_types(&p);
    else
        buf_puts(out, "\nThe job has no final bundles.\n");
    put_words(&p);
}
