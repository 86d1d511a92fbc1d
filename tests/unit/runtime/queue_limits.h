// The limits that tests give their queues. Leases outlast every wait (do_until.h): time passes where a test says so.
#ifndef BUNDLE_TESTS_QUEUE_LIMITS_H
#define BUNDLE_TESTS_QUEUE_LIMITS_H

#include "common/queue.h"

static const struct queue_limits QUEUE_TEST_LIMITS = {.lease_ms = 60000,
                                                      .attempts = 3,
                                                      .crashes = 2,
                                                      .retry_ms = 100,
                                                      .keep_s = 60,
                                                      .jobs_kept = 5,
                                                      .payload_max = 65536,
                                                      .log_max = 1000,
                                                      .dead_max = 10,
                                                      .shop_running_max = 100,
                                                      .deadline_s = 60};

#endif
