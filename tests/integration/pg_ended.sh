#!/usr/bin/env bash
# A job that ends in the queue (its worker died on it, it took too long, it was cancelled) is ended in csv_uploads too,
# with the words for the merchant; also when PostgreSQL was away just then. No slower worker takes that back.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"

export BUNDLE_QUEUE_LEASE_MS=1500 BUNDLE_QUEUE_BEAT_MS=200 BUNDLE_QUEUE_SWEEP_MS=200 BUNDLE_QUEUE_CRASHES=1
export BUNDLE_WORKER_SLOTS=1 BUNDLE_WORKER_GRACE_S=0
Q="{$BUNDLE_QUEUE_NAME}"
servers_start
expect servers_schema
load_generated demo 2000 --seed 3
demo=$UPLOAD
load_generated queued 300 --seed 4

is_waiting() { pg_is "application_name LIKE 'bundle-worker slot%' AND wait_event_type = 'Lock'"; }
told() { # told STATUS JOB MESSAGE: csv_uploads and generation_progress say so, and the queue knows
    [ "$(servers_psql "SELECT u.status || '|' || u.error_message || '|' || p.status || '|' || p.message FROM csv_uploads u JOIN
        generation_progress p ON p.upload_id = u.id WHERE u.last_job = '$2'")" = "$1|$3|$1|$3" ] &&
        [ "$(servers_redis zcard "$Q:ended")" = 0 ]
}
ask() { # ask SHOP UPLOAD JOB
    push "{\"v\":1,\"shop\":\"$1\",\"upload\":\"$2\",\"job\":\"$3\"}"
}
stick() { # stick JOB: the worker's only slot waits for the rows
    pg_hold 'LOCK TABLE order_lines'
    ask demo "$demo" "$1"
    wait_until 10 is_waiting
}

note 'poison'
workers_start 1
stick poison
workers_kill
workers_start 1
wait_until 20 told failed poison 'A step failed repeatedly'
pg_let_go
expect_equal failed "$(job_field poison state)" 'job poison'

note 'cancelled in the queue, and while it waits'
stick waiting
ask queued "$UPLOAD" queued
is_admitted() { [ "$(job_field queued state)" = open ]; }
wait_until 10 is_admitted
expect bundlectl cancel queued >/dev/null
wait_until 10 told cancelled queued Cancelled
expect bundlectl cancel waiting >/dev/null
wait_until 10 told cancelled waiting Cancelled
pg_let_go

note 'cancelled while PostgreSQL is away'
stick away
servers_psql checkpoint >/dev/null # this server commits without waiting for its disk: what was told so far must outlive the crash
servers_crash_postgres
wait "$pg_holder" || true # its server is gone
expect bundlectl cancel away >/dev/null
sleep 1
expect_equal 1 "$(servers_redis zcard "$Q:ended")" 'ends to be told'
expect servers_run_postgres
wait_until 20 told cancelled away Cancelled

note 'asked for again under the same name, it begins anew and ends final'
ask demo "$demo" away
is_final() { [ "$(job_field away state) $(servers_psql "SELECT status FROM csv_uploads WHERE last_job = 'away'")" = 'final final' ]; }
wait_until 20 is_final

note 'an end that waits for a lock holds up no other'
stick locked
ask queued "$UPLOAD" next
is_next() { [ "$(job_field next state)" = open ]; }
wait_until 10 is_next
workers_kill
expect bundlectl cancel locked >/dev/null
expect bundlectl cancel next >/dev/null
pg_let_go
pg_hold "UPDATE csv_uploads SET total_rows = total_rows WHERE shop_id = 'demo'"
is_told() { [ "$(servers_redis zrange "$Q:ended" 0 -1)" = locked ]; }
BUNDLE_PG_TIMEOUT_MS=1000 workers_start 1
wait_until 20 is_told
expect_equal 'cancelled' "$(servers_psql "SELECT status FROM csv_uploads WHERE last_job = 'next'")" 'the upload behind it'
pg_let_go
wait_until 30 told cancelled locked Cancelled
expect workers_stop

note 'too late'
export BUNDLE_JOB_DEADLINE_S=2
workers_start 1
pg_hold 'LOCK TABLE order_lines'
ask demo "$demo" late
wait_until 20 told failed late 'This took too long and was stopped'
pg_let_go
expect workers_stop
