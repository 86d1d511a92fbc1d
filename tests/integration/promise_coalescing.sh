#!/usr/bin/env bash
# An upload has one job at a time: asked for again while its job waits or runs, it joins that job; a forced repeat
# replaces it; the same job id again gives the same answer. Who asks does not matter, whose upload it is does.
source "$(dirname "$0")/../support/test.sh"

Q="{$BUNDLE_QUEUE_NAME}"
all_are_heard() { # all_are_heard N: messages
    [ $(($(stat_of jobs_admitted) + $(stat_of jobs_joined))) = "$1" ]
}
open_jobs() { servers_redis zrange "$Q:open" 0 -1 | sort | paste -sd ' '; }
ask() { # ask SHOP UPLOAD [MEMBERS]
    push "$(jq -nc --arg shop "$1" --arg upload "$2" --argjson more "{${3-}}" '{v: 1, $shop, $upload} + $more')"
}
reads_all() { [ "$(servers_redis llen "$Q:jobs")" = 0 ] && [ "$(servers_redis llen "$Q:intake")" = 0 ]; }

load_generated demo 3000 --seed 31
upload=$UPLOAD
workers_start 2
expect bundlectl queue pause --why 'the test counts' >/dev/null

note 'twenty at once, of four producers'
producers=()
for _ in 1 2 3 4; do
    (for _ in 1 2 3 4 5; do ask demo "$upload"; done) &
    producers+=($!)
done
wait "${producers[@]}"
wait_until 10 all_are_heard 20
expect_equal '1 19' "$(stat_of jobs_admitted) $(stat_of jobs_joined)" 'admitted and joined'
JOB=$(open_jobs)
expect_match '^[0-9a-f]{32}$' "$JOB" 'the one job'
expect bundlectl queue resume >/dev/null
wait_for_job "$JOB"
expect_equal 'final 1' "$(job_field "$JOB" state) $(stat_of jobs_final)" 'state, and jobs final'
expect_sound_events "$JOB"
expect_json "$TEST_DIR/events.json" 'map(select(.message | test("^Asked for again"))) | length == 19'
bundles_of demo "$upload" >"$TEST_DIR/first.json"
expect_sound_bundles "$TEST_DIR/first.json"

note 'the same id again: the same answer, and nothing runs'
ask demo "$upload" '"job": "named"'
wait_until 10 all_are_heard 21
wait_for_job named
before="$(job_field named ended) $(job_field named seq) $(stat_of tasks_done)"
ask demo "$upload" '"job": "named"'
ask demo "$upload" '"job": "named", "force": true'
wait_until 10 reads_all
expect_equal "$before" "$(job_field named ended) $(job_field named seq) $(stat_of tasks_done)" 'end, events and tasks'

note 'asked for again while it runs: joined; by force: the running one is cancelled at once'
servers_psql "update order_lines set quantity = quantity + 1 where ctid = (select min(ctid) from order_lines)" # it is read anew
pg_hold 'lock table order_lines in access exclusive mode'
ask demo "$upload" '"job": "runs"'
wait_until 10 pg_is "wait_event_type = 'Lock'"
heard=$(($(stat_of jobs_admitted) + $(stat_of jobs_joined)))
ask demo "$upload" '"job": "joins"'
wait_until 10 all_are_heard $((heard + 1)) # by one worker, before the other one may hear of the next
ask demo "$upload" '"job": "replaces", "force": true, "options": {"types": ["FBT"]}'
wait_for_job runs
pg_let_go
wait_for_job replaces
expect_equal 'cancelled  final' "$(job_field runs state) $(job_field joins state) $(job_field replaces state)" 'their states'
expect_match 'forced repeat by job replaces' "$(job_field runs reason)" 'the reason'
expect_sound_events runs
expect_json "$TEST_DIR/events.json" '.[-2].message | test("^Asked for again")'
expect_sound_events replaces
bundles_of demo "$upload" >"$TEST_DIR/replaced.json"
expect_json "$TEST_DIR/replaced.json" 'length > 0 and all(.[]; .bundle_type == "FBT")'
no_leases() { [ "$(servers_redis zcard "$Q:leases")" = 0 ] && [ "$(servers_redis scard "$Q:busy:demo")" = 0 ]; }
wait_until 10 no_leases

note 'a run_id is of one shop: no other one joins or cancels it'
load_generated other 1000 --seed 32
servers_psql "update csv_uploads set run_id = 'same' where shop_id in ('demo', 'other')"
expect bundlectl queue pause >/dev/null
heard=$(($(stat_of jobs_admitted) + $(stat_of jobs_joined)))
ask demo same '"job": "of-demo"'
ask other same '"job": "of-other"'
wait_until 10 all_are_heard $((heard + 2))
expect_equal 'of-demo of-other' "$(open_jobs)" 'open jobs'
ask demo same '"cancel": true'
ask third same '"cancel": true'
wait_for_job of-demo
wait_until 10 reads_all
expect_equal 'of-other' "$(open_jobs)" 'open jobs after a cancellation'
expect bundlectl queue resume >/dev/null
wait_for_job of-other
expect_equal final "$(job_field of-other state)" "$(job_field of-other reason)"

note 'who joins may be in more of a hurry'
expect bundlectl queue pause >/dev/null
ask demo same '"job": "patient", "priority": "bulk", "delay_s": 3600'
is_delayed() { [ -n "$(servers_redis zscore "$Q:delayed" "$1/prepare")" ]; }
wait_until 10 is_delayed patient
ask demo same '"priority": "interactive"'
is_ready() { [ "$(servers_redis lpos "$Q:ready:1:demo" "$1/prepare")" = 0 ]; }
wait_until 10 is_ready patient
ask demo same '"priority": "bulk", "delay_s": 60' # changes nothing
wait_until 10 reads_all
expect is_ready patient
expect bundlectl queue resume >/dev/null
wait_for_job patient
expect_equal final "$(job_field patient state)" "$(job_field patient reason)"

note 'and from one waiting list to another'
expect bundlectl queue pause >/dev/null
ask demo same '"job": "waits"'
waits_in() { [ "$(servers_redis lpos "$Q:ready:$1:demo" waits/prepare)" = 0 ]; }
wait_until 10 waits_in 4
ask demo same '"priority": "interactive"'
wait_until 10 waits_in 1
expect_equal '' "$(servers_redis lpos "$Q:ready:4:demo" waits/prepare)" 'its place in the list that it left'
expect bundlectl queue resume >/dev/null
wait_for_job waits
expect_equal '' "$(stat_of mended)" 'mended by a sweep'
expect workers_stop
