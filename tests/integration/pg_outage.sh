#!/usr/bin/env bash
# PostgreSQL crashes while an upload is read, while its bundles are published, and is gone for a while: the job waits and
# ends final with the bundles of an undisturbed run; no attempt is burnt; the log says it once each time.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"

export BUNDLE_QUEUE_SWEEP_MS=200
servers_start
expect servers_schema
load_generated demo 2000 --seed 3
workers_start 1
run_job demo "$UPLOAD"
bundles_of demo "$UPLOAD" >"$TEST_DIR/undisturbed.json"
expect_json "$TEST_DIR/undisturbed.json" 'length > 0'

log=$TEST_DIR/worker-1.log
said() { grep -c "msg=\"$1" "$log" || true; }
is_said() { [ "$(said "$2")" = "$1" ]; } # is_said TIMES WHAT
is_reading() { pg_is "application_name LIKE 'bundle-worker slot%' AND state = 'active' AND query LIKE '%COPY%'"; }
is_publishing() { pg_is "application_name LIKE 'bundle-worker slot%' AND wait_event_type = 'Lock'"; }
ask() { # ask JOB
    push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$UPLOAD\",\"job\":\"$1\",\"force\":true}"
}
expect_undisturbed() { # expect_undisturbed JOB
    local tasks
    wait_for_job "$1"
    expect_equal final "$(job_field "$1" state)" "job $1 ($(job_field "$1" reason))"
    expect_sound_events "$1"
    bundles_of demo "$UPLOAD" >"$TEST_DIR/$1.json"
    expect cmp "$TEST_DIR/undisturbed.json" "$TEST_DIR/$1.json"
    tasks=$(servers_redis hgetall "{$BUNDLE_QUEUE_NAME}:job:$1:tasks" | grep -E '^[a-z]\|[0-9]+\|[0-9]+\|')
    expect [ "$(wc -l <<<"$tasks")" -gt 10 ]
    expect_equal '' "$(grep -v -E '^e\|0\|0\|' <<<"$tasks" || true)" "tasks of $1 with attempts or crashes"
}
away=0
expect_said_once() { # one more of each
    away=$((away + 1))
    expect_equal "$away" "$(said 'PostgreSQL is away')" 'times it went'
    wait_until 10 is_said "$away" 'PostgreSQL is back'
    expect_equal 0 "$(said 'task failed')" 'tasks that complained'
}

note 'while the upload is read'
servers_psql 'UPDATE order_lines SET sku = sku WHERE ctid = (SELECT min(ctid) FROM order_lines)' # so that it is read again
pg_read_slowly demo # 4 s in all
servers_psql checkpoint # this server commits without waiting for its disk
ask reading
wait_until 20 is_reading
servers_crash_postgres
expect servers_run_postgres
expect_undisturbed reading
expect_said_once
pg_read_fast

note 'gone soon after, while bundles are published: said all the same, since it lasts'
pg_hold_publishing
ask publishing
wait_until 20 is_publishing
servers_crash_postgres
wait "$pg_holder" || true # its server is gone
wait_until 20 is_said $((away + 1)) 'PostgreSQL is away'
expect servers_run_postgres
expect_undisturbed publishing
expect_said_once

expect [ "$(wc -l <"$log")" -lt 60 ]
expect workers_stop

note 'a worker that starts before PostgreSQL does'
servers_crash_postgres
workers_start 1
log=$TEST_DIR/worker-2.log away=0
ask early
wait_until 10 is_said 1 'PostgreSQL is away'
sleep 1
expect servers_run_postgres
expect_undisturbed early
expect_said_once
expect workers_stop
