#!/usr/bin/env bash
# A worker that is killed in the middle of a job, and one that is told to stop: another one ends the job, with the same
# bundles as if nothing had happened; only the death counts as a crash.
source "$(dirname "$0")/../support/test.sh"

export BUNDLE_QUEUE_LEASE_MS=1500 BUNDLE_QUEUE_BEAT_MS=200 BUNDLE_QUEUE_SWEEP_MS=200
export BUNDLE_CACHE_REDIS_BYTES_MAX=1024 # nothing is shared: each job takes its time
load_generated demo 60000 --seed 3
workers_start 1
run_job demo "$UPLOAD"
expect workers_stop
bundles_of demo "$UPLOAD" >"$TEST_DIR/undisturbed.json"
expect_json "$TEST_DIR/undisturbed.json" 'length > 0'

holds_a_task() { [ "$(servers_redis zcard "{$BUNDLE_QUEUE_NAME}:leases")" -gt 0 ]; }

disturb() { # disturb JOB HOW: a worker takes the job, HOW happens to it, another one ends the job
    workers_start 1
    push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$UPLOAD\",\"job\":\"$1\"}"
    wait_until 10 holds_a_task
    "$2"
    workers_start 1
    wait_for_job "$1"
    expect_equal final "$(job_field "$1" state)" "job $1 ($(job_field "$1" reason))"
    expect_sound_events "$1"
    bundles_of demo "$UPLOAD" >"$TEST_DIR/$1.json"
    expect cmp "$TEST_DIR/undisturbed.json" "$TEST_DIR/$1.json"
    expect workers_stop
}

stop_now() { expect workers_stop; }
kill_now() { # held: the tasks that die with it
    workers_signal STOP
    held=$(servers_redis zcard "{$BUNDLE_QUEUE_NAME}:leases")
    workers_kill
}

note 'told to stop'
export BUNDLE_WORKER_GRACE_S=0
disturb stopped stop_now
expect_equal '' "$(stat_of crashes)" 'crashes after a stop'

note 'killed'
disturb killed kill_now
expect_equal "$held" "$(stat_of crashes)" 'crashes after a kill'
expect_equal 0 "$(servers_redis zcard "{$BUNDLE_QUEUE_NAME}:leases")" 'leases left'
