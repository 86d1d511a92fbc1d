# shellcheck shell=bash
# What every integration test begins with:
#
#     #!/usr/bin/env bash
#     # What must hold, in a sentence or two.
#     source "$(dirname "$0")/../support/test.sh"
#
# The runner (scripts/test) gives each test its own directory, queue name and database with the schema in it:
# $TEST_DIR, $BUNDLE_REDIS_URL, $BUNDLE_PG_URL, $BUNDLE_QUEUE_NAME. Run by itself, a test calls the runner.
# A test passes when it ends with status 0, is skipped with 77, fails with any other.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ -n "${TEST_DIR-}" ] || exec scripts/test "integration/$(basename "$0" .sh)"
source tests/support/servers.sh

WORKERS_DIR=$TEST_DIR
TEST_ID=$(basename "$0" .sh)
trap test_end EXIT

test_end() {
    local status=$?
    [ "$status" = 0 ] || [ "$status" = 77 ] || tail -n 40 "$TEST_DIR"/worker-*.log 2>/dev/null || true # there may be none
    [ "$(type -t test_cleanup)" != function ] || test_cleanup
    servers_stop_own
}

# Servers that the test started for itself end with it; the runner's do not.
servers_stop_own() {
    if [ -n "${servers_redis_pid-}${servers_pg_pid-}" ]; then servers_stop; else workers_kill; fi
}

fail() {
    printf 'FAILED at %s line %s: %s\n' "${0##*/}" "$(test_line)" "$*" >&2
    exit 1
}

