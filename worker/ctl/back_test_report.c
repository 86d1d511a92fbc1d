#include "worker/ctl/back_test_report.h"

#include "common/json_out.h"

#define RANKING_NAME(symbol, name, words) {name, words},
static const char *const PAIR_ROWS[][2] = {PAIR_RANKINGS(RANKING_NAME)};
static const char *const NEAR_ROWS[][2] = {NEAR_RANKINGS(RANKING_NAME)};

static void put_pair_row(const struct cuts *cuts, const char *words, const struct pair_score *s, struct buf *out)
{
    buf_printf(out, "%-34s", words);
    for (uint32_t i = 0; i < cuts->n; i++)
        buf_printf(out, "%8.1f", s[i].hit * 100);
    for (uint32_t i = 0; i < cuts->n; i++)
        if (i == 1)
            buf_printf(out, " | %8.1f %6.0f %6.0f %5u", s[i].lift_median, s[i].confirmed * 100, s[i].seen_again * 100,
                       s[i].items);
    buf_putc(out, '\n');
}

static void put_near_row(const char *words, const struct near_score *s, struct buf *out)
{
    buf_printf(out, "%-34s%8.2f%8.2f%8.2f%8.1f\n", words, s->recall * 100, s->ndcg * 100, s->hit * 100,
               s->coverage * 100);
}

void back_test_table(const struct term *t, const struct back_test *b, struct buf *out)
{
    (void)t;
    const struct evaluation *v = &b->scores;
    buf_printf(out, "%u training, %u test orders, %u items, %.1f items an order\n", v->train_orders, v->test_orders,
               v->items, v->items_per_order);
    put_pair_row(&v->cuts, "engine", v->pairs, out);
    for (int r = 0; r < PAIR_RANKING_COUNT; r++)
        put_pair_row(&v->cuts, PAIR_ROWS[r][1], v->pairs_by[r], out);
    put_pair_row(&v->cuts, "oracle", v->oracle, out);
    put_near_row("engine", &v->near, out);
    for (int r = 0; r < NEAR_RANKING_COUNT; r++)
        put_near_row(NEAR_ROWS[r][1], &v->near_by[r], out);
}

static void json_pairs(const struct cuts *cuts, const char *ranking, const struct pair_score *scores,
                       struct json_out *j)
{
    json_out_object(j);
    json_out_key_str(j, "ranking", str_of(ranking));
    json_out_key(j, "at");
    json_out_array(j);
    for (uint32_t i = 0; i < cuts->n; i++) {
        const struct pair_score *s = &scores[i];
        json_out_object(j);
        json_out_key_int(j, "k", cuts->at[i]);
        json_out_key_int(j, "pairs", s->pairs);
        json_out_key_int(j, "items", s->items);
        json_out_key_int(j, "orders_hit", s->orders_hit);
        json_out_key_real(j, "hit_rate", s->hit, 6);
        json_out_key_real(j, "support_mean", s->support_mean, 6);
        json_out_key_real(j, "lift_mean", s->lift_mean, 4);
        json_out_key_real(j, "lift_median", s->lift_median, 4);
        json_out_key_real(j, "confirmed", s->confirmed, 6);
        json_out_key_real(j, "seen_again", s->seen_again, 6);
        json_out_end(j);
    }
    json_out_end(j);
    json_out_end(j);
}

static void json_near(const char *ranking, const struct near_score *s, struct json_out *j)
{
    json_out_object(j);
    json_out_key_str(j, "ranking", str_of(ranking));
    json_out_key_real(j, "recall_10", s->recall, 6);
    json_out_key_real(j, "ndcg_10", s->ndcg, 6);
    json_out_key_real(j, "hit_10", s->hit, 6);
    json_out_key_real(j, "coverage", s->coverage, 6);
    json_out_end(j);
}

void back_test_json(const struct back_test *b, struct buf *out)
{
    const struct evaluation *v = &b->scores;
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_int(&j, "version", 1);
    json_out_key_int(&j, "train_orders", v->train_orders);
    json_out_key_int(&j, "test_orders", v->test_orders);
    json_out_key_int(&j, "items", v->items);
    json_out_key_real(&j, "items_per_order", v->items_per_order, 4);
    json_out_key_real(&j, "kappa", v->kappa, 6);
    json_out_key(&j, "pairs");
    json_out_array(&j);
    json_pairs(&v->cuts, "engine", v->pairs, &j);
    for (int r = 0; r < PAIR_RANKING_COUNT; r++)
        json_pairs(&v->cuts, PAIR_ROWS[r][0], v->pairs_by[r], &j);
    json_pairs(&v->cuts, "oracle", v->oracle, &j);
    json_out_end(&j);
    json_out_key(&j, "neighbours");
    json_out_array(&j);
    json_near("engine", &v->near, &j);
    for (int r = 0; r < NEAR_RANKING_COUNT; r++)
        json_near(NEAR_ROWS[r][0], &v->near_by[r], &j);
    json_out_end(&j);
    json_out_end(&j);
    buf_putc(out, '\n');
}
