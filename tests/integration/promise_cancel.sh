#!/usr/bin/env bash
# A job is cancelled at any stage, within two seconds: in the inbox, while it waits for its time, inside a COPY, inside
# mining, among its pairs. What it held is free at once for the next job.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"

Q="{$BUNDLE_QUEUE_NAME}"
limit_ms=$((2000 * ${TEST_PATIENCE:-1}))
export BUNDLE_WORKER_SLOTS=1 BUNDLE_CACHE_MEMORY_MB=0 BUNDLE_CACHE_REDIS_BYTES_MAX=1024 # each job reads and mines anew
load_generated small 300 --seed 41
small=$UPLOAD
load_generated large 120000 --seed 42
large=$UPLOAD
ask() { # ask SHOP UPLOAD MEMBERS
    push "$(jq -nc --arg shop "$1" --arg upload "$2" --argjson more "{$3}" '{v: 1, $shop, $upload} + $more')"
}

note 'in the inbox: whoever takes the job, and whoever takes the cancellation'
for i in {1..25}; do
    ask small "nobody-$i" "\"job\": \"inbox-$i\", \"delay_s\": 5"
    if ((i % 2)); then ask small "nobody-$i" '"cancel": true'; else push "{\"job\":\"inbox-$i\",\"cancel\":true}"; fi
done
workers_start 3
for i in {1..25}; do
    wait_for_job "inbox-$i"
    expect_equal cancelled "$(job_field "inbox-$i" state)" "job inbox-$i ($(job_field "inbox-$i" reason))"
done
expect_equal '25 25' "$(stat_of jobs_admitted) $(stat_of jobs_cancelled)" 'admitted and cancelled'
expect_sound_events inbox-7
expect workers_stop
workers_start 1

note 'while it waits for its time'
ask small "$small" '"job": "tomorrow", "delay_s": 86400'
waits() { [ -n "$(servers_redis zscore "$Q:delayed" tomorrow/prepare)" ]; }
wait_until 10 waits
expect bundlectl cancel "$small" --shop small >/dev/null
expect_equal cancelled "$(job_field tomorrow state)" 'its state'
expect_equal 0 "$(servers_redis zcard "$Q:delayed")" 'refs delayed'

progress_is() { [ "$(job_field "$1" progress)" -ge "$2" ]; }
copies_rows() { pg_is "state = 'active' and query like '%COPY%order_lines%'"; }
cancels() { # cancels NAME CONDITION...: the large job, as soon as that holds; a small one gets the slot
    local asked_ms
    note "$1"
    ask large "$large" "\"job\": \"$1\""
    wait_until 60 "${@:2}"
    expect_equal open "$(job_field "$1" state)" 'the job that is to be cancelled'
    asked_ms=$(now_ms)
    ask large "$large" '"cancel": true'
    ask small "$small" "\"job\": \"after-$1\""
    wait_for_job "$1"
    expect_equal cancelled "$(job_field "$1" state)" "$(job_field "$1" reason)"
    expect_equal 0 "$(servers_redis zrange "$Q:leases" 0 -1 | grep -c "^$1/" || true)" 'its leases'
    expect_equal 0 "$(servers_redis scard "$Q:busy:large")" 'tasks of its shop'
    expect_equal '' "$(servers_redis zscore "$Q:open" "$1")" 'its place among the open jobs'
    wait_for_job "after-$1"
    note "cancelled after $(($(job_field "$1" ended) - asked_ms)) ms, slot free after $(($(job_field "after-$1" started) - asked_ms)) ms"
    expect test $(($(job_field "$1" ended) - asked_ms)) -le "$limit_ms"
    expect test $(($(job_field "after-$1" started) - asked_ms)) -le "$limit_ms"
    expect_equal final "$(job_field "after-$1" state)" "$(job_field "after-$1" reason)"
    expect_sound_events "$1"
}
cancels inside-a-copy copies_rows
cancels inside-mining progress_is inside-mining 20
pairs_run() { [[ $(job_field among-pairs counts) == *'"pairs_done":'[1-9]* ]]; }
cancels among-pairs pairs_run

note 'by its id, and once only'
ask large "$large" '"job": "by-id"'
wait_until 30 progress_is by-id 5
expect bundlectl cancel by-id >/dev/null
expect bundlectl cancel by-id >/dev/null
expect_equal 5 "$(($(stat_of jobs_cancelled) - 25))" 'jobs cancelled'
upload_is_cancelled() { [ "$(servers_psql "select distinct status from csv_uploads where run_id = '$large' and csv_type = 'orders'")" = cancelled ]; }
wait_until 20 upload_is_cancelled
run_job small "$small"
expect workers_stop