test_line() { # the line of the test itself that led here
    local depth
    for ((depth = 1; depth < ${#BASH_SOURCE[@]}; depth++)); do
        [ "${BASH_SOURCE[depth]}" != "$0" ] || { echo "${BASH_LINENO[depth - 1]}" && return; }
    done
    echo '?'
}

skip() {
    printf 'SKIPPED: %s\n' "$*"
    exit 77
}

note() { # with the seconds since the test began
    printf -- '-- %3d s  %s\n' "$SECONDS" "$*"
}

expect() { # expect COMMAND...: it ends with status 0
    "$@" || fail "$* (status $?)"
}

expect_status() { # expect_status STATUS COMMAND...; what it prints is in $OUTPUT
    local status=0 wanted_status=$1
    shift
    OUTPUT=$("$@" 2>&1) || status=$?
    [ "$status" = "$wanted_status" ] || fail "status $status instead of $wanted_status from: $* -- $OUTPUT"
}

expect_equal() { # expect_equal WANTED GOT WHAT
    [ "$1" = "$2" ] || fail "$3: wanted '$1', got '$2'"
}

expect_match() { # expect_match EXTENDED_REGEX TEXT WHAT
    grep -Eq -- "$1" <<<"$2" || fail "$3: wanted /$1/, got '$2'"
}

expect_json() { # expect_json FILE FILTER: jq's answer is true
    jq -e "$2" "$1" >/dev/null || fail "not so: $2 in $1: $(jq -c . "$1" | head -c 600)"
}

# Fails where it would never come: no measure of how soon it does, since the machine may have other things to do.
wait_until() { # wait_until SECONDS COMMAND...; sanitizers get a multiple
    local until_s=$((SECONDS + 3 * $1 * ${TEST_PATIENCE:-1}))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$until_s" ] || fail "not within the time: $*"
        sleep 0.02
    done
}

now_ms() { # by the clock that Redis has, too
    echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

bundlectl() {
    "$BUILD_BIN/bundlectl" "$@"
}

generate() { # generate DIR LINES [option...]
    "$BUILD_BIN/generate_shop" --out "$1" --lines "$2" "${@:3}"
}

load() { # load SHOP FILE...: the upload's name is in $UPLOAD
    local status=0
    bundlectl import "${@:2}" --shop "$1" --json >"$TEST_DIR/import.json" || status=$?
    [ "$status" = 0 ] || fail "import ended with status $status: $(cat "$TEST_DIR/import.json")"
    # shellcheck disable=SC2034 # for the test
    UPLOAD=$(jq -r .run_id "$TEST_DIR/import.json")
}

load_generated() { # load_generated SHOP LINES [option...]: also leaves its files and truth.json in $TEST_DIR/SHOP
    generate "$TEST_DIR/$1" "${@:2}"
    load "$1" "$TEST_DIR/$1"/{orders,variants,inventory,catalog}.csv
}

push() { # push JSON: one message into the inbox, as any producer does
    servers_redis rpush "{$BUNDLE_QUEUE_NAME}:jobs" "$1" >/dev/null
}

jobs_run=0
run_job() { # run_job SHOP UPLOAD [WANTED_STATE]: a new job, to its end; its id is in $JOB
    jobs_run=$((jobs_run + 1))
    JOB=$TEST_ID-$jobs_run
    push "$(jq -nc --arg shop "$1" --arg upload "$2" --arg job "$JOB" '{v: 1, $shop, $upload, $job}')"
    wait_for_job "$JOB"
    expect_equal "${3:-final}" "$(job_field "$JOB" state)" "job $JOB ended ($(job_field "$JOB" reason))"
}

wait_for_job() { # wait_for_job JOB: to its end; workers that die on it are not waited for
    local worker until_s=$((SECONDS + 120 * ${TEST_PATIENCE:-1}))
    until job_has_ended "$1"; do
        for worker in "${worker_pids[@]}"; do
            kill -0 "${worker%:*}" || fail "worker ${worker#*:} died"
        done
        [ "$SECONDS" -lt "$until_s" ] || fail "$1 has not ended: $(job_field "$1" status) $(job_field "$1" progress) %"
        sleep 0.03
    done
}

job_field() { # job_field JOB FIELD
    servers_redis hget "{$BUNDLE_QUEUE_NAME}:job:$1" "$2"
}

job_has_ended() { # job_has_ended JOB
    [[ $(job_field "$1" state) == @(final|failed|cancelled) ]]
}

stat_of() { # stat_of COUNTER: of the queue, '' for none yet
    servers_redis hget "{$BUNDLE_QUEUE_NAME}:stats" "$1"
}

job_events() { # job_events JOB: its events, a JSON array
    servers_redis xrange "{$BUNDLE_QUEUE_NAME}:job:$1:log" - + | grep '^{' | jq -s .
}

# Somebody else's transaction, which keeps its locks until it is let go (or the server dies).
pg_hold() { # pg_hold SQL
    PGAPPNAME=holder "$SERVERS_PG_BIN/psql" -X -q -d "$BUNDLE_PG_URL" -c "BEGIN; $1; SELECT pg_sleep(3600)" \
        >"$TEST_DIR/holder.log" 2>&1 </dev/null &
    pg_holder=$!
    wait_until 10 pg_is "application_name = 'holder' AND wait_event = 'PgSleep'"
}
pg_let_go() {
    servers_psql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holder'" >/dev/null
    wait "$pg_holder" || true # it was terminated
}
# The next job that stores its final bundles waits for us in the middle of that: pg_let_go, or a crash, lets it on.
pg_hold_publishing() {
    servers_psql "CREATE OR REPLACE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
        CREATE OR REPLACE TRIGGER wait_here BEFORE UPDATE ON csv_uploads FOR EACH ROW WHEN (NEW.status = 'final') EXECUTE FUNCTION wait_here()"
    pg_hold 'SELECT pg_advisory_lock(1)'
}
# Each order line of a shop takes 2 ms to read.
pg_read_slowly() { # pg_read_slowly SHOP
    servers_psql "ALTER TABLE order_lines RENAME TO order_lines_of_today;
        CREATE VIEW order_lines AS SELECT t.* FROM order_lines_of_today t, LATERAL (SELECT pg_sleep(CASE WHEN length(t.order_id) > 0 AND
            EXISTS (SELECT FROM csv_uploads u WHERE u.id = t.csv_upload_id AND u.shop_id = '$1') THEN 0.002 ELSE 0 END)) slow;
        GRANT SELECT ON order_lines TO bundle_worker"
}
pg_read_fast() {
    servers_psql 'DROP VIEW order_lines; ALTER TABLE order_lines_of_today RENAME TO order_lines'
}
pg_is() { # pg_is CONDITION on pg_stat_activity: one such session is there
    [ "$(servers_psql "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND $1")" = t ]
}

# What common/PROTOCOL.md promises of any job's events.
expect_sound_events() { # expect_sound_events JOB
    job_events "$1" >"$TEST_DIR/events.json"
    expect_json "$TEST_DIR/events.json" 'map(.seq) == [range(1; length + 1)]'
    expect_json "$TEST_DIR/events.json" 'map(.progress) == (map(.progress) | sort)'
    expect_json "$TEST_DIR/events.json" 'map(select(.status == "preliminary")) | length <= 1'
    expect_json "$TEST_DIR/events.json" 'map(.status) | (map(select(IN("final", "failed", "cancelled"))) | length) == 1 and (last | IN("final", "failed", "cancelled"))'
}

bundles_of() { # bundles_of SHOP UPLOAD: the document, without what differs from run to run
    bundlectl bundles "$2" --shop "$1" --json | jq -S '.bundles | map(del(.created_at))'
}

# Whatever the upload, its bundles add up.
expect_sound_bundles() { # expect_sound_bundles FILE: as bundles_of prints them
    expect_json "$1" 'all(.[]; .status == "final")'
    expect_json "$1" '(map(.id) | unique | length) == length'
    expect_json "$1" 'map(.rank_position) == [range(1; length + 1)]'
    expect_json "$1" 'all(.[]; .explanation | length > 20)'
    expect_json "$1" 'all(.[].pricing; .original_total == null or
        ((((.original_total - .bundle_price - .discount_amount) * 1000 | round) == 0) and .bundle_price > 0 and .discount_amount >= 0))'
    expect_json "$1" 'all(.[]; .products | length >= 1 and length <= 30)'
}

# Copies of an upload under other names: as many jobs as one likes, without importing each.
load_copies() { # load_copies SHOP N: of $UPLOAD, of any shop; the nth is called copy-n
    servers_psql "with source as (select * from csv_uploads where run_id = '$UPLOAD'),
        copies as (insert into csv_uploads (id, run_id, shop_id, csv_type, total_rows, processed_rows, status, content_hash)
            select gen_random_uuid(), 'copy-' || n, '$1', csv_type, total_rows, processed_rows, 'ready', id::text
            from source, generate_series(1, $2) n returning id, content_hash::uuid source),
        o as (insert into orders select (jsonb_populate_record(orders, jsonb_build_object('csv_upload_id', copies.id))).*
            from orders join copies on csv_upload_id = source),
        l as (insert into order_lines select (jsonb_populate_record(order_lines, jsonb_build_object('csv_upload_id', copies.id))).*
            from order_lines join copies on csv_upload_id = source),
        v as (insert into variants overriding system value select (jsonb_populate_record(variants, jsonb_build_object('csv_upload_id', copies.id))).*
            from variants join copies on csv_upload_id = source),
        i as (insert into inventory_levels select (jsonb_populate_record(inventory_levels, jsonb_build_object('csv_upload_id', copies.id))).*
            from inventory_levels join copies on csv_upload_id = source)
        insert into catalog_snapshot overriding system value select (jsonb_populate_record(catalog_snapshot, jsonb_build_object('csv_upload_id', copies.id))).*
            from catalog_snapshot join copies on csv_upload_id = source"
    servers_psql "update csv_uploads set content_hash = null where run_id like 'copy-%' and shop_id = '$1'"
}
