#include "common/check.h"
#include "common/json_out.h"
#include "worker/ctl/back_test_report.h"
#include "worker/dataset/date.h"

#define RANKING_NAME(symbol, name, words) name,
static const char *const PAIR_NAMES[] = {PAIR_RANKINGS(RANKING_NAME)};
static const char *const NEAR_NAMES[] = {NEAR_RANKINGS(RANKING_NAME)};

enum { SHARE_DECIMALS = 6, LIFT_DECIMALS = 4 };

static void put_share(struct json_out *j, const char *key, double share)
{
    json_out_key_real(j, key, share, SHARE_DECIMALS);
}

static void put_date(struct json_out *j, const char *key, int64_t at)
{
    AUTO(buf_fini) struct buf date;
    buf_init(&date, 64);
    json_out_key(j, key);
    if (at == DATE_UNKNOWN) {
        json_out_null(j);
        return;
    }
    date_print(&date, at);
    json_out_str(j, buf_str(&date));
}

static void put_split(const struct back_test *b, struct json_out *j)
{
    static const char *const WAYS[] = {[SPLIT_BY_DATE] = "date", [SPLIT_BY_CHANCE] = "random"};
    const struct evaluation *v = &b->scores;
    json_out_key(j, "split");
    json_out_object(j);
    json_out_key_str(j, "by", str_of(b->rules ? WAYS[b->rules->by] : "files"));
    if (b->rules)
        put_share(j, "share", b->rules->share);
    if (b->rules && b->rules->by == SPLIT_BY_CHANCE)
        json_out_key_int(j, "seed", (int64_t)b->rules->seed);
    put_date(j, "train_to", b->train_to);
    put_date(j, "test_to", b->test_to);
    json_out_key_int(j, "train_orders", v->train_orders);
    json_out_key_int(j, "test_orders", v->test_orders);
    json_out_key_int(j, "items", v->items);
    json_out_key_real(j, "items_per_order", v->items_per_order, LIFT_DECIMALS);
    json_out_key_real(j, "kappa", v->kappa, SHARE_DECIMALS);
    json_out_end(j);
}

static void put_pairs(const struct cuts *cuts, const char *ranking, const struct pair_score *scores, struct json_out *j)
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
        put_share(j, "hit_rate", s->hit);
        put_share(j, "support_mean", s->support_mean);
        json_out_key_real(j, "lift_mean", s->lift_mean, LIFT_DECIMALS);
        json_out_key_real(j, "lift_median", s->lift_median, LIFT_DECIMALS);
        put_share(j, "confirmed", s->confirmed);
        put_share(j, "seen_again", s->seen_again);
        json_out_end(j);
    }
    json_out_end(j);
    json_out_end(j);
}

static void put_all_pairs(const struct evaluation *v, struct json_out *j)
{
    json_out_key(j, "pairs");
    json_out_array(j);
    put_pairs(&v->cuts, "engine", v->pairs, j);
    for (int r = 0; r < PAIR_RANKING_COUNT; r++)
        put_pairs(&v->cuts, PAIR_NAMES[r], v->pairs_by[r], j);
    put_pairs(&v->cuts, "oracle", v->oracle, j);
    json_out_end(j);
}

static void put_near(const char *ranking, const struct near_score *s, struct json_out *j)
{
    json_out_object(j);
    json_out_key_str(j, "ranking", str_of(ranking));
    put_share(j, "recall_10", s->recall);
    put_share(j, "ndcg_10", s->ndcg);
    put_share(j, "hit_10", s->hit);
    put_share(j, "coverage", s->coverage);
    json_out_end(j);
}

static void put_all_near(const struct evaluation *v, struct json_out *j)
{
    json_out_key(j, "neighbours");
    json_out_array(j);
    put_near("engine", &v->near, j);
    for (int r = 0; r < NEAR_RANKING_COUNT; r++)
        put_near(NEAR_NAMES[r], &v->near_by[r], j);
    json_out_end(j);
}

static void put_bundles(const struct evaluation *v, struct json_out *j)
{
    json_out_key(j, "bundles");
    json_out_array(j);
    for (uint32_t i = 0; i < v->cuts.n; i++) {
        const struct list_score *s = &v->list[i];
        json_out_object(j);
        json_out_key_int(j, "k", v->cuts.at[i]);
        json_out_key_int(j, "bundles", s->bundles);
        put_share(j, "hit_rate_two", s->hit[HIT_TWO]);
        put_share(j, "hit_rate_pair", s->hit[HIT_PAIR]);
        put_share(j, "hit_rate_all", s->hit[HIT_ALL]);
        json_out_key_int(j, "sets", s->sets);
        put_share(j, "hit_rate_of_pairs", v->pairs_of_list[i].hit);
        put_share(j, "hit_rate_of_pairs_like_sets", v->pairs_of_sets[i].hit);
        put_share(j, "kept_two", back_test_kept(s->hit[HIT_TWO], &v->pairs_of_list[i]));
        put_share(j, "kept_pair", back_test_kept(s->hit[HIT_PAIR], &v->pairs_of_sets[i]));
        json_out_end(j);
    }
    json_out_end(j);
}

static void put_count(struct json_out *j, const char *key, const struct offer_count *c)
{
    json_out_key(j, key);
    json_out_object(j);
    json_out_key_int(j, "base", (int64_t)c->base);
    json_out_key_int(j, "taken", (int64_t)c->taken);
    json_out_key(j, "rate");
    if (c->base > 0)
        json_out_real(j, (double)c->taken / (double)c->base, SHARE_DECIMALS);
    else
        json_out_null(j);
    json_out_end(j);
}

static void put_types(const struct evaluation *v, struct json_out *j)
{
    json_out_key(j, "types");
    json_out_object(j);
    for (int t = 0; t < TYPE_COUNT; t++) {
        const struct type_score *s = &v->types[t];
        json_out_key(j, bundle_type_name((enum bundle_type)t));
        json_out_object(j);
        json_out_key_int(j, "bundles", s->bundles);
        json_out_key_int(j, "taken_again", s->taken_again);
        json_out_key_int(j, "two_together", s->two_together);
        json_out_key_int(j, "three_together", s->three_together);
        put_count(j, "train", &s->train);
        put_count(j, "held_out", &s->heldout);
        json_out_end(j);
    }
    json_out_end(j);
}

void back_test_json(const struct back_test *b, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_int(&j, "version", 1);
    put_split(b, &j);
    put_all_pairs(&b->scores, &j);
    put_all_near(&b->scores, &j);
    put_bundles(&b->scores, &j);
    put_types(&b->scores, &j);
    json_out_end(&j);
    buf_putc(out, '\n');
}
