#!/usr/bin/env bash
# A job that is cancelled while its worker waits for PostgreSQL, in a COPY or for a lock: the event comes and the slot is
# free within two seconds, and the server works for it no more. The same when the worker is told to stop.
source "$(dirname "$0")/../support/test.sh"

export BUNDLE_WORKER_SLOTS=1 BUNDLE_WORKER_GRACE_S=0
load_generated other 300 --seed 4
other=$UPLOAD
load_generated demo 20000 --seed 3
workers_start 1
run_job other "$other"

is_reading() { pg_is "application_name LIKE 'bundle-worker slot%' AND state = 'active' AND query LIKE '%COPY%'"; }
is_waiting() { pg_is "application_name LIKE 'bundle-worker slot%' AND wait_event_type = 'Lock'"; }
is_quiet() { ! pg_is "application_name LIKE 'bundle-worker%' AND state <> 'idle'"; }
ask() { # ask SHOP UPLOAD JOB
    push "{\"v\":1,\"shop\":\"$1\",\"upload\":\"$2\",\"job\":\"$3\"}"
}
upload_is() { [ "$(servers_psql "SELECT count(*) FROM csv_uploads WHERE last_job = '$2' AND status = '$1'")" = 1 ]; }

# The only slot is asked for by another job: when that one begins, it is free.
expect_soon_cancelled() { # expect_soon_cancelled JOB
    local begun_ms free_ms limit_ms=$((2000 * ${TEST_PATIENCE:-1}))
    begun_ms=$(now_ms)
    expect bundlectl cancel "$1" >/dev/null
    ask other "$other" "after-$1"
    wait_for_job "after-$1"
    free_ms=$(($(job_field "after-$1" started) - begun_ms))
    note "$1: the slot was free after $free_ms ms"
    expect [ "$free_ms" -lt "$limit_ms" ]
    expect_equal final "$(job_field "after-$1" state)" 'the next job'
    expect_equal cancelled "$(job_field "$1" state)" "job $1"
    expect_sound_events "$1"
    expect_json "$TEST_DIR/events.json" "(last.status == \"cancelled\") and (last.ts - $begun_ms < $limit_ms)"
    wait_until 10 is_quiet
    wait_until 10 upload_is cancelled "$1"
}

note 'while a lock keeps its bundles from being published'
pg_hold_publishing
ask demo "$UPLOAD" publishing
wait_until 20 is_waiting
begun_ms=$(now_ms)
expect bundlectl cancel publishing >/dev/null
gave_up() { ! is_waiting; }
wait_until 10 gave_up
note "the lock was given up after $(($(now_ms) - begun_ms)) ms"
expect [ $(($(now_ms) - begun_ms)) -lt $((2000 * ${TEST_PATIENCE:-1})) ]
wait_until 10 upload_is cancelled publishing
pg_let_go
expect_equal 0 "$(servers_psql "SELECT count(*) FROM bundle_recommendations WHERE job = 'publishing' AND status = 'final'")" \
    'bundles published'

note 'while the upload is read, slowly'
pg_read_slowly demo # 40 s in all
ask demo "$UPLOAD" reading
wait_until 20 is_reading
sleep 1 # rows come
expect is_reading
expect_soon_cancelled reading

note 'told to stop while it is read'
ask demo "$UPLOAD" stopped
wait_until 20 is_reading
begun_ms=$(now_ms)
expect workers_stop
took_ms=$(($(now_ms) - begun_ms))
note "stopped after $took_ms ms"
expect [ "$took_ms" -lt $((3000 * ${TEST_PATIENCE:-1})) ]
wait_until 10 is_quiet
expect_equal '' "$(servers_redis hget "{$BUNDLE_QUEUE_NAME}:stats" crashes)" crashes
