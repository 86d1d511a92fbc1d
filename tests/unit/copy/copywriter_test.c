#include "copywriter_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/thread.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/json_out.h"

// ---- the model ----

static void put_copy(struct json_out *j, size_t number, char bundle, bool is_spoilt)
{
    char text[160];
    json_out_object(j);
    (void)snprintf(text, sizeof text, "b%zu", number);
    json_out_key_str(j, "id", str_of(text));
    (void)snprintf(text, sizeof text, "Green Tea %c with its strainer", bundle);
    json_out_key_str(j, "title", str_of(is_spoilt ? "" : text));
    (void)snprintf(text, sizeof text, "A pot of Green Tea %c at home is quickly made, and the strainer is there.",
                   bundle);
    json_out_key_str(j, "description", str_of(text));
    json_out_key_str(j, "value_proposition", STR("Together they cost less than one by one."));
    json_out_key(j, "features");
    json_out_array(j);
    json_out_str(j, STR("Everything that the pot needs"));
    json_out_end(j);
    json_out_key(j, "benefits");
    json_out_array(j);
    json_out_str(j, STR("One order and you are ready"));
    json_out_end(j);
    json_out_end(j);
}

static void put_content(const char *bundles, const char *spoilt, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key(&j, "bundles");
    json_out_array(&j);
    for (size_t i = 0; bundles[i]; i++)
        put_copy(&j, i + 1, bundles[i], spoilt && strchr(spoilt, bundles[i]));
    json_out_end(&j);
    json_out_end(&j);
}

static void put_answer(const char *bundles, const char *spoilt, const char *finish_reason, struct buf *out)
{
    AUTO(buf_fini) struct buf content;
    buf_init(&content, 1 << 20);
    put_content(bundles, spoilt, &content);
    buf_printf(out,
               "{\"choices\":[{\"index\":0,\"finish_reason\":\"%s\",\"message\":{\"role\":\"assistant\",\"content\":",
               finish_reason);
    struct json_out j = json_out_on(out);
    json_out_str(&j, buf_str(&content));
    buf_puts(out, "}}],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120}}");
}

static void note_asked(struct scene *s, const struct http_asked *a)
{
    struct asked *asked = &s->asked[s->n_asked++];
    const char *end = a->body.ptr + a->body.len;
    size_t n = 0;
    assert_true(s->n_asked <= SCENE_ASKED_MAX);
    asked->at_ms = clock_mono_ms();
    for (const char *p = a->body.ptr; (p = memmem(p, (size_t)(end - p), "Green Tea ", 10)); p += 10) {
        assert_true(n < SCENE_BRIEFS_MAX);
        asked->bundles[n++] = p[10];
    }
    asked->structure = memmem(a->body.ptr, a->body.len, "\"json_schema\"", 13)   ? 's'
                       : memmem(a->body.ptr, a->body.len, "\"json_object\"", 13) ? 'j'
                                                                                 : 'p';
    asked->has_max_tokens = memmem(a->body.ptr, a->body.len, "\"max_tokens\":", 13);
    asked->has_max_completion_tokens = memmem(a->body.ptr, a->body.len, "\"max_completion_tokens\":", 24);
    asked->has_temperature = memmem(a->body.ptr, a->body.len, "\"temperature\":", 14);
    const char *key = memmem(a->headers.ptr, a->headers.len, "Authorization: Bearer ", 22);
    if (key)
        (void)snprintf(asked->key, sizeof asked->key, "%.*s", (int)strcspn(key + 22, "\r\n"), key + 22);
}

static void write_later(struct http_peer *p, int ms, const char *bundles, const char *spoilt)
{
    AUTO(buf_fini) struct buf body;
    buf_init(&body, 1 << 20);
    put_answer(bundles, spoilt, "stop", &body);
    http_peer_answer_later(p, ms, buf_str(&body));
}

