// What the examinations of `bundlectl doctor` share: a list of findings, each with its remedy. An examination that
// cannot be made says so and the next one is made.
#ifndef BUNDLE_WORKER_CTL_DOCTOR_H
#define BUNDLE_WORKER_CTL_DOCTOR_H

#include "worker/ctl/ctl_redis.h"

struct pg;

enum doctor_status { DOCTOR_OK, DOCTOR_MENDED, DOCTOR_WARN, DOCTOR_FAIL };
const char *doctor_status_name(enum doctor_status s);

enum { DOCTOR_TEXT_MAX = 1024, DOCTOR_FINDINGS_MAX = 128 };

struct doctor_finding {
    enum doctor_status status;
    const char *area, *check;
    char found[DOCTOR_TEXT_MAX];
    char remedy[DOCTOR_TEXT_MAX]; // "": none is needed
};

struct doctor {
    const struct ctl *c;
    bool is_repair, is_all;
    struct ctl_redis redis; // .redis NULL: no connection
    struct pg *pg;          // NULL: none, or not with this program's schema
    int64_t workers, slots; // that are there
    unsigned n;
    struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
};

// found is a printf text, remedy "" or a sentence.
void doctor_say(struct doctor *d, const char *area, const char *check, enum doctor_status status, const char *remedy,
                const char *found, ...) PRINTF_LIKE(6, 7);
void doctor_say_error(struct doctor *d, const char *area, const char *check, const char *remedy, const struct err *e);

void doctor_clock(struct doctor *d, const char *area, int64_t skew_ms); // of the area's server against ours

// The areas, in their order: later ones need what earlier ones opened.
void doctor_redis(struct doctor *d);    // connection, server, rights
void doctor_queue(struct doctor *d);    // workers, and whether everything in it adds up
void doctor_postgres(struct doctor *d); // connection, schema, rights, room for the workers' slots
void doctor_uploads(struct doctor *d);  // asked for, and known to nobody
void doctor_model(struct doctor *d);    // the language model: server, certificate, key, model; where one is configured

#endif
