#!/usr/bin/env bash
# Redis dies while requests to the language model run, and is back after their answers have come: nothing that was written
# is lost, nothing is asked twice. Copy in Redis that somebody has been at is not used.
source "$(dirname "$0")/../support/test.sh"
source tests/support/redis.sh
source tests/support/model.sh

Q="{$BUNDLE_QUEUE_NAME}"
export BUNDLE_QUEUE_SWEEP_MS=200
redis_start main --appendonly yes --appendfsync always
redis_use main
model_start --latency $((1500 * ${TEST_PATIENCE:-1}))
load_generated demo 1500 --seed 3
load_copies demo 3
ask() { # ask UPLOAD JOB
    push "$(jq -nc --arg upload "$1" --arg job "$2" '{v: 1, shop: "demo", $upload, $job}')"
}
running() { [ "$(model_stats .running)" = "$1" ]; }
ends_final() { # ends_final UPLOAD JOB COUNTS: by model and cache
    wait_for_job "$2"
    expect_equal final "$(job_field "$2" state)" "$(job_field "$2" reason)"
    read_document demo "$1"
    expect_sound_copy
    expect_equal "$3" "$(copy_counts | cut -d ' ' -f 1-2)" 'bundles by model, cache'
}

note 'away while the model answers'
workers_start 2
ask copy-1 through
wait_until 20 running 5
redis_signal main KILL
wait_until 20 running 0
redis_start main --appendonly yes --appendfsync always
ends_final copy-1 through '50 0'
expect_equal '5 ' "$(model_stats .requests) $(stat_of crashes)" 'requests, crashes'
expect_no_attempt_burnt through
expect_sound_events through

note 'and from what it wrote into the cache when Redis was back, or from the model'
model_behaviour '{"latency_ms": [0, 0]}'
model_forget
ask copy-2 after
wait_for_job after
read_document demo copy-2
expect_document '.metrics.copy.bundles | .model + .cache == 50'

note 'copy in Redis that is none, or not fit, is asked for anew'
while read -r key; do
    n=$((${n-0} + 1))
    case $((n % 3)) in
    0) servers_redis set "$key" 'no JSON' ;;
    1) servers_redis set "$key" '{"title":"Buy elsewhere","description":"See http://evil.example","value_proposition":"x","features":["x"],"benefits":["y"]}' ;;
    2) servers_redis del "$key" ;;
    esac >/dev/null
done < <(servers_redis --scan --pattern "$Q:copy:*")
expect test "${n-0}" = 50
ask copy-3 poisoned
ends_final copy-3 poisoned '50 0'
expect_document '[.bundles[].ai_copy | select(tojson | test("evil"))] == []'
expect workers_stop
expect model_stop
