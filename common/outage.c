#include "common/outage.h"

#include "common/clock.h"

bool outage_note(struct outage *o, enum err_kind kind, int64_t now_ms)
{
    unsigned bit = 1u << kind;
    if (o->failures++ == 0)
        o->since_ms = now_ms;
    if ((o->said_kinds & bit) && now_ms - o->said_ms < OUTAGE_REMINDER_MS)
        return false;
    o->said_ms = now_ms;
    o->said_kinds |= bit;
    return true;
}

bool outage_over(struct outage *o, struct outage *was)
{
    *was = *o;
    *o = (struct outage){0};
    return was->failures > 0;
}

static double seconds_since(const struct outage *o, int64_t now_ms)
{
    return (double)(now_ms - o->since_ms) / 1000;
}

void outage_failed(struct outage *o, const char *message, const struct err *cause)
{
    int64_t now_ms = clock_mono_ms();
    if (!outage_note(o, cause->kind, now_ms))
        return;
    if (o->failures == 1)
        LOG(LOG_WARN, message, LOG_S("error", cause->message));
    else
        LOG(LOG_WARN, message, LOG_S("error", cause->message), LOG_R("for_s", seconds_since(o, now_ms)),
            LOG_I("failures", o->failures));
}

void outage_ended(struct outage *o, const char *message)
{
    struct outage was;
    if (outage_over(o, &was))
        LOG(LOG_INFO, message, LOG_R("for_s", seconds_since(&was, clock_mono_ms())), LOG_I("failures", was.failures));
}

enum log_level outage_level(const struct err *e)
{
    bool is_said = e->kind == ERR_REDIS_AWAY || e->kind == ERR_PG_AWAY || e->kind == ERR_CONFIG;
    return is_said ? LOG_DEBUG : LOG_WARN;
}
