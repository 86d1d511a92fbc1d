// Brings a state of the model into its normal form: the same future, as few different states as can be. See model.h.
#ifndef BUNDLE_TESTS_NORMAL_FORM_H
#define BUNDLE_TESTS_NORMAL_FORM_H

#include "tests/model/mini_redis.h"

#define NORMAL_NOW_MS INT64_C(1700000000000) // what the clock says in a normal form
#define NORMAL_SEQ "100" // so that the first event of a job that begins anew (1) can be told from its next

struct normal_form;
struct normal_form *normal_form_create(struct mini_redis *m, const char *queue_key, int64_t lease_ms);
void normal_form_destroy(struct normal_form *f);
void normal_form_apply(struct normal_form *f);

#endif
