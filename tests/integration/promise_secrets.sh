#!/usr/bin/env bash
# The passwords of Redis and PostgreSQL are in no log, no message, no process list, no core file, and in neither database;
# also when a server refuses them, is away, or is not there at all.
source "$(dirname "$0")/../support/test.sh"
source tests/support/redis.sh

redis_password=hush-redis-71f2 pg_password=hush-pg-93ab
export REDISCLI_AUTH=$redis_password
redis_start locked --requirepass "$redis_password" --rdbcompression no
redis_use locked
export BUNDLE_REDIS_URL="unix://:$redis_password@$SERVERS_REDIS_SOCKET"
export BUNDLE_PG_URL=${BUNDLE_PG_URL/postgres@/postgres:$pg_password@}
WORKERS_PG_URL=${WORKERS_PG_URL/bundle_worker@/bundle_worker:$pg_password@}
expect_match "$pg_password.*$pg_password" "$BUNDLE_PG_URL $WORKERS_PG_URL" 'the URLs'
export BUNDLE_QUEUE_LEASE_MS=1500 BUNDLE_QUEUE_BEAT_MS=200 BUNDLE_QUEUE_SWEEP_MS=200

load_generated demo 600 --seed 91
workers_start 2
run_job demo "$UPLOAD"
push 'no job'
run_job demo nowhere failed

note 'what others see of the processes'
for worker in "${worker_pids[@]}"; do
    expect_match '^Max core file size +0 +0 ' "$(cat "/proc/${worker%:*}/limits")" 'core files'
    tr '\0' '\n' <"/proc/${worker%:*}/cmdline" >>"$TEST_DIR/said"
done

note 'with Redis killed and back, and an error of PostgreSQL'
away() { grep -q 'Redis is away' "$TEST_DIR"/worker-1.log; }
redis_of locked save >/dev/null
cp "$TEST_DIR/locked/dump.rdb" "$TEST_DIR/redis.dump"
redis_signal locked KILL
wait_until 20 away
redis_start locked --requirepass "$redis_password" --rdbcompression no
servers_psql 'alter table catalog_snapshot rename to elsewhere'
run_job demo "$UPLOAD" failed
servers_psql 'alter table elsewhere rename to catalog_snapshot'
expect workers_stop

note 'with wrong ones'
(
    export BUNDLE_REDIS_URL="unix://:$redis_password-wrong@$SERVERS_REDIS_SOCKET"
    expect_status 2 bundlectl queue ls && echo "$OUTPUT" >>"$TEST_DIR/said"
)
(
    export BUNDLE_PG_URL="postgresql://postgres:$pg_password@/nowhere?host=$TEST_DIR/no-such-socket"
    bundlectl bundles "$UPLOAD" --shop demo >>"$TEST_DIR/said" 2>&1 || true # its status is not what is looked at
    bundlectl doctor >>"$TEST_DIR/said" 2>&1 || true
    bundlectl config >>"$TEST_DIR/said" 2>&1 || true
)
export WORKERS_PG_URL="postgresql://bundle_worker:$pg_password@/nowhere?host=$TEST_DIR/no-such-socket"
workers_start 1
push "$(jq -nc --arg upload "$UPLOAD" '{v: 1, shop: "demo", $upload}')"
says_away() { grep -q 'no-such-socket' "$TEST_DIR/worker-$workers_started.log"; }
wait_until 20 says_away
expect workers_stop
expect test "$(wc -l <"$TEST_DIR/said")" -gt 10

note 'neither password is anywhere'
redis_of locked save >/dev/null
for table in csv_uploads bundle_recommendations generation_progress; do servers_psql "select t::text from $table t"; done >"$TEST_DIR/rows"
expect test "$(wc -l <"$TEST_DIR/rows")" -gt 10
for password in "$redis_password" "$pg_password"; do
    for file in "$TEST_DIR"/worker-*.log "$TEST_DIR/said" "$TEST_DIR/rows" "$TEST_DIR/redis.dump" "$TEST_DIR/locked/dump.rdb"; do
        ! grep -aqF -- "$password" "$file" || fail "a password is in ${file##*/}: $(grep -aF -- "$password" "$file" | head -c 300)"
    done
done
expect grep -aq 'csv_upload_id\|copy\|prepare' "$TEST_DIR/redis.dump" # it would be found there
