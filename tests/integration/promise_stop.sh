#!/usr/bin/env bash
# SIGTERM: a worker begins nothing more, ends what fits into its grace period, hands the rest back without counting
# anything, exits 0; a second SIGTERM ends it at once. Stages of no task and of one are stages.
source "$(dirname "$0")/../support/test.sh"

Q="{$BUNDLE_QUEUE_NAME}"
export BUNDLE_QUEUE_LEASE_MS=2000 BUNDLE_QUEUE_BEAT_MS=200 BUNDLE_QUEUE_SWEEP_MS=200
load_generated demo 600 --seed 71
load_copies demo 6
ask() { # ask UPLOAD JOB [MEMBERS]
    push "$(jq -nc --arg upload "$1" --arg job "$2" --argjson more "{${3-}}" '{v: 1, shop: "demo", $upload, $job} + $more')"
}
record() { servers_redis hget "$Q:job:$1:tasks" "$2"; }
hangs() { pg_is "wait_event_type = 'Lock'"; }
hold='lock table order_lines in access exclusive mode'
ends_with() { # ends_with STATUS WITHIN_MS: the one worker
    local status=0 from_ms
    from_ms=$(now_ms)
    wait "${worker_pids[0]%:*}" || status=$?
    worker_pids=()
    expect_equal "$1" "$status" 'exit status of the worker'
    note "it ended after $(($(now_ms) - from_ms)) ms"
    expect test $(($(now_ms) - from_ms)) -lt $(($2 * ${TEST_PATIENCE:-1}))
}

note 'what fits into the grace period is ended'
BUNDLE_WORKER_GRACE_S=30 workers_start 1
pg_hold "$hold"
ask "$UPLOAD" fits
wait_until 10 hangs
workers_signal TERM
is_stopping() { grep -q 'stopping' "$TEST_DIR/worker-$workers_started.log"; }
wait_until 10 is_stopping
ask copy-1 too-late
pg_let_go
ends_with 0 10000
expect_match '^e\|0\|0\|' "$(record fits prepare)" 'the task that fitted'
expect_match '^pairs\|' "$(job_field fits stage)" 'where the job is'
expect_equal '' "$(job_field too-late started)" 'begin of the job that came too late'

note 'what does not is handed back, at once for the next worker, and nothing is counted'
BUNDLE_WORKER_GRACE_S=1 workers_start 1
wait_for_job fits # the next worker goes on with it
wait_for_job too-late
pg_hold "$hold"
ask copy-2 long
wait_until 10 hangs
workers_signal TERM
ends_with 0 5000
expect_match '^w\|0\|0\|' "$(record long prepare)" 'the task that was handed back'
expect_equal "long/prepare" "$(servers_redis lindex "$Q:ready:3:demo" 0)" 'the head of what is urgent'
expect_equal 0 "$(servers_redis zcard "$Q:leases")" 'leases left'
workers_start 1
wait_until 10 hangs # the next one has drawn it
pg_let_go
wait_for_job long
expect_equal 'final ' "$(job_field long state) $(stat_of crashes)" 'state, and crashes'
expect workers_stop

note 'a second SIGTERM: now; its task counts as a crash and runs again'
BUNDLE_WORKER_GRACE_S=60 workers_start 1
pg_hold "$hold"
ask copy-3 twice
wait_until 10 hangs
workers_signal TERM
wait_until 10 is_stopping
workers_signal TERM
ends_with 143 10000 # of 60 s
pg_let_go
workers_start 1
wait_for_job twice
expect_equal 'final 1' "$(job_field twice state) $(stat_of crashes)" 'state, and crashes'
expect_match '^e\|0\|1\|' "$(record twice prepare)" 'its task'

note 'no pair, and one pair'
ask copy-4 none '"options": {"only": ["no such product"]}'
wait_for_job none
expect_equal final "$(job_field none state)" "$(job_field none reason)"
expect_equal 0 "$(job_field none counts | sed 's/.*"pairs_total":\([0-9]*\).*/\1/')" 'pairs of a job without'
expect_sound_events none
ask copy-5 one '"options": {"objectives": ["increase_aov"], "types": ["FBT"]}'
wait_for_job one
expect_equal final "$(job_field one state)" "$(job_field one reason)"
expect_equal 1 "$(job_field one counts | sed 's/.*"pairs_total":\([0-9]*\).*/\1/')" 'pairs of a job with one'
expect_sound_events one

note 'stopped ten times on its way, a job is final as if nothing had been'
workers_stop
export BUNDLE_WORKER_GRACE_S=0 BUNDLE_CACHE_MEMORY_MB=0 BUNDLE_CACHE_REDIS_BYTES_MAX=1024
ask copy-6 stopped
for _ in {1..10}; do
    workers_start 2
    holds_a_task() { [ "$(servers_redis zcard "$Q:leases")" -gt 0 ] || job_has_ended stopped; }
    wait_until 20 holds_a_task
    expect workers_stop
    expect_equal 0 "$(servers_redis zcard "$Q:leases")" 'leases left'
done
workers_start 2
wait_for_job stopped
expect_equal 'final 1' "$(job_field stopped state) $(stat_of crashes)" 'state, and crashes: none more'
expect_sound_events stopped
expect_equal '' "$(stat_of mended)" 'mended by a sweep'
expect workers_stop
