#include "worker/copy/copywriter_internal.h"

#include <stdlib.h>

#include <event2/event.h>

#include "common/check.h"
#include "common/clock.h"

// All requests of this worker stand in one line before the gate, which is asked for as many at a time as there are
// places: no request passes an older one, and while the gate says "wait" one asks and not each of them.
enum { PAUSE_AWAY_MS = 200, PAUSE_REFUSED_MS = 1000 };

struct copy_pause { // what those are told whose time is over meanwhile
    const char *kind, *reason;
};
static const struct copy_pause LIMITED = {"limited",
                                          "the language model's limits leave no room within the time for copy"};
static const struct copy_pause AWAY = {COPY_AWAY, COPY_AWAY_REASON};

struct copy_asking { // the gate is asked for a request that may be gone when it answers
    struct copywriter *writer;
    struct copy_request *request; // NULL: gone
    int64_t units;
};

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    copy_line_move(context);
}

void copy_line_init(struct copywriter *w)
{
    w->line.timer = evtimer_new(w->base, on_timer, w);
    CHECK(w->line.timer);
}

void copy_line_fini(struct copywriter *w)
{
    CHECK(!w->line.first && w->line.n_inside == 0);
    event_free(w->line.timer);
}

static void insert(struct copy_request *r)
{
    struct copy_request **at = &r->run->writer->line.first;
    while (*at && (*at)->ticket < r->ticket)
        at = &(*at)->line_next;
    r->line_next = *at;
    *at = r;
    r->where = COPY_IN_LINE;
}

static void take_out(struct copy_request *r)
{
    struct copy_request **at = &r->run->writer->line.first;
    while (*at != r)
        at = &(*at)->line_next;
    *at = r->line_next;
    r->where = COPY_IDLE;
}

static void on_left(void *context, const struct redis_reply *reply)
{
    struct copywriter *w = context;
    struct err e;
    w->n_leaving--;
    if (redis_reply_error(reply, &e))
        outage_failed(&w->redis_outage, "Redis refuses what the language model's gate is told", &e);
    copywriter_maybe_end(w);
}

// One that does not get there costs what gate.h says.
static void tell(struct copywriter *w, const struct gate_left *l)
{
    struct redis_cmd c;
    gate_leave_cmd(w->queue, &w->s.gate, l, &c);
    if (redis_async_send(w->redis, &c, 0, on_left, w))
        w->n_leaving++;
    redis_cmd_fini(&c);
}

static void note_pause(struct copy_request *r)
{
    const struct copy_pause *why = r->run->writer->line.pause;
    copy_run_trouble(r->run, why->kind, why->reason);
}

// Nobody in the line asks before; all of them know why.
static void pause_line(struct copywriter *w, int64_t ms, const struct copy_pause *why)
{
    int64_t until_ms = clock_mono_ms() + ms;
    if (until_ms <= w->line.paused_until_ms)
        return;
    w->line.paused_until_ms = until_ms;
    w->line.pause = why;
    for (struct copy_request *r = w->line.first; r; r = r->line_next)
        note_pause(r);
}

static bool is_understood(struct copywriter *w, const struct redis_reply *reply, struct gate_entered *out)
{
    struct err e;
    if (gate_entered(reply, out)) {
        outage_ended(&w->redis_outage, "the language model's gate in Redis is there again");
        return true;
    }
    if (!reply) {
        pause_line(w, PAUSE_AWAY_MS, &AWAY);
        return false;
    }
    if (!redis_reply_error(reply, &e))
        (void)err_set(&e, ERR_REDIS, "an answer that is none");
    outage_failed(&w->redis_outage, "the language model's gate in Redis cannot be asked; trying again", &e);
    pause_line(w, PAUSE_REFUSED_MS, &AWAY);
    return false;
}

