// Any bytes as a job's message, JSON or MessagePack: refused with an error that says what is wrong, in UTF-8, or a
// request that is within its bounds, can be printed, applied, and read again to the same: from its payload, and from
// the JSON that PostgreSQL keeps of it.

#include "fuzz.h"

#include "common/arena.h"
#include "common/clock.h"
#include "common/json_out.h"
#include "common/mp.h"
#include "small_shop.h"
#include "worker/stages/job_json.h"
#include "worker/stages/job_request.h"

enum { MESSAGE_MAX = 64 << 10, TEXT_MAX = 1 << 20 };

void fuzz_put_seeds(void)
{
    AUTO(buf_fini) struct buf packed;
    fuzz_seed("least", STR("{\"shop\":\"demo\",\"upload\":\"u1\"}"));
    fuzz_seed("most",
              STR("{\"v\":1,\"job\":\"j-1\",\"shop\":\"d\\u00e9mo\",\"upload\":\"u1\",\"force\":true,\"options\":{"
                  "\"objectives\":[\"gift_box\",\"increase_aov\"],\"types\":[\"BXGY\"],\"exclude\":[\"A\",\"B\"],"
                  "\"bundles\":20,\"max_discount\":12.5,\"min_margin\":0.2,\"min_price\":1,\"max_price\":99.5,"
                  "\"season_words\":[\"diwali\",\"eid\"],\"as_of\":\"1970-01-02\"}}"));
    fuzz_seed(
        "shop",
        STR("{\"bundles\":5,\"types\":[\"FBT\"],\"margin\":-1,\"pin\":[\"tea\"]}\f{\"shop\":\"s\",\"upload\":\"u\"}"));
    fuzz_seed(
        "later",
        STR("{\"shop\":\"d\",\"upload\":\"u\",\"job\":\"j\",\"priority\":\"bulk\",\"at\":\"2020-02-29T00:00:00Z\","
            "\"delay_s\":60}"));
    fuzz_seed("at", STR("{\"shop\":\"d\",\"upload\":\"u\",\"priority\":\"interactive\",\"at\":1700000000}"));
    fuzz_seed("large",
              STR("{\"shop\":\"d\",\"upload\":\"u\",\"at\":9223372036854775807,\"delay_s\":9223372036854775807,"
                  "\"options\":{\"as_of\":-9223372036854775808,\"bundles\":9223372036854775807}}"));
    fuzz_seed("early", STR("{\"shop\":\"d\",\"upload\":\"u\",\"delay_s\":9223372036854775807}"));
    fuzz_seed("cancel", STR("{\"v\":1,\"shop\":\"d\",\"upload\":\"u\",\"cancel\":true}"));
    fuzz_seed("cancel_job", STR("{\"v\":1,\"job\":\"j\",\"cancel\":true}"));
    buf_init(&packed, MESSAGE_MAX);
    mp_put_map(&packed, 3);
    mp_put_key(&packed, "shop");
    mp_put_str(&packed, STR("demo"));
    mp_put_key(&packed, "upload");
    mp_put_str(&packed, STR("u1"));
    mp_put_key(&packed, "options");
    mp_put_map(&packed, 2);
    mp_put_key(&packed, "bundles");
    mp_put_int(&packed, 20);
    mp_put_key(&packed, "as_of");
    mp_put_int(&packed, 1700000000);
    fuzz_seed("packed", buf_str(&packed));
}

static void print(const struct job_options *o, struct buf *out)
{
    buf_init(out, TEXT_MAX);
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    job_options_json(o, &j);
    json_out_end(&j);
}

static const struct market *market(void)
{
    static struct artefact *shop; // for as long as the process
    AUTO(buf_fini) struct buf blob;
    buf_init(&blob, ARTEFACT_BLOB_MAX);
    if (!shop)
        shop = small_shop(30, &blob);
    return &shop->market;
}

static void apply(const struct job_request *r, struct arena *memory)
{
    AUTO(buf_fini) struct buf report;
    struct enrich_rules rules = ENRICH_RULES_DEFAULT;
    struct offer_rules offers = OFFER_RULES_DEFAULT;
    job_request_enrich(r, &rules);
    job_request_offer(r, market()->data, memory, &offers);
    CHECK(offers.discount_max_bp <= 10000 && offers.price_min_minor >= 0);
    buf_init(&report, TEXT_MAX);
    struct json_out j = json_out_on(&report);
    json_out_object(&j);
    job_request_report(r, market(), &offers, &j);
    json_out_end(&j);
}

static bool is_id(struct str s, bool is_needed)
{
    return s.len == 0 ? !is_needed : s.len <= QUEUE_ID_MAX && str_is_utf8(s);
}

static void check_bounds(const struct job_request *r)
{
    const int64_t month_ms = INT64_C(30) * 24 * 3600 * 1000;
    bool is_named = r->is_cancellation && r->job.len > 0;
    CHECK(is_id(r->job, false) && is_id(r->shop, !is_named) && is_id(r->upload, !is_named));
    CHECK(r->job.len == 0 || (!memchr(r->job.ptr, '/', r->job.len) && !memchr(r->job.ptr, ':', r->job.len)));
    CHECK(r->priority >= QUEUE_INTERACTIVE && r->priority <= QUEUE_BULK);
    CHECK(r->delay_ms >= 0 && r->delay_ms <= month_ms);
    CHECK(r->not_before_ms >= 0 && r->not_before_ms <= clock_wall_ms() + month_ms);
}

// again: a message that asks for the same as the first one did.
static void read_again(struct str again, const struct job_request *first, struct arena *memory)
{
    AUTO(buf_fini) struct buf a;
    AUTO(buf_fini) struct buf b;
    struct job_request second;
    struct str payload;
    struct err e;
    CHECK(job_payload_of_message(again, TEXT_MAX, memory, &payload, &e));
    CHECK(job_request_read(payload, memory, &second, &e));
    print(&first->options, &a);
    print(&second.options, &b);
    CHECK(str_eq(buf_str(&a), buf_str(&b)) && str_eq(first->upload, second.upload) &&
          str_eq(first->shop, second.shop) && str_eq(first->job, second.job));
    CHECK(first->priority == second.priority && first->not_before_ms == second.not_before_ms &&
          first->is_cancellation == second.is_cancellation);
}

static void read_kept(struct str payload, const struct job_request *first, struct arena *memory)
{
    AUTO(buf_fini) struct buf json;
    struct err e;
    buf_init(&json, TEXT_MAX);
    CHECK(job_json_of_payload(payload, first->job, &json, &e));
    read_again(buf_str(&json), first, memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data, *feed = len ? memchr(text, '\f', len) : NULL;
    const struct str shop = {text, feed ? (size_t)(feed - text) : 0};
    const struct str message = {feed ? feed + 1 : text, feed ? len - shop.len - 1 : len};
    struct arena memory;
    struct job_request r;
    struct str payload;
    struct err e = {0};
    arena_init(&memory, 0);
    if (job_payload_of_message(message, MESSAGE_MAX, &memory, &payload, &e) &&
        job_request_read(payload, &memory, &r, &e)) {
        check_bounds(&r);
        read_again(payload, &r, &memory);
        read_kept(payload, &r, &memory);
        job_options_default(&r.options, shop, &memory);
        apply(&r, &memory);
    } else {
        CHECK(e.kind != ERR_NONE && e.message[0] && str_is_utf8(str_of(e.message)));
    }
    arena_fini(&memory);
    return 0;
}
