#!/usr/bin/env bash
# The language model's key, from the environment or from a file, is in no log, no row, no key of Redis, no process list, no
# message: neither while it works nor when the server refuses it and repeats it; and no core file could hold it.
source "$(dirname "$0")/../support/test.sh"
source tests/support/redis.sh
source tests/support/model.sh

redis_start main --rdbcompression no # a dump that can be searched
redis_use main
export BUNDLE_LOG_LEVEL=debug BUNDLE_COPY_MAX_BUNDLES=10 BUNDLE_COPY_CACHE_TTL_S=3600
model_start
load_generated demo 600 --seed 91
load_copies demo 3
# shellcheck disable=SC2153 # model_start sets it
key=$BUNDLE_COPY_KEY

see_processes() { # what others see of the workers, and that none leaves a core file
    local worker
    for worker in "${worker_pids[@]}"; do
        expect_match '^Max core file size +0 +0 ' "$(cat "/proc/${worker%:*}/limits")" 'core files'
        tr '\0' '\n' <"/proc/${worker%:*}/cmdline" >>"$TEST_DIR/said"
    done
}
see_commands() { # what bundlectl says
    local command
    for command in 'config' 'doctor' 'queue ls' 'config --json' 'doctor --json'; do
        # shellcheck disable=SC2086
        bundlectl $command >>"$TEST_DIR/said" 2>&1 || true # their status is not what is looked at
    done
}
run_copy() { # run_copy N BUNDLES: so many not by templates
    run_job demo "copy-$1"
    read_document demo "copy-$1"
    expect_equal "$2" "$(jq '.metrics.copy.bundles | .model + .cache' "$TEST_DIR/document.json")" "bundles of copy-$1 by the model"
    cat "$TEST_DIR/document.json" >>"$TEST_DIR/said"
    job_events "$JOB" >>"$TEST_DIR/said"
    bundlectl queue inspect "$JOB" >>"$TEST_DIR/said" 2>&1 || true # its status is not what is looked at
}

note 'from the environment'
workers_start 1
model_behaviour '{"latency_ms": [1000, 1000]}'
push "$(jq -nc --arg upload "$UPLOAD" '{v: 1, shop: "demo", $upload, job: "running"}')"
is_running() { [ "$(model_stats .running)" -gt 0 ]; }
wait_until 20 is_running
see_processes
redis_of main save >/dev/null
cp "$TEST_DIR/main/dump.rdb" "$TEST_DIR/redis-during"
wait_for_job running
model_behaviour '{"latency_ms": [0, 0]}'
run_copy 1 10
see_commands
expect workers_stop

note 'from a file; with it, answers go wrong; a password in the URL, too'
unset BUNDLE_COPY_KEY
password=hush-url-5a7c
export BUNDLE_COPY_URL=${BUNDLE_COPY_URL/:\/\//://user:$password@}
expect_match "$password@127" "$BUNDLE_COPY_URL" 'the URL'
export BUNDLE_COPY_KEY_FILE=$MODEL_KEY_FILE BUNDLE_COPY_CACHE_TTL_S=0
model_behaviour '{"faults": [{"do": "status_500", "times": 1}, {"do": "reset", "times": 1}]}'
workers_start 1
run_copy 2 10
see_processes
see_commands

note 'refused: the server repeats the key in its message'
model_behaviour '{"faults": [{"do": "status_401"}]}'
run_copy 3 0
expect_document '.metrics.copy.reasons.refused == 10'
see_commands
expect workers_stop
expect_match '401' "$(grep -h 'level=warn' "$TEST_DIR"/worker-2.log)" 'the log tells it'

note 'it is nowhere'
redis_of main save >/dev/null
cp "$TEST_DIR/main/dump.rdb" "$TEST_DIR/redis-after"
bundlectl queue ls --json >>"$TEST_DIR/said"
"$SERVERS_PG_BIN/pg_dump" -d "$BUNDLE_PG_URL" >"$TEST_DIR/postgres"
for file in "$TEST_DIR"/worker-*.log "$TEST_DIR/said" "$TEST_DIR"/redis-* "$TEST_DIR/postgres"; do
    expect test -s "$file"
    for word in "$key" "${key#sk-}" "$(printf %s "$key" | base64 -w 0)" "$password"; do
        ! grep -aqF -- "$word" "$file" || fail "a secret is in ${file##*/}: $(grep -aF -- "$word" "$file" | head -c 300)"
    done
done
# It would be found there.
expect grep -aq 'Bearer\|chat/completions\|copy' "$TEST_DIR/worker-1.log"
expect grep -aq 'value_proposition' "$TEST_DIR/postgres"
expect grep -aq 'copy' "$TEST_DIR/redis-during"
expect model_stop
