#!/usr/bin/env bash
# A job may be asked for later (delay_s, at), and the queue or a shop may be paused: nothing more is drawn, what runs
# goes on, deadlines stand still, and afterwards all goes on by itself.
source "$(dirname "$0")/../support/test.sh"

Q="{$BUNDLE_QUEUE_NAME}"
export BUNDLE_QUEUE_SWEEP_MS=100
load_generated demo 600 --seed 61
load_copies demo 4
load_generated other 600 --seed 62
other=$UPLOAD
ask() { # ask SHOP UPLOAD JOB [MEMBERS]
    push "$(jq -nc --arg shop "$1" --arg upload "$2" --arg job "$3" --argjson more "{${4-}}" '{v: 1, $shop, $upload, $job} + $more')"
}
begun_after_ms() { echo $(($(job_field "$1" started) - $2)); } # begun_after_ms JOB SINCE_MS
slack_ms=$((5000 * ${TEST_PATIENCE:-1}))

workers_start 2
note 'later'
asked_ms=$(now_ms)
at_s=$((asked_ms / 1000 + 3))
ask demo copy-1 delayed '"delay_s": 2'
ask demo copy-2 at-seconds "\"at\": $at_s"
ask demo copy-3 at-date "\"at\": \"$(date -u -d "@$at_s" +%Y-%m-%dT%H:%M:%SZ)\""
ask demo copy-4 long-ago '"at": "2020-02-29T00:00:00Z", "delay_s": 0'
wait_for_job long-ago
expect test "$(begun_after_ms long-ago "$asked_ms")" -lt "$slack_ms"
for job in delayed at-seconds at-date; do
    wait_for_job "$job"
    expect_equal final "$(job_field "$job" state)" "$job ($(job_field "$job" reason))"
    expect_sound_events "$job"
    expect_match 'Waiting for its time' "$(jq -r '.[0].message' "$TEST_DIR/events.json")" "first event of $job"
    note "$job began $(begun_after_ms "$job" "$asked_ms") ms after it was asked for"
done
expect test "$(begun_after_ms delayed "$asked_ms")" -ge 2000
expect test "$(begun_after_ms delayed "$asked_ms")" -lt $((2000 + slack_ms))
for job in at-seconds at-date; do
    expect test "$(begun_after_ms "$job" $((at_s * 1000)))" -ge 0
    expect test "$(begun_after_ms "$job" $((at_s * 1000)))" -lt "$slack_ms"
done

n_open() { servers_redis zcard "$Q:open"; }
is_open() { [ "$(job_field "$1" state)" = open ]; }
nothing_runs() { [ "$(servers_redis zcard "$Q:leases")" = 0 ]; }

note 'a shop is paused: the other one is not'
expect bundlectl queue pause --shop demo --why 'a test' >/dev/null
ask demo copy-1 of-paused-shop
ask other "$other" of-other-shop
wait_for_job of-other-shop
expect_equal final "$(job_field of-other-shop state)" "$(job_field of-other-shop reason)"
wait_until 10 is_open of-paused-shop
expect_equal '' "$(job_field of-paused-shop started)" 'begin of the paused job'
expect bundlectl queue resume --shop demo >/dev/null
wait_for_job of-paused-shop
expect_equal final "$(job_field of-paused-shop state)" "$(job_field of-paused-shop reason)"

note 'all is paused'
expect bundlectl queue pause >/dev/null
for i in 1 2 3 4; do ask demo "copy-$i" "paused-$i"; done
all_wait() { [ "$(n_open)" = 4 ]; }
wait_until 10 all_wait
expect nothing_runs
resumed_ms=$(now_ms)
expect bundlectl queue resume >/dev/null
for i in 1 2 3 4; do wait_for_job "paused-$i"; done
expect test "$(begun_after_ms paused-1 "$resumed_ms")" -lt "$slack_ms" # nobody has to come by: it wakes them
expect workers_stop

note 'in the middle of a job: what runs goes on, the rest waits, and its deadline with it'
export BUNDLE_JOB_DEADLINE_S=$((5 * ${TEST_PATIENCE:-1})) # most of it to end in
workers_start 2
pg_hold 'lock table order_lines in access exclusive mode'
ask demo copy-1 middle
wait_until 10 pg_is "wait_event_type = 'Lock'"
expect bundlectl queue pause >/dev/null
pg_let_go
has_pairs() { [[ $(job_field middle stage) == 'pairs|'* ]]; }
wait_until 10 has_pairs # prepare has ended
wait_until 10 nothing_runs
paused_ms=$(now_ms)
is_past_its_deadline() { [ $(($(now_ms) - paused_ms)) -gt $((1000 * BUNDLE_JOB_DEADLINE_S + 500)) ]; }
wait_until 20 is_past_its_deadline
expect is_open middle
expect nothing_runs
expect bundlectl queue resume >/dev/null
wait_for_job middle
expect_equal 'final ' "$(job_field middle state) $(job_field middle partial)" 'the job, and is it partial'
expect_sound_events middle
expect_equal '' "$(stat_of mended)" 'mended by a sweep'
expect workers_stop
