#include "worker/offers/report.h"

#include "common/json_out.h"
#include "common/mp.h"

void pair_report_add(struct pair_report *sum, const struct pair_report *r)
{
    for (unsigned k = 0; k < LADDER_TIERS; k++) {
        sum->tiers[k].runs += r->tiers[k].runs;
        sum->tiers[k].links += r->tiers[k].links;
        sum->tiers[k].bundles += r->tiers[k].bundles;
        sum->tiers[k].us += r->tiers[k].us;
    }
}

void pair_report_encode(const struct pair_report *r, struct buf *out)
{
    mp_put_array(out, LADDER_TIERS);
    for (unsigned k = 0; k < LADDER_TIERS; k++) {
        mp_put_array(out, 4);
        mp_put_int(out, r->tiers[k].runs);
        mp_put_int(out, r->tiers[k].links);
        mp_put_int(out, r->tiers[k].bundles);
        mp_put_int(out, r->tiers[k].us);
    }
}

static bool decode_tier(struct ladder_tier *out, const struct mp_value *v)
{
    int64_t runs, links, bundles;
    if (!mp_int(mp_at(v, 0), &runs) || !mp_int(mp_at(v, 1), &links) || !mp_int(mp_at(v, 2), &bundles) ||
        !mp_int(mp_at(v, 3), &out->us))
        return false;
    if (out->us < 0 || out->us > INT64_MAX / BUNDLE_PAIRS_MAX) // they are added up
        return false;
    if (runs < 0 || runs > UINT32_MAX || links < 0 || links > UINT32_MAX || bundles < 0 || bundles > UINT32_MAX)
        return false;
    out->runs = (uint32_t)runs;
    out->links = (uint32_t)links;
    out->bundles = (uint32_t)bundles;
    return true;
}

bool pair_report_decode(struct pair_report *out, const struct mp_value *v, struct err *e)
{
    struct pair_report r = {0};
    for (unsigned k = 0; k < LADDER_TIERS; k++)
        if (!decode_tier(&r.tiers[k], mp_at(v, k)))
            return err_set(e, ERR_CODEC, "the report of a pair is not one");
    *out = r;
    return true;
}

void pair_report_json(const struct pair_report *r, struct json_out *j)
{
    json_out_key(j, "ladder");
    json_out_array(j);
    for (unsigned k = 0; k < LADDER_TIERS; k++) {
        if (r->tiers[k].runs == 0)
            continue;
        json_out_object(j);
        json_out_key_int(j, "tier", k + 1);
        json_out_key_str(j, "name", str_of(ladder_tier_name(k)));
        json_out_key_int(j, "pairs", r->tiers[k].runs);
        json_out_key_int(j, "links", r->tiers[k].links);
        json_out_key_int(j, "bundles", r->tiers[k].bundles);
        json_out_key_int(j, "us", r->tiers[k].us);
        json_out_end(j);
    }
    json_out_end(j);
}

void merge_report_json(const struct merge_report *r, struct json_out *j)
{
    json_out_key_int(j, "candidates", r->candidates);
    json_out_key_int(j, "duplicates", r->duplicates);
    json_out_key_int(j, "broken_constraint", r->broken_constraint);
    json_out_key_int(j, "over_cap", r->over_cap);
    json_out_key_int(j, "filled_up", r->filled_up);
    json_out_key_int(j, "fronts", r->fronts);
    json_out_key_bool(j, "portfolio_skipped", r->portfolio_skipped);
}