// Nobody wants it any more: it goes back.
static void give_back(struct copywriter *w, const struct gate_entered *g, int64_t units)
{
    const struct gate_left nothing = {.outcome = GATE_NOT_ASKED, .is_probe = g->is_probe, .units = units, .used = -1};
    if (g->verdict == GATE_GO)
        tell(w, &nothing);
}

// Not now. Where it would be too late then, it does not wait for that.
static void must_wait(struct copy_request *r, int64_t ms)
{
    if (clock_mono_ms() + ms > r->run->ends_ms) {
        r->where = COPY_IDLE;
        copy_run_failed(r, LIMITED.kind, LIMITED.reason, false);
        return;
    }
    insert(r);
    pause_line(r->run->writer, ms, &LIMITED);
    copy_run_trouble(r->run, LIMITED.kind, LIMITED.reason); // whatever the line is told: that may stand for longer
}

static void on_entered(void *context, const struct redis_reply *reply)
{
    struct copy_asking *asking = context;
    struct copywriter *w = asking->writer;
    struct copy_request *r = asking->request;
    struct gate_entered g = {.verdict = GATE_WAIT};
    bool ok = is_understood(w, reply, &g);
    w->line.n_asking--;
    if (r)
        r->asking = NULL;
    if (!r)
        give_back(w, &g, asking->units);
    else if (!ok) {
        insert(r);
        note_pause(r);
    } else if (g.verdict == GATE_WAIT)
        must_wait(r, g.ms);
    else {
        r->where = g.verdict == GATE_GO ? COPY_INSIDE : COPY_IDLE;
        r->is_probe = g.is_probe;
        w->line.n_inside += g.verdict == GATE_GO;
        copy_request_entered(r, &g);
    }
    free(asking);
    copy_line_move(w);
}

static bool ask(struct copy_request *r)
{
    struct copywriter *w = r->run->writer;
    struct copy_asking *asking = malloc(sizeof *asking);
    struct redis_cmd c;
    CHECK(asking);
    *asking = (struct copy_asking){w, r, r->units};
    gate_enter_cmd(w->queue, &w->s.gate, r->units, &c);
    bool ok = redis_async_send(w->redis, &c, 0, on_entered, asking);
    redis_cmd_fini(&c);
    if (!ok) {
        free(asking);
        return false;
    }
    take_out(r);
    r->where = COPY_ASKING;
    r->asking = asking;
    w->line.n_asking++;
    return true;
}

void copy_line_move(struct copywriter *w)
{
    struct copy_line *l = &w->line;
    int64_t now_ms = clock_mono_ms();
    while (l->first && now_ms >= l->paused_until_ms && l->n_asking + l->n_inside < w->s.http.in_flight_max) {
        if (ask(l->first))
            continue;
        pause_line(w, PAUSE_AWAY_MS, &AWAY);
    }
    if (!l->first || now_ms >= l->paused_until_ms)
        return;
    int64_t ms = l->paused_until_ms - now_ms;
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    (void)evtimer_add(l->timer, &after);
}

void copy_line_join(struct copy_request *r)
{
    struct copywriter *w = r->run->writer;
    CHECK(r->where == COPY_IDLE);
    if (r->ticket == 0) // one that comes again keeps its place
        r->ticket = ++w->line.tickets;
    insert(r);
    if (clock_mono_ms() < w->line.paused_until_ms)
        note_pause(r);
    copy_line_move(w);
}

void copy_line_drop(struct copy_request *r)
{
    if (r->where == COPY_IN_LINE)
        take_out(r);
    if (r->asking)
        r->asking->request = NULL;
    r->asking = NULL;
    r->where = COPY_IDLE;
}

void copy_line_leave(struct copy_request *r, const struct gate_left *l)
{
    struct copywriter *w = r->run->writer;
    struct gate_left left = *l;
    CHECK(r->where == COPY_INSIDE);
    left.is_probe = r->is_probe;
    left.units = r->units;
    r->where = COPY_IDLE;
    w->line.n_inside--;
    tell(w, &left);
    copy_line_move(w);
}
