#include "common/check.h"
#include "common/json_out.h"
#include "worker/ctl/csv_input.h"
#include "worker/ctl/job_message.h"
#include "worker/ctl/whole_job.h"

static const struct arg_option OPTIONS[] = {
    {"top", "N", "the N best pairs (50)", NULL},
    {"neighbours", "K", "and for each product the K that go best with it (0)", NULL},
    CSV_OPTION_ROWS,
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Prints the evidence that bundles are made from: the best pairs of products, in the engine's order, and for each\n"
    "product the partners that go best with it. For reading, and for people who judge it with tools of their own.\n"
    "\n"
    "--json prints\n"
    "  orders, multi_item_orders (N), items, kappa, pairs_distinct (seen at least once)\n"
    "  pairs       [{rank, a, b, orders, orders_recent, expected, lift, score, gain}]\n"
    "  neighbours  [{variant_id, sku, name, orders, multi_item_orders,\n"
    "                neighbours: [{rank, variant_id, sku, name, orders, orders_recent, expected, lift, score,\n"
    "                              relevance}]}]\n"
    "a and b are {variant_id, sku, name, multi_item_orders}; variant_id is the identity: the catalogue's, else the "
    "SKU, else\n"
    "the name. orders: with both products; orders_recent: of these, in the 30 days before the newest order; expected:\n"
    "kappa * a * b / N, the orders with both that chance gives at this shop's basket sizes (a, b: multi_item_orders "
    "of\n"
    "either); lift: orders / expected; score: orders * log2 of the lift, shrunk. Pairs rank by gain: the share of the\n"
    "orders, newer ones weighing more, that have this pair and none before it. Neighbours rank by relevance. Products\n"
    "without partners have an empty list.\n"
    "\n"
    "examples:\n"
    "  bundlectl pairs orders.csv\n"
    "  bundlectl pairs --top 1000 --neighbours 10 --json orders.csv > evidence.json\n"
    "  bundlectl pairs --json orders.csv | jq -r '.pairs[] | [.a.variant_id, .b.variant_id, .orders] | @csv'";

struct listing {
    const struct dataset *data;
    const struct evidence *evidence;
    struct arena *memory;
    uint32_t top, neighbours;
};

// What is known of a pair, however it is printed.
struct measures {
    uint32_t orders, orders_recent;
    double expected, lift, score;
    double rank_value; // what it is ranked by: the gain of a pair, the relevance of a neighbour
};

static struct measures measures_of(const struct evidence *v, uint32_t a, uint32_t b, uint32_t orders,
                                   uint32_t orders_recent, float score, float rank_value)
{
    double expected = evidence_expected(v, a, b), lift = expected > 0 ? orders / expected : 0;
    return (struct measures){orders, orders_recent, expected, lift, (double)score, (double)rank_value};
}

static struct measures measures_of_pair(const struct evidence *v, const struct item_pair *p)
{
    return measures_of(v, p->a, p->b, p->orders, p->orders_recent, p->score, p->gain);
}

static struct measures measures_of_neighbour(const struct evidence *v, uint32_t item, const struct neighbour *n)
{
    return measures_of(v, item, n->item, n->orders, n->orders_recent, n->score, n->relevance);
}

static uint32_t n_neighbours(const struct listing *l, uint32_t item)
{
    uint32_t n = l->evidence->neighbour_first[item + 1] - l->evidence->neighbour_first[item];
    return n < l->neighbours ? n : l->neighbours;
}

// ---- JSON ----

static void json_measures(const struct measures *m, const char *ranked_by, struct json_out *j)
{
    json_out_key_int(j, "orders", m->orders);
    json_out_key_int(j, "orders_recent", m->orders_recent);
    json_out_key_real(j, "expected", m->expected, 9);
    json_out_key_real(j, "lift", m->lift, 6);
    json_out_key_real(j, "score", m->score, 6);
    json_out_key_real(j, ranked_by, m->rank_value, 9);
}

static void json_item(const struct listing *l, uint32_t item, struct json_out *j)
{
    const struct item *i = &l->data->items[item];
    json_out_key_str(j, "variant_id", i->variant_id);
    json_out_key_str(j, "sku", i->sku);
    json_out_key_str(j, "name", item_display_name(i, l->memory));
}

static void json_pair_item(const struct listing *l, const char *key, uint32_t item, struct json_out *j)
{
    json_out_key(j, key);
    json_out_object(j);
    json_item(l, item, j);
    json_out_key_int(j, "multi_item_orders", l->evidence->item_multi[item]);
    json_out_end(j);
}

static void json_pairs(const struct listing *l, struct json_out *j)
{
    json_out_key(j, "pairs");
    json_out_array(j);
    for (uint32_t i = 0; i < l->top; i++) {
        const struct item_pair *p = &l->evidence->pairs[i];
        const struct measures m = measures_of_pair(l->evidence, p);
        json_out_object(j);
        json_out_key_int(j, "rank", (int64_t)i + 1);
        json_pair_item(l, "a", p->a, j);
        json_pair_item(l, "b", p->b, j);
        json_measures(&m, "gain", j);
        json_out_end(j);
    }
    json_out_end(j);
}

static void json_neighbours_of(const struct listing *l, uint32_t item, struct json_out *j)
{
    const struct neighbour *near = l->evidence->neighbours + l->evidence->neighbour_first[item];
    json_out_object(j);
    json_item(l, item, j);
    json_out_key_int(j, "orders", l->data->items[item].orders);
    json_out_key_int(j, "multi_item_orders", l->evidence->item_multi[item]);
    json_out_key(j, "neighbours");
    json_out_array(j);
    for (uint32_t i = 0; i < n_neighbours(l, item); i++) {
        const struct measures m = measures_of_neighbour(l->evidence, item, &near[i]);
        json_out_object(j);
        json_out_key_int(j, "rank", (int64_t)i + 1);
        json_item(l, near[i].item, j);
        json_measures(&m, "relevance", j);
        json_out_end(j);
    }
    json_out_end(j);
    json_out_end(j);
}

static void put_json(const struct listing *l, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_int(&j, "version", 1);
    json_out_key_int(&j, "orders", l->data->n_orders);
    json_out_key_int(&j, "multi_item_orders", l->evidence->n_multi);
    json_out_key_int(&j, "items", l->data->n_items);
    json_out_key_real(&j, "kappa", l->evidence->kappa, 9);
    json_out_key_int(&j, "pairs_distinct", (int64_t)l->evidence->pairs_distinct);
    json_pairs(l, &j);
    json_out_key(&j, "neighbours");
    json_out_array(&j);
    for (uint32_t i = 0; l->neighbours > 0 && i < l->data->n_items; i++)
        json_neighbours_of(l, i, &j);
    json_out_end(&j);
    json_out_end(&j);
    buf_putc(out, '\n');
}

// ---- tables ----

enum { RANK_COLUMNS = 6, MEASURE_COLUMNS = 8 + 10 + 8 + 10 + 10 };

static unsigned name_columns(const struct term *t)
{
    return t->columns > RANK_COLUMNS + MEASURE_COLUMNS + 1 ? t->columns - RANK_COLUMNS - MEASURE_COLUMNS - 1 : 1;
}

static void put_heading(const struct term *t, const char *what, const char *ranked_by, struct buf *out)
{
    term_style_begin(t, TERM_DIM, out);
    buf_printf(out, "%*s ", RANK_COLUMNS, "#");
    term_put_padded(out, str_of(what), name_columns(t), false);
    buf_printf(out, "%8s%10s%8s%10s%10s", "orders", "expected", "lift", "score", ranked_by);
    term_style_end(t, out);
    buf_putc(out, '\n');
}

static void put_row(const struct term *t, uint32_t rank, struct str name, const struct measures *m, struct buf *out)
{
    buf_printf(out, "%*u ", RANK_COLUMNS, rank);
    term_put_padded(out, name, name_columns(t), false);
    buf_printf(out, "%8u%10.1f%8.1f%10.1f%10.4f\n", m->orders, m->expected, m->lift, m->score, m->rank_value);
}

static void put_name(const struct listing *l, uint32_t item, struct buf *out)
{
    struct str name = item_display_name(&l->data->items[item], l->memory);
    buf_put(out, name.ptr, name.len);
}

static void put_pairs(const struct term *t, const struct listing *l, struct buf *out)
{
    AUTO(buf_fini) struct buf names;
    buf_init(&names, 1 << 20);
    put_heading(t, "The best pairs", "gain", out);
    for (uint32_t i = 0; i < l->top; i++) {
        const struct item_pair *p = &l->evidence->pairs[i];
        const struct measures m = measures_of_pair(l->evidence, p);
        buf_clear(&names);
        put_name(l, p->a, &names);
        buf_puts(&names, " + ");
        put_name(l, p->b, &names);
        put_row(t, i + 1, buf_str(&names), &m, out);
    }
}

static void put_neighbours_of(const struct term *t, const struct listing *l, uint32_t item, struct buf *out)
{
    const struct neighbour *near = l->evidence->neighbours + l->evidence->neighbour_first[item];
    buf_putc(out, '\n');
    term_style_begin(t, TERM_BOLD, out);
    term_put_cut(out, item_display_name(&l->data->items[item], l->memory), t->columns);
    term_style_end(t, out);
    buf_putc(out, '\n');
    for (uint32_t i = 0; i < n_neighbours(l, item); i++) {
        const struct measures m = measures_of_neighbour(l->evidence, item, &near[i]);
        put_row(t, i + 1, item_display_name(&l->data->items[near[i].item], l->memory), &m, out);
    }
}

static void put_tables(const struct term *t, const struct listing *l, struct buf *out)
{
    put_pairs(t, l, out);
    if (l->neighbours > 0) {
        buf_putc(out, '\n');
        put_heading(t, "What goes with each product", "relevance", out);
    }
    for (uint32_t i = 0; i < l->data->n_items; i++)
        if (n_neighbours(l, i) > 0)
            put_neighbours_of(t, l, i, out);
}

// ---- the command ----

static bool read_counts(const struct ctl *c, const struct args *a, struct listing *l, struct err *e)
{
    int64_t top, neighbours, top_max = c->settings->mining_pairs_max, near_max = c->settings->mining_neighbours_max;
    if (!args_int(a, "top", 0, INT32_MAX, top_max < 50 ? top_max : 50, &top, e) ||
        !args_int(a, "neighbours", 0, INT32_MAX, 0, &neighbours, e))
        return false;
    if (top > top_max)
        return err_set(e, ERR_USAGE, "--top %lld: %lld pairs are kept; raise that with --set mining.pairs_max=%lld",
                       (long long)top, (long long)top_max, (long long)top);
    if (neighbours > near_max)
        return err_set(e, ERR_USAGE,
                       "--neighbours %lld: %lld are kept; raise that with --set mining.neighbours_max=%lld",
                       (long long)neighbours, (long long)near_max, (long long)neighbours);
    l->top = (uint32_t)top;
    l->neighbours = (uint32_t)neighbours;
    return true;
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    (void)exit_code;
    AUTO(buf_fini) struct buf out;
    AUTO(whole_job_fini) struct whole_job job = {0};
    struct upload_files files = {.paths = a->words, .n = a->n_words};
    struct file_rejects rejects;
    struct job_request request;
    struct listing l;
    buf_init(&out, CTL_OUTPUT_MAX);
    whole_job_init(&job, c->settings, &request);
    if (!csv_input_options(a, &files.csv, e) || !read_counts(c, a, &l, e) ||
        !job_message_options(a, &job.memory, &request, e) || !whole_job_load(&job, &files, &rejects, e) ||
        !whole_job_mine(&job, e))
        return false;
    l.data = job.data;
    l.evidence = job.mined->evidence;
    l.memory = &job.memory;
    l.top = l.top < job.mined->evidence->n_pairs ? l.top : job.mined->evidence->n_pairs;
    file_rejects_note(&rejects);
    if (c->is_json)
        put_json(&l, &out);
    else
        put_tables(&c->out, &l, &out);
    return ctl_print(&out, e);
}

const struct ctl_command CMD_PAIRS = {
    .name = "pairs",
    .words = "FILE...",
    .summary = "print the mined pairs and neighbours",
    .help = HELP,
    .more_help = csv_input_help,
    .options = OPTIONS,
    .words_min = 1,
    .words_max = 1000,
    .needs_settings = true,
    .run = run,
};
