#!/usr/bin/env bash
# PostgreSQL crashes while an upload is read, while its bundles are published, and is gone for a while: the job waits and
# ends final with the bundles of an undisturbed run; no attempt is burnt; the log says it once each time.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"

export BUNDLE_QUEUE_SWEEP_MS=200
servers_start
expect servers_schema
load_generated demo 150000 --seed 3
workers_start 1
run_job demo "$UPLOAD"
bundles_of demo "$UPLOAD" >"$TEST_DIR/undisturbed.json"
expect_json "$TEST_DIR/undisturbed.json" 'length > 0'

log=$TEST_DIR/worker-1.log
said() { grep -c "msg=\"$1" "$log" || true; }
is_reading() { pg_is "application_name LIKE 'bundle-worker slot%' AND state = 'active' AND query LIKE '%COPY%'"; }
is_publishing() { pg_is "application_name LIKE 'bundle-worker slot%' AND wait_event_type = 'Lock'"; }
upload_is() { [ "$(servers_psql "SELECT count(*) FROM csv_uploads WHERE last_job = '$2' AND status = '$1'")" = 1 ]; }
ask() { # ask JOB: it reads the upload, since a row of it is another version
    servers_psql 'UPDATE order_lines SET sku = sku WHERE ctid = (SELECT min(ctid) FROM order_lines)' || true # away
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
    expect_equal "$away" "$(said 'PostgreSQL is back')" 'times it came back'
    expect_equal 0 "$(said 'task failed')" 'tasks that complained'
}

note 'while the upload is read'
ask reading
wait_until 20 is_reading
servers_crash_postgres
expect servers_run_postgres
expect_undisturbed reading
expect_said_once

note 'gone for six seconds while bundles are published, soon after: said all the same, since it lasts'
ask publishing
wait_until 20 upload_is preliminary publishing
workers_signal STOP
pg_hold 'SELECT id FROM csv_uploads FOR UPDATE'
workers_signal CONT
wait_until 20 is_publishing
servers_crash_postgres
wait "$pg_holder" || true # its server is gone
sleep 6
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
is_away() { [ "$(said 'PostgreSQL is away')" = 1 ]; }
wait_until 10 is_away
sleep 1
expect servers_run_postgres
expect_undisturbed early
expect_said_once
expect workers_stop
