#include "worker/ctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/check.h"

enum { SKEW_WARN_MS = 1000, SKEW_FAIL_MS = 60000 };

const char *doctor_status_name(enum doctor_status s)
{
    static const char *const NAMES[] = {"ok", "mended", "warn", "fail"};
    CHECK((size_t)s < ARRAY_LEN(NAMES));
    return NAMES[s];
}

void doctor_say(struct doctor *d, const char *area, const char *check, enum doctor_status status, const char *remedy,
                const char *found, ...)
{
    CHECK(d->n < DOCTOR_FINDINGS_MAX);
    struct doctor_finding *f = &d->findings[d->n++];
    va_list args;
    va_start(args, found);
    *f = (struct doctor_finding){.status = status, .area = area, .check = check};
    (void)vsnprintf(f->found, sizeof f->found, found, args);
    (void)snprintf(f->remedy, sizeof f->remedy, "%s", remedy);
    va_end(args);
}

void doctor_say_error(struct doctor *d, const char *area, const char *check, const char *remedy, const struct err *e)
{
    doctor_say(d, area, check, DOCTOR_FAIL, remedy, "%s", e->message);
}

void doctor_clock(struct doctor *d, const char *area, int64_t skew_ms)
{
    int64_t size_ms = skew_ms < 0 ? -skew_ms : skew_ms;
    enum doctor_status status = size_ms > SKEW_FAIL_MS ? DOCTOR_FAIL : size_ms > SKEW_WARN_MS ? DOCTOR_WARN : DOCTOR_OK;
    doctor_say(d, area, "clock", status,
               status == DOCTOR_OK ? "" : "let NTP set all clocks; leases go by Redis' clock alone, schedules by all",
               "%lld ms from this machine's", (long long)skew_ms);
}
