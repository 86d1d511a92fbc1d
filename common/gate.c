#include "common/gate.h"

#include "common/check.h"
#include "scripts.h" // generated: SCRIPT_GATE_ENTER ...

// What both scripts want first: the queue's limits (not read there), the place, and how much it takes.
static void begin(const struct queue *q, const struct redis_script *s, const struct gate *g, int64_t units,
                  struct redis_cmd *out)
{
    redis_cmd_init_script(out, s, str_of(q->key));
    redis_cmd_text(out, "");
    redis_cmd_text(out, g->name);
    redis_cmd_int(out, g->requests_per_min);
    redis_cmd_int(out, g->units_per_min);
    redis_cmd_int(out, units);
}

void gate_enter_cmd(const struct queue *q, const struct gate *g, int64_t units, struct redis_cmd *out)
{
    begin(q, &SCRIPT_GATE_ENTER, g, units, out);
    redis_cmd_int(out, g->probe_ms);
}

bool gate_entered(const struct redis_reply *r, struct gate_entered *out)
{
    static const struct {
        struct str word;
        enum gate_verdict verdict;
        bool is_probe;
    } WORDS[] = {{STR("go"), GATE_GO, false},
                 {STR("probe"), GATE_GO, true},
                 {STR("wait"), GATE_WAIT, false},
                 {STR("closed"), GATE_CLOSED, false}};
    struct str word = redis_reply_str(redis_reply_at(r, 0));
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
        if (!str_eq(word, WORDS[i].word))
            continue;
        *out = (struct gate_entered){.verdict = WORDS[i].verdict,
                                     .is_probe = WORDS[i].is_probe,
                                     .ms = redis_reply_int(redis_reply_at(r, 1)),
                                     .reason = redis_reply_str(redis_reply_at(r, 2))};
        return true;
    }
    return false;
}

void gate_leave_cmd(const struct queue *q, const struct gate *g, const struct gate_left *l, struct redis_cmd *out)
{
    static const char *const OUTCOMES[] = {"ok", "failed", "limited", "refused", "given_up", "not_asked"};
    CHECK((size_t)l->outcome < ARRAY_LEN(OUTCOMES));
    begin(q, &SCRIPT_GATE_LEAVE, g, l->units, out);
    redis_cmd_int(out, l->used);
    redis_cmd_text(out, OUTCOMES[l->outcome]);
    redis_cmd_text(out, l->is_probe ? "1" : "0");
    redis_cmd_int(out, l->closed_ms);
    redis_cmd_text(out, l->reason ? l->reason : "");
    redis_cmd_int(out, g->failures_max);
    redis_cmd_int(out, g->closed_ms);
    redis_cmd_int(out, g->closed_max_ms);
}
