#include "worker/ctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/check.h"

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
