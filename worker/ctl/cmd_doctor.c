#include <stdlib.h>

#include "common/check.h"
#include "common/json_out.h"
#include "worker/ctl/doctor.h"
#include "worker/ctl/table.h"
#include "worker/store/pg.h"

enum { RECOVERY_MS_MAX = 15000 }; // what common/PROTOCOL.md promises

static const struct arg_option OPTIONS[] = {
    {"repair", NULL, "mend what can be mended while workers run", NULL},
    {"all", NULL, "look at every key of the queue, not at the first 20,000 found", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char HELP[] =
    "Examines everything that jobs depend on: settings, Redis (version, rights, memory policy, persistence, role, "
    "clock),\n"
    "PostgreSQL (version, schema, rights, connections, clock), the workers, and the queue itself: keys without a TTL,\n"
    "orphans, leases and tasks that do not match, rings, uploads that nobody will do; and the language model, where "
    "one\n"
    "is configured: its server, certificate, key, and whether it lists copy.model. Each finding comes with its "
    "remedy.\n"
    "Without --repair nothing is changed; one key of its own, gone after seconds, serves to try the rights.\n"
    "--repair gives TTLs, deletes orphans, puts lost tasks on their lists again, and enqueues lost uploads; it never\n"
    "touches the schema.\n"
    "\n"
    "Exit code: 0 nothing failed (there may be warnings), 1 something failed, 2 the command line or a setting is "
    "wrong.\n"
    "\n"
    "examples:\n"
    "  bundlectl doctor\n"
    "  bundlectl doctor --repair\n"
    "  bundlectl doctor --json | jq '.findings[] | select(.status != \"ok\")'";

// ---- settings ----

// What loading them does not refuse.
static void doctor_settings(struct doctor *d)
{
    const struct settings *s = d->c->settings;
    int64_t wait_ms = s->queue_lease_ms + s->queue_sweep_ms;
    bool is_slow = wait_ms > RECOVERY_MS_MAX;
    doctor_say(d, "settings", "recovery", is_slow ? DOCTOR_WARN : DOCTOR_OK,
               is_slow ? "lower queue.lease_ms or queue.sweep_ms" : "",
               "queue %s: a dead worker's task runs again after at most %lld ms", s->queue_name, (long long)wait_ms);
}

// ---- printing ----

static unsigned count(const struct doctor *d, enum doctor_status status)
{
    unsigned n = 0;
    for (unsigned i = 0; i < d->n; i++)
        n += d->findings[i].status == status;
    return n;
}

static void put_json(const struct doctor *d, struct buf *out)
{
    struct json_out j = json_out_on(out);
    json_out_object(&j);
    json_out_key_bool(&j, "ok", count(d, DOCTOR_FAIL) == 0);
    for (int s = DOCTOR_OK; s <= DOCTOR_FAIL; s++)
        json_out_key_int(&j, doctor_status_name((enum doctor_status)s), count(d, (enum doctor_status)s));
    json_out_key(&j, "findings");
    json_out_array(&j);
    for (unsigned i = 0; i < d->n; i++) {
        const struct doctor_finding *f = &d->findings[i];
        json_out_object(&j);
        json_out_key_str(&j, "status", str_of(doctor_status_name(f->status)));
        json_out_key_str(&j, "area", str_of(f->area));
        json_out_key_str(&j, "check", str_of(f->check));
        json_out_key_str(&j, "found", str_of(f->found));
        json_out_key_str(&j, "remedy", str_of(f->remedy));
        json_out_end(&j);
    }
    json_out_end(&j);
    json_out_end(&j);
    buf_putc(out, '\n');
}

static void put_wrapped(const struct term *t, const char *label, const char *text, struct buf *out)
{
    enum { INDENT = 8 };
    unsigned width =
        t->is_tty && t->columns > INDENT + TERM_COLUMNS_MIN / 2 ? t->columns - INDENT - 1 : TERM_COLUMNS_MAX;
    AUTO(buf_fini) struct buf whole;
    struct str line;
    buf_init(&whole, 1 << 16);
    buf_printf(&whole, "%s%s", label, text);
    for (struct str rest = buf_str(&whole); term_wrap(&rest, width, &line);) {
        buf_printf(out, "%*s", INDENT, "");
        term_put(out, line);
        buf_putc(out, '\n');
    }
}

static void put_finding(const struct term *t, const struct doctor_finding *f, struct buf *out)
{
    static const enum term_style STYLES[] = {TERM_GREEN, TERM_GREEN, TERM_YELLOW, TERM_RED};
    term_style_begin(t, STYLES[f->status], out);
    buf_printf(out, "%-6s", doctor_status_name(f->status));
    term_style_end(t, out);
    buf_printf(out, "  %s, %s\n", f->area, f->check);
    put_wrapped(t, "", f->found, out);
    if (f->remedy[0])
        put_wrapped(t, "remedy: ", f->remedy, out);
}

static bool print(const struct doctor *d, struct err *e)
{
    AUTO(buf_fini) struct buf out;
    buf_init(&out, CTL_OUTPUT_MAX);
    if (d->c->is_json) {
        put_json(d, &out);
        return ctl_print(&out, e);
    }
    for (unsigned i = 0; i < d->n; i++)
        put_finding(&d->c->out, &d->findings[i], &out);
    buf_printf(&out, "%u ok, %u mended, %u warnings, %u failed\n", count(d, DOCTOR_OK), count(d, DOCTOR_MENDED),
               count(d, DOCTOR_WARN), count(d, DOCTOR_FAIL));
    return ctl_print(&out, e);
}

static void doctor_closep(struct doctor **d)
{
    ctl_redis_close(&(*d)->redis);
    pg_destroy((*d)->pg);
    free(*d);
}

static bool run(struct ctl *c, const struct args *a, int *exit_code, struct err *e)
{
    AUTO(doctor_closep) struct doctor *d = calloc(1, sizeof *d);
    CHECK(d);
    d->c = c;
    d->is_repair = args_has(a, "repair");
    d->is_all = args_has(a, "all");
    doctor_settings(d);
    doctor_redis(d);
    doctor_queue(d);
    doctor_postgres(d);
    doctor_uploads(d);
    doctor_model(d);
    *exit_code = count(d, DOCTOR_FAIL) ? 1 : 0;
    return print(d, e);
}

const struct ctl_command CMD_DOCTOR = {
    .name = "doctor",
    .words = "",
    .summary = "examine Redis, PostgreSQL, workers, queue and model; --repair mends",
    .help = HELP,
    .options = OPTIONS,
    .needs_settings = true,
    .run = run,
};
