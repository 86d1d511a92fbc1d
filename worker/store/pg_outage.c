#include "worker/store/pg_outage.h"

#include <pthread.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/outage.h"

enum { SOON_MS = 30000, LASTING_MS = 5000 };

static struct {
    pthread_mutex_t lock;
    atomic_bool is_away;
    bool is_said;
    int64_t began_ms, failed_ms, said_ms, ended_ms;
    int64_t tries;
} outage = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended_ms = INT64_MIN / 2};

static void begin(int64_t now_ms)
{
    atomic_store(&outage.is_away, true);
    outage.is_said = false;
    outage.began_ms = now_ms;
    outage.tries = 0;
}

static bool is_worth_saying(int64_t now_ms)
{
    if (outage.is_said)
        return now_ms - outage.said_ms >= OUTAGE_REMINDER_MS;
    return outage.began_ms - outage.ended_ms >= SOON_MS || now_ms - outage.began_ms >= LASTING_MS;
}

static void say_away(int64_t now_ms, const char *error)
{
    if (outage.is_said)
        LOG(LOG_WARN, "PostgreSQL is still away", LOG_I("seconds", (now_ms - outage.began_ms) / 1000),
            LOG_I("tries", outage.tries), LOG_S("error", error));
    else
        LOG(LOG_WARN, "PostgreSQL is away; trying again until it is back", LOG_S("error", error));
    outage.is_said = true;
    outage.said_ms = now_ms;
}

void pg_outage_note(const struct err *e)
{
    int64_t now_ms = clock_mono_ms();
    if (e->kind != ERR_PG_AWAY)
        return;
    (void)pthread_mutex_lock(&outage.lock);
    if (!atomic_load(&outage.is_away))
        begin(now_ms);
    outage.tries++;
    outage.failed_ms = now_ms;
    if (is_worth_saying(now_ms))
        say_away(now_ms, e->message);
    (void)pthread_mutex_unlock(&outage.lock);
}

void pg_outage_over(const struct pg *pg)
{
    if (!atomic_load(&outage.is_away))
        return;
    int64_t now_ms = clock_mono_ms();
    (void)pthread_mutex_lock(&outage.lock);
    if (atomic_load(&outage.is_away) && pg_opened_ms(pg) >= outage.failed_ms) {
        atomic_store(&outage.is_away, false);
        outage.ended_ms = now_ms;
        if (outage.is_said)
            LOG(LOG_INFO, "PostgreSQL is back", LOG_R("seconds", (double)(now_ms - outage.began_ms) / 1000),
                LOG_I("failed_tries", outage.tries));
    }
    (void)pthread_mutex_unlock(&outage.lock);
}
