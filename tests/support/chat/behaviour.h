// How the model server behaves: how long it takes, what it allows a minute, and what goes wrong, with which requests.
//
//     {"latency_ms": [300, 900], "seed": 1, "requests_per_min": 60, "tokens_per_min": 10000, "obeys": ["abracadabra"],
//      "faults": [{"do": "status_429", "times": 3, "retry_after": "2"}, {"do": "foreign_price", "mentions": "Tea"}]}
//
// What is left out stays as it is; "faults" and "obeys" are replaced whole. Of the faults the first that applies:
//
//     do           its name (model_server --list)
//     times        to so many requests (without: to all)
//     p            with this probability
//     mentions     to requests in which this text occurs; of copy, only the bundles in which it does
//     bundles_min  to requests for so many bundles or more
//     retry_after  header Retry-After: seconds, or "date" for the date two seconds from now
#ifndef BUNDLE_TESTS_CHAT_BEHAVIOUR_H
#define BUNDLE_TESTS_CHAT_BEHAVIOUR_H

#include <jansson.h>

#include "common/err.h"
#include "common/str.h"
#include "tests/support/chat/fault.h"
#include "tests/support/shop/random.h"

enum { BEHAVIOUR_RULES_MAX = 64, BEHAVIOUR_OBEYS_MAX = 16 };

struct rule {
    enum fault fault;
    int64_t times; // left; < 0: always
    double p;
    const char *mentions, *retry_after; // NULL: not said
    int64_t bundles_min;
};

struct behaviour {
    int64_t latency_low_ms, latency_high_ms;
    struct random random;
    int64_t requests_per_min, tokens_per_min; // 0: no limit
    struct rule rules[BEHAVIOUR_RULES_MAX];
    size_t n_rules;
    const char *obeys[BEHAVIOUR_OBEYS_MAX + 1]; // up to a NULL: further words after which a title is obeyed
    json_t *faults_said, *obeys_said;           // own the texts
};

void behaviour_init(struct behaviour *b);
void behaviour_fini(struct behaviour *b);
bool behaviour_change(struct behaviour *b, struct str json, struct err *e) MUST_USE; // false: nothing has changed

int64_t behaviour_latency_ms(struct behaviour *b);
// NULL: nothing goes wrong with this request. The rule is valid until the next change.
const struct rule *behaviour_choose(struct behaviour *b, struct str request, int64_t n_bundles);

#endif