static void answer_cut(struct http_peer *p, const char *bundles)
{
    AUTO(buf_fini) struct buf body;
    buf_init(&body, 1 << 20);
    put_answer((const char[]){bundles[1] ? bundles[0] : '\0', '\0'}, NULL, "length", &body);
    http_peer_answer(p, "200 OK", "", buf_str(&body));
}

static void on_request(void *context, struct http_peer *p, const struct http_asked *a)
{
    struct scene *s = context;
    size_t i = s->n_asked < s->n_script ? s->n_asked : s->n_script - 1;
    const struct act *act = &s->script[i];
    note_asked(s, a);
    const char *bundles = s->asked[s->n_asked - 1].bundles;
    switch (act->do_what) {
    case ACT_WRITE:
    case ACT_SPOIL:
        write_later(p, act->after_ms, bundles, act->do_what == ACT_SPOIL ? act->arg : NULL);
        break;
    case ACT_GARBAGE:
        http_peer_answer(p, "200 OK", "", STR("{\"choices\":[{\"message\":{\"content\":\"I would rather not.\"}}]}"));
        break;
    case ACT_STATUS:
        http_peer_answer(p, act->arg, act->headers ? act->headers : "", str_of(act->body));
        break;
    case ACT_CUT:
        answer_cut(p, bundles);
        break;
    case ACT_ABSURD:
        http_peer_answer(
            p, "200 OK", "",
            STR("{\"choices\":[{\"message\":{\"content\":\"{}\"}}],\"usage\":{\"prompt_tokens\":1000000000,"
                "\"completion_tokens\":1}}"));
        break;
    case ACT_HANG:
        break;
    case ACT_RESET:
        http_peer_reset(p);
        break;
    }
}

void scene_script(struct scene *s, const struct act *acts, size_t n)
{
    CHECK(n > 0 && n <= SCENE_SCRIPT_MAX);
    memcpy(s->script, acts, n * sizeof *acts);
    s->n_script = n;
    s->n_asked = 0;
}

// ---- the scene ----

