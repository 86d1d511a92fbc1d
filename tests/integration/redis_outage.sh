#!/usr/bin/env bash
# Redis dies in the middle of jobs and comes back from its append-only file; it is frozen; it loses its scripts and its
# connections; it runs out of memory, cannot save, turns into a replica. Workers carry on by themselves: every job ends
# final with the same bundles, no attempt is burnt, and the log says what happened once.
# time limit: 240 s
source "$(dirname "$0")/../support/test.sh"
source tests/support/redis.sh

export BUNDLE_QUEUE_LEASE_MS=4000 BUNDLE_QUEUE_BEAT_MS=200 BUNDLE_QUEUE_SWEEP_MS=200 BUNDLE_REDIS_TIMEOUT_MS=1500
export BUNDLE_CACHE_MEMORY_MB=0 BUNDLE_CACHE_REDIS_BYTES_MAX=1024 # nothing is shared: each job takes its time
readonly Q="{$BUNDLE_QUEUE_NAME}"
readonly away_s=6 # longer than a lease

redis_start main --appendonly yes --appendfsync everysec
redis_use main
load_generated demo $((5000 / ${TEST_PATIENCE:-1})) --seed 5
workers_start 2
run_job demo "$UPLOAD"
bundles_of demo "$UPLOAD" >"$TEST_DIR/undisturbed.json"
expect_json "$TEST_DIR/undisturbed.json" 'length > 0'

holds_a_task() { [ "$(servers_redis zcard "$Q:leases")" -gt 0 ]; }
workers_are_connected() { # workers_are_connected N
    [ "$(servers_redis client list | grep -c name=bundle-worker-command)" = "$1" ]
}

disturb() { # disturb NAME COMMAND...: runs it in the middle of a job, which ends as if nothing had happened
    local lines
    note "$1"
    lines=$(log_of_trouble | wc -l)
    push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$UPLOAD\",\"job\":\"$1\"}"
    wait_until 10 holds_a_task
    "${@:2}"
    wait_for_job "$1"
    expect_equal final "$(job_field "$1" state)" "job $1 ($(job_field "$1" reason))"
    expect_sound_events "$1"
    expect_no_attempt_burnt "$1"
    bundles_of demo "$UPLOAD" >"$TEST_DIR/$1.json"
    expect cmp "$TEST_DIR/undisturbed.json" "$TEST_DIR/$1.json"
    expect_quiet_logs "$lines" 2
    wait_until 10 workers_are_connected 2
}

for_a_while() { # for_a_while SECONDS: the length of the disturbance is what is tested
    sleep "$1"
}

kill_and_restart() {
    redis_signal main KILL
    for_a_while "$away_s"
    redis_start main --appendonly yes --appendfsync everysec
}

freeze() {
    redis_signal main STOP
    for_a_while 3 # longer than redis.timeout_ms
    redis_signal main CONT
}

flush_scripts() {
    for _ in {1..20}; do
        servers_redis script flush >/dev/null
        sleep 0.01
    done
}

kill_clients() {
    for _ in {1..3}; do
        servers_redis client kill type normal >/dev/null
        sleep 0.1
    done
}

fill_up() {
    servers_redis config set maxmemory 1 >/dev/null
    push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$UPLOAD\"}" 2>/dev/null || true # a producer is told so
    for_a_while 2
    servers_redis config set maxmemory 0 >/dev/null
}

# A snapshot that cannot be written: Redis takes no writes until one can.
lose_disk() {
    mkdir "$TEST_DIR/main/dump.rdb" # where the file should go
    servers_redis config set stop-writes-on-bgsave-error yes >/dev/null
    servers_redis config set save '3600 1' >/dev/null
    servers_redis bgsave >/dev/null
    wait_until 10 cannot_write
    for_a_while 2
    rmdir "$TEST_DIR/main/dump.rdb"
    servers_redis bgsave >/dev/null
}
cannot_write() { [[ $(servers_redis set probe 1 ex 60) == MISCONF* ]]; }

be_replica() {
    servers_redis replicaof 127.0.0.1 1 >/dev/null
    for_a_while 2
    servers_redis replicaof no one >/dev/null
}

disturb killed kill_and_restart
disturb frozen freeze
disturb scripts-flushed flush_scripts
disturb clients-killed kill_clients
disturb full fill_up
disturb replica be_replica
disturb cannot-save lose_disk

note 'what was pushed while Redis was full or away is done'
for i in {1..5}; do
    push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$UPLOAD\",\"job\":\"after-$i\",\"force\":true}"
done
all_is_done() { [ "$(servers_redis llen "$Q:jobs") $(servers_redis llen "$Q:intake") $(servers_redis zcard "$Q:open")" = '0 0 0' ]; }
wait_until 60 all_is_done
JOB=$(servers_redis get "$Q:upload:demo:$UPLOAD") # two workers admit them: any of the five may be the last
expect_equal final "$(job_field "$JOB" state)" "$JOB, the last one ($(job_field "$JOB" reason))"
for n in 1 2; do
    expect_match 'Redis is away' "$(cat "$TEST_DIR/worker-$n.log")" "worker $n says that Redis went"
    expect_match 'Redis is back.* after_s=([6-9]|[1-9][0-9])[0-9.]* attempts=[0-9]+' "$(cat "$TEST_DIR/worker-$n.log")" "worker $n says that it came back"
done
expect workers_stop
