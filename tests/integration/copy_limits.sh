#!/usr/bin/env bash
# What workers ask for in a minute holds for all of them together, and what a job may ask for holds for the job: requests,
# tokens, seconds. What that leaves unwritten gets template copy and says so; no job fails, none waits longer.
source "$(dirname "$0")/../support/test.sh"
source tests/support/model.sh

export BUNDLE_COPY_CACHE_TTL_S=0
model_start
load_generated demo 1500 --seed 3
load_copies demo 9

note 'requests a minute, over two workers: a server with that limit, and some patience with what is late, never has to say no'
model_behaviour '{"requests_per_min": 330}'
BUNDLE_COPY_REQUESTS_PER_MIN=300 BUNDLE_COPY_BATCH=1 workers_start 2
write_next_copy
expect_equal 50 "$(model_stats '.by_status["200"]')" 'answers'
expect_equal null "$(model_stats '.by_status["429"]')" 'refusals'
expect_equal '50 0' "$(copy_counts | cut -d ' ' -f 1-2)" 'by model, cache'
# Thirty may go at once; twenty more at one in 220 ms.
expect test "$(model_stats '[.last_requests[].at_ms] | max - min')" -ge 3500
expect workers_stop

note 'tokens a minute'
servers_redis del "{$BUNDLE_QUEUE_NAME}:gate:127.0.0.1:$MODEL_PORT" >/dev/null
model_forget
model_behaviour '{"requests_per_min": 0}'
BUNDLE_COPY_TOKENS_PER_MIN=60000 BUNDLE_COPY_BUDGET_S=3 workers_start 2
write_next_copy
expect_document '.metrics.copy | .bundles.model < 50 and .bundles.model > 0 and (.reasons.limited // 0) + .bundles.model == 50'
# A tenth of it at once, then a thousand a second.
expect test "$(model_stats '.tokens_in + .tokens_out')" -le 9500
expect workers_stop

note 'requests of a job'
servers_redis del "{$BUNDLE_QUEUE_NAME}:gate:127.0.0.1:$MODEL_PORT" >/dev/null
model_forget
BUNDLE_COPY_BUDGET_REQUESTS=3 workers_start 1
write_next_copy
expect_equal 3 "$(model_stats .requests)" 'requests'
expect_document '.metrics.copy | .bundles.model == 30 and .reasons.budget == 20'
expect_document '[.bundles[].ai_copy | select(.source == "template" and (.reason | test("used up")))] | length == 20'
expect workers_stop

note 'tokens of a job'
BUNDLE_COPY_BUDGET_TOKENS=12000 workers_start 1
write_next_copy
expect_document '.metrics.copy | .tokens_in + .tokens_out <= 12000 and .bundles.model + .reasons.budget == 50 and .reasons.budget > 0'
expect workers_stop

note 'seconds of a job: the clock starts when the stage does, for all its tasks'
patience=${TEST_PATIENCE:-1}
model_behaviour "{\"latency_ms\": [$((1050 * patience)), $((1050 * patience))]}"
model_forget
BUNDLE_COPY_BUDGET_S=$((3 * patience)) BUNDLE_COPY_IN_FLIGHT=1 BUNDLE_COPY_BATCH=5 workers_start 1
write_next_copy
expect_equal 10 "$(jq '.metrics.copy.bundles.model' "$TEST_DIR/document.json")" 'bundles by the model: two requests in three seconds'
expect_document ".metrics.copy | .took_ms < $((6000 * patience)) and .bundles.model + (.reasons | add) == (.bundles | add)"
expect workers_stop
expect model_stop