int scene_setup(void **state)
{
    const char *url = getenv("BUNDLE_TEST_REDIS"), *name = getenv("TEST_NAME");
    const struct queue_limits limits = {.lease_ms = 1000, .payload_max = 1000};
    struct err e;
    if (!url || !name) // scripts/test sets both
        return 0;
    struct scene *s = calloc(1, sizeof *s);
    CHECK(s && evthread_use_pthreads() == 0 && (s->base = event_base_new()));
    queue_init(&s->queue, name, &limits);
    if (!redis_url_parse(url, "", &s->redis_url, &e) || !redis_open(&s->redis, &s->redis_url, "test", 5000, &e))
        fail_msg("%s", e.message);
    s->server = http_server_start(s->base, on_request, s);
    (void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d/v1/", http_server_port(s->server));
    s->settings = (struct copywriter_settings){
        .http = {.in_flight_max = 5,
                 .timeout_ms = 30000,
                 .connect_ms = 30000,
                 .response_max = 1 << 20,
                 .ca_file = "",
                 .user_agent = "test"},
        .url = s->url,
        .key = "a-key",
        .key_file = "",
        .organization = "",
        .project = "",
        .cache_ttl_s = 600,
        .gate = {.failures_max = 3, .closed_ms = 60000, .closed_max_ms = 60000, .probe_ms = 60000},
        .redis_timeout_ms = 30000,
    };
    static const struct act WRITE = {.do_what = ACT_WRITE};
    scene_script(s, &WRITE, 1);
    *state = s;
    return 0;
}

static void forget_gate(struct scene *s)
{
    struct redis_cmd c;
    struct redis_reply *reply = NULL;
    struct err e;
    char key[256];
    (void)snprintf(key, sizeof key, "%s:gate:127.0.0.1:%d", s->queue.key, http_server_port(s->server));
    redis_cmd_init(&c, "DEL");
    redis_cmd_text(&c, key);
    if (!redis_call(s->redis, &c, &reply, &e))
        fail_msg("%s", e.message);
    redis_cmd_fini(&c);
    redis_reply_free(reply);
}

int scene_teardown(void **state)
{
    struct scene *s = *state;
    if (!s)
        return 0;
    copywriter_destroy(s->writer);
    forget_gate(s);
    http_server_stop(s->server);
    redis_close(s->redis);
    event_base_free(s->base);
    free(s);
    return 0;
}

struct scene *scene_need(void **state)
{
    if (!*state)
        skip();
    return *state;
}

void scene_open(struct scene *s)
{
    struct err e;
    forget_gate(s); // ports come again
    if (!copywriter_create(&s->writer, &s->settings, &s->queue, &s->redis_url, &e))
        fail_msg("%s", e.message);
}

static void on_done(void *context, const struct copy_outcome *outcome)
{
    struct scene_order *o = context;
    o->was_cancelled = outcome->is_cancelled;
    o->usage = outcome->usage;
    for (size_t i = 0; i < o->order.n && !outcome->is_cancelled; i++) {
        const struct copy_written *w = &outcome->written[i];
        o->sources[i] = w->source;
        (void)snprintf(o->kinds[i], sizeof o->kinds[i], "%s", w->kind ? w->kind : "");
        (void)snprintf(o->reasons[i], sizeof o->reasons[i], STR_FMT, STR_ARG(w->reason));
        (void)snprintf(o->json[i], sizeof o->json[i], STR_FMT, STR_ARG(w->json));
    }
    CHECK(!atomic_exchange(&o->is_done, true)); // once
}

struct scene_order *scene_order(struct scene *s, size_t i, size_t n, unsigned generation)
{
    struct scene_order *o = &s->orders[i];
    CHECK(i < SCENE_ORDERS_MAX && n <= SCENE_BRIEFS_MAX);
    *o = (struct scene_order){.order = {.n = n,
                                        .model = STR("m"),
                                        .locale = STR("en"),
                                        .within_ms = SCENE_WITHIN_MS,
                                        .requests_max = 20,
                                        .tokens_max = 1000000,
                                        .on_done = on_done}};
    for (size_t k = 0; k < n; k++) {
        int len =
            snprintf(o->facts[k], sizeof o->facts[k],
                     "{\"type\":\"FBT\",\"offer_kind\":\"frequently bought together\",\"goal\":\"bigger orders\","
                     "\"products\":[{\"name\":\"Green Tea %c\",\"quantity\":1,\"role\":\"anchor\"},"
                     "{\"name\":\"Strainer\",\"quantity\":1,\"role\":\"add-on\"}],\"offer\":{\"percent\":\"10%%\"}}",
                     (char)('A' + k));
        o->briefs[k].facts = (struct str){o->facts[k], (size_t)len};
        (void)snprintf(o->briefs[k].key, sizeof o->briefs[k].key, "%08x%08x%08x%08x", (unsigned)getpid(), generation,
                       (unsigned)i, (unsigned)k);
    }
    o->order.briefs = o->briefs;
    o->order.is_cancelled = &o->is_cancelled;
    o->order.context = o;
    return o;
}

void scene_write(struct scene *s, struct scene_order *o)
{
    copywriter_write(s->writer, &o->order);
}

static void once_more(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what, (void)context;
}

void scene_run(struct scene *s, int64_t ms)
{
    const struct timeval a_moment = {.tv_usec = 2000};
    for (int64_t until_ms = clock_mono_ms() + ms; clock_mono_ms() < until_ms;) {
        (void)event_base_once(s->base, -1, EV_TIMEOUT, once_more, NULL, &a_moment);
        (void)event_base_loop(s->base, EVLOOP_ONCE);
    }
}

void scene_wait(struct scene *s, struct scene_order *o)
{
    SCENE_AWAIT(s, atomic_load(&o->is_done));
}

unsigned scene_count(const struct scene_order *o, enum copy_source source)
{
    unsigned n = 0;
    for (size_t i = 0; i < o->order.n; i++)
        n += o->sources[i] == source;
    return n;
}
