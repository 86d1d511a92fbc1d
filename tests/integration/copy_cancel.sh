#!/usr/bin/env bash
# A job whose requests to the language model hang holds no slot and no PostgreSQL connection; it is cancelled within two
# seconds, handed back by SIGTERM, taken over from a worker that was killed; and its budget ends it in any case.
source "$(dirname "$0")/../support/test.sh"
source tests/support/model.sh

Q="{$BUNDLE_QUEUE_NAME}"
patience=${TEST_PATIENCE:-1}
export BUNDLE_QUEUE_LEASE_MS=$((1500 * patience)) BUNDLE_QUEUE_BEAT_MS=200 BUNDLE_QUEUE_SWEEP_MS=200 BUNDLE_WORKER_SLOTS=1
export BUNDLE_COPY_CACHE_TTL_S=0
model_start
load_generated demo 1500 --seed 3
load_copies demo 6
ask() { # ask UPLOAD JOB [MEMBERS]
    push "$(jq -nc --arg upload "$1" --arg job "$2" --argjson more "{${3-}}" '{v: 1, shop: "demo", $upload, $job} + $more')"
}
running() { [ "$(model_stats .running)" = "$1" ]; }
hang() { model_behaviour '{"faults": [{"do": "timeout"}]}'; }
heal() { model_behaviour '{"faults": []}'; }
written_by_model() { # written_by_model UPLOAD BUNDLES
    read_document demo "$1"
    expect_sound_copy
    expect_equal "$2 0" "$(copy_counts | cut -d ' ' -f 1-2)" "bundles of $1 by model, cache"
}

note 'five requests hang: the only slot is free'
workers_start 1
ask copy-1 written
wait_for_job written
written_by_model copy-1 50
hang
ask copy-2 hangs
wait_until 20 running 5
from_ms=$(now_ms)
ask copy-1 beside '"force": true' # has its copy already: all its other stages run
wait_for_job beside
expect_equal final "$(job_field beside state)" "$(job_field beside reason)"
note "another job took $(($(now_ms) - from_ms)) ms meanwhile"
expect_equal '5 open' "$(model_stats .running) $(job_field hangs state)" 'requests that run, and the job that waits for them'
busy="usename = 'bundle_worker' and (state <> 'idle' or backend_xid is not null)"
nobody_is_busy() { ! pg_is "$busy"; } # now and then a worker looks for ends and lost uploads
wait_until 10 nobody_is_busy
leases_of_copy() { servers_redis zrange "$Q:leases" 0 -1 | grep -c '^hangs/copy' || true; }
expect_equal 5 "$(leases_of_copy)" 'leases of its tasks, which the heartbeat renews'

note 'cancelled'
from_ms=$(now_ms)
expect bundlectl cancel hangs >/dev/null
wait_for_job hangs
expect_equal cancelled "$(job_field hangs state)" "$(job_field hangs reason)"
wait_until 10 running 0
note "requests gone after $(($(now_ms) - from_ms)) ms"
expect test $(($(now_ms) - from_ms)) -le $((2000 * patience))
expect_equal 0 "$(leases_of_copy)" 'its leases'
expect_equal 0 "$(servers_redis hkeys "$Q:job:hangs:tasks" | grep -c '^payload:' || true)" 'what its tasks were told'
expect_sound_events hangs

note 'SIGTERM: the grace period, then handed back; the next worker writes it'
expect workers_stop
BUNDLE_WORKER_GRACE_S=1 workers_start 1
ask copy-3 handed-back
wait_until 20 running 5
from_ms=$(now_ms)
expect workers_stop
note "the worker ended after $(($(now_ms) - from_ms)) ms"
expect test $(($(now_ms) - from_ms)) -le $((4000 * patience))
wait_until 10 running 0
expect_equal 0 "$(servers_redis zcard "$Q:leases")" 'leases left'
heal
workers_start 1
wait_for_job handed-back
written_by_model copy-3 50
expect_equal 'final ' "$(job_field handed-back state) $(stat_of crashes)" 'state, and crashes'
expect workers_stop

note 'SIGKILL: another worker takes it over, which counts a crash of its tasks'
hang
workers_start 1
ask copy-4 taken-over
wait_until 20 running 5
workers_kill
wait_until 10 running 0
heal
workers_start 1
wait_for_job taken-over
written_by_model copy-4 50
expect_equal final "$(job_field taken-over state)" "$(job_field taken-over reason)"
expect test "$(stat_of crashes)" -ge 1
expect_sound_events taken-over
expect workers_stop

note 'the budget ends it'
hang
BUNDLE_COPY_BUDGET_S=1 workers_start 1
ask copy-5 in-time
wait_for_job in-time
written_by_model copy-5 0
expect_document ".metrics.copy.took_ms < $((4000 * patience))"
expect_document '.metrics.copy.reasons | del(.rank) | add == 50'
expect workers_stop
expect model_stop
