#include "tests/support/chat/behaviour.h"

#include <inttypes.h>
#include <string.h>

#include "common/check.h"

void behaviour_init(struct behaviour *b)
{
    *b = (struct behaviour){0};
    random_init(&b->random, 1);
}

void behaviour_fini(struct behaviour *b)
{
    json_decref(b->faults_said);
    json_decref(b->obeys_said);
}

static bool read_rule(json_t *said, struct rule *out, struct err *e)
{
    const char *name, *mentions = NULL, *retry_after = NULL;
    json_int_t times = -1, bundles_min = 0;
    double p = 1;
    json_error_t why;
    if (json_unpack_ex(said, &why, 0, "{s:s, s?I, s?F, s?s, s?s, s?I !}", "do", &name, "times", &times, "p", &p,
                       "mentions", &mentions, "retry_after", &retry_after, "bundles_min", &bundles_min) != 0)
        return err_set(e, ERR_INPUT, "faults: %s", why.text);
    *out = (struct rule){
        .times = times, .p = p, .mentions = mentions, .retry_after = retry_after, .bundles_min = bundles_min};
    if (!fault_find(name, &out->fault))
        return err_set(e, ERR_INPUT, "no fault is called \"%s\" (model_server --list names them)", name);
    return true;
}

static bool read_rules(json_t *said, struct behaviour *b, struct err *e)
{
    if (!json_is_array(said) || json_array_size(said) > BEHAVIOUR_RULES_MAX)
        return err_set(e, ERR_INPUT, "\"faults\" is an array of at most %d", BEHAVIOUR_RULES_MAX);
    b->n_rules = json_array_size(said);
    for (size_t i = 0; i < b->n_rules; i++) {
        if (!read_rule(json_array_get(said, i), &b->rules[i], e))
            return false;
    }
    b->faults_said = said;
    return true;
}

static bool read_obeys(json_t *said, struct behaviour *b, struct err *e)
{
    if (!json_is_array(said) || json_array_size(said) > BEHAVIOUR_OBEYS_MAX)
        return err_set(e, ERR_INPUT, "\"obeys\" is an array of at most %d", BEHAVIOUR_OBEYS_MAX);
    (void)memset(b->obeys, 0, sizeof b->obeys);
    for (size_t i = 0; i < json_array_size(said); i++) {
        b->obeys[i] = json_string_value(json_array_get(said, i));
        if (!b->obeys[i] || !*b->obeys[i])
            return err_set(e, ERR_INPUT, "\"obeys\" holds texts");
    }
    b->obeys_said = said;
    return true;
}

static bool read_numbers(json_t *root, struct behaviour *b, json_t **faults, json_t **obeys, struct err *e)
{
    json_int_t low = b->latency_low_ms, high = b->latency_high_ms, seed = -1;
    json_int_t requests = b->requests_per_min, tokens = b->tokens_per_min;
    json_error_t why;
    if (json_unpack_ex(root, &why, 0, "{s?[II!], s?I, s?I, s?I, s?o, s?o !}", "latency_ms", &low, &high, "seed", &seed,
                       "requests_per_min", &requests, "tokens_per_min", &tokens, "faults", faults, "obeys", obeys) != 0)
        return err_set(e, ERR_INPUT, "%s", why.text);
    if (low < 0 || high < low || high > 3600000 || requests < 0 || tokens < 0)
        return err_set(e, ERR_INPUT, "latency_ms is [low, high] up to an hour, limits are 0 or more");
    b->latency_low_ms = low;
    b->latency_high_ms = high;
    b->requests_per_min = requests;
    b->tokens_per_min = tokens;
    if (seed >= 0)
        random_init(&b->random, (uint64_t)seed);
    return true;
}

static bool change(struct behaviour *b, json_t *root, struct err *e)
{
    struct behaviour next = *b;
    json_t *faults = NULL, *obeys = NULL;
    if (!read_numbers(root, &next, &faults, &obeys, e) || (faults && !read_rules(faults, &next, e)) ||
        (obeys && !read_obeys(obeys, &next, e)))
        return false;
    if (faults) {
        json_decref(b->faults_said);
        (void)json_incref(faults);
    }
    if (obeys) {
        json_decref(b->obeys_said);
        (void)json_incref(obeys);
    }
    *b = next;
    return true;
}

bool behaviour_change(struct behaviour *b, struct str json, struct err *e)
{
    json_error_t why;
    json_t *root = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return err_set(e, ERR_INPUT, "no JSON: %s", why.text);
    bool ok = change(b, root, e);
    json_decref(root);
    return ok;
}

int64_t behaviour_latency_ms(struct behaviour *b)
{
    return random_between(&b->random, b->latency_low_ms, b->latency_high_ms);
}

static bool applies(struct behaviour *b, const struct rule *r, struct str request, int64_t n_bundles)
{
    if (r->times == 0 || n_bundles < r->bundles_min)
        return false;
    if (r->mentions && !memmem(request.ptr, request.len, r->mentions, strlen(r->mentions)))
        return false;
    return r->p >= 1 || random_chance(&b->random, r->p);
}

const struct rule *behaviour_choose(struct behaviour *b, struct str request, int64_t n_bundles)
{
    for (size_t i = 0; i < b->n_rules; i++) {
        struct rule *r = &b->rules[i];
        if (!applies(b, r, request, n_bundles))
            continue;
        if (r->times > 0)
            r->times--;
        return r;
    }
    return NULL;
}
