#!/usr/bin/env bash
# Every way a task can end joins. Workers that die on a task: poison, among the dead with all it takes to ask again.
# Errors: tried again after a delay that doubles, with jitter, then failed. A deadline: final with what is there, or
# failed where nothing is. PostgreSQL is told of each.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"

Q="{$BUNDLE_QUEUE_NAME}"
export BUNDLE_QUEUE_LEASE_MS=1500 BUNDLE_QUEUE_BEAT_MS=200 BUNDLE_QUEUE_SWEEP_MS=100
ask() { # ask UPLOAD JOB
    push "$(jq -nc --arg upload "$1" --arg job "$2" '{v: 1, shop: "demo", $upload, $job}')"
}
record() { servers_redis hget "$Q:job:$1:tasks" "$2"; } # record JOB TASK: state|attempts|crashes|until|drawn|token
state_of_upload() { servers_psql "select status || ': ' || coalesce(error_message, '') from csv_uploads where run_id = '$1' and csv_type = 'orders'"; }
upload_is() { [[ $(state_of_upload "$1") == "$2: "* ]]; } # upload_is UPLOAD STATUS
dead() { # dead JOB FIELD: of its entry among the dead
    bundlectl queue dead --json | jq -r --arg job "$1" '.dead[] | select(.job == $job) | '"$2"
}
load_generated demo 600 --seed 51
load_copies demo 12
hold_prepare='lock table order_lines in access exclusive mode'

note 'poison: two workers are killed while they hold the task'
pg_hold "$hold_prepare"
ask "$UPLOAD" poison
for deaths in 1 2; do
    workers_start 1
    holds() { [[ $(record poison prepare) == "l|0|$((deaths - 1))|"* ]]; }
    wait_until 20 holds
    expect_equal open "$(job_field poison state)" "its state before death $deaths"
    workers_kill
done
workers_start 1 # nobody but a living worker sees that one has died
wait_for_job poison
expect_equal 'failed poison: 2 workers died on it' "$(job_field poison state) $(job_field poison reason)" 'the job'
expect_match '^f\|0\|2\|' "$(record poison prepare)" 'its task: no attempt, two crashes'
expect_equal 2 "$(stat_of crashes)" 'crashes counted'
expect_sound_events poison
expect_equal "poison demo $UPLOAD prepare" "$(dead poison '[.kind, .shop, .upload, .stage] | join(" ")')" 'its entry among the dead'
wait_until 20 upload_is "$UPLOAD" failed
pg_let_go

note '... asked for again by its entry, when whatever killed them is gone'
bundlectl queue dead --json | jq -r '.dead[] | select(.job == "poison") | .id' >"$TEST_DIR/entry"
expect bundlectl queue retry "$(cat "$TEST_DIR/entry")" >/dev/null
expect_equal '' "$(dead poison .id)" 'its entry'
is_final() { [ "$(job_field "$1" state)" = final ]; }
wait_until 30 is_final poison
expect_sound_events poison
wait_until 20 upload_is "$UPLOAD" final
expect workers_stop

note 'errors: attempts, a delay that doubles, jitter'
export BUNDLE_QUEUE_RETRY_MS=2000
servers_psql 'alter table catalog_snapshot rename to elsewhere'
workers_start 1
for i in {1..12}; do ask "copy-$i" "errs-$i"; done
for i in {1..12}; do wait_for_job "errs-$i"; done
# From the log: "<job> <attempt> <ms of the day>" of each failure, then how long it was to the next one, by attempt.
grep -h 'msg="task failed".*job=errs-' "$TEST_DIR/worker-$workers_started.log" |
    sed -E 's/^ts=[^T]*T([0-9]+):([0-9]+):([0-9]+)\.([0-9]+)Z .* job=(errs-[0-9]+) .*attempt=([0-9]+).*/\5 \6 \1 \2 \3 \4/' |
    awk '{ ms = (($3 * 60 + $4) * 60 + $5) * 1000 + $6; if ($2 > 1) print $2 - 1, (ms - at[$1] + 86400000) % 86400000; at[$1] = ms }' >"$TEST_DIR/gaps"
gaps() { sed -n "s/^$1 //p" "$TEST_DIR/gaps" | sort -n; } # gaps ATTEMPT, shortest first
expect_equal '12 12' "$(gaps 1 | wc -l) $(gaps 2 | wc -l)" 'second and third attempts'
note "second attempts after $(gaps 1 | head -n 1) to $(gaps 1 | tail -n 1) ms, third ones after $(gaps 2 | head -n 1) to $(gaps 2 | tail -n 1) ms"
expect test "$(gaps 1 | head -n 1)" -ge 1000 # half of the delay at least
expect test "$(gaps 2 | head -n 1)" -ge 2000
expect test "$(gaps 1 | tail -n 1)" -le $((8000 * ${TEST_PATIENCE:-1})) # all of it, and a line of twelve tasks
expect test $(($(gaps 1 | tail -n 1) - $(gaps 1 | head -n 1))) -ge 200   # not all at once
expect_match 'catalog_snapshot' "$(servers_redis hget "$Q:job:errs-1:tasks" error:prepare)" 'the last error'
expect_equal failed "$(job_field errs-1 state)" 'a job that errs each time'
expect_match '^f\|3\|0\|' "$(record errs-1 prepare)" 'its task: three attempts, no crash'
expect test $(($(job_field errs-1 ended) - $(job_field errs-1 started))) -ge 3000 # 1 s, then 2 s at least
expect_equal failed "$(dead errs-1 .kind)" 'its entry among the dead'
expect_match 'catalog_snapshot' "$(dead errs-1 .reason)" 'the reason there'
expect_sound_events errs-1
wait_until 20 upload_is copy-1 failed

note '... one that succeeds in the end is as if nothing had been'
ask "$UPLOAD" late
has_erred() { [[ $(record late prepare) == ?"|"[12]"|"* ]]; }
wait_until 20 has_erred
servers_psql 'alter table elsewhere rename to catalog_snapshot'
wait_for_job late
expect_equal final "$(job_field late state)" "$(job_field late reason)"
expect_match '^e\|[12]\|0\|' "$(record late prepare)" 'its task'
expect workers_stop
unset BUNDLE_QUEUE_RETRY_MS

note 'a deadline with nothing there'
export BUNDLE_JOB_DEADLINE_S=2 BUNDLE_QUEUE_LEASE_MS=60000
pg_hold "$hold_prepare"
workers_start 1
ask "$UPLOAD" nothing
wait_for_job nothing
expect_equal 'failed job deadline' "$(job_field nothing state) $(job_field nothing reason)" 'the job'
expect_equal 'failed job deadline' "$(dead nothing '[.kind, .reason] | join(" ")')" 'its entry among the dead'
expect_sound_events nothing
pg_let_go
wait_until 20 upload_is "$UPLOAD" failed
expect workers_stop

note 'a deadline with pairs there: one worker freezes among them, the job is final with the others'
export BUNDLE_WORKER_SLOTS=1 BUNDLE_JOB_DEADLINE_S=$((6 * ${TEST_PATIENCE:-1}))
load_generated slow 20000 --seed 52
holds_pairs() { [[ $(job_field partial stage) == pairs* ]] && [ "$(servers_redis zcard "$Q:leases")" -gt 0 ]; }
workers_start 1
push "$(jq -nc --arg upload "$UPLOAD" '{v: 1, shop: "slow", $upload, job: "partial"}')"
wait_until 20 holds_pairs
workers_signal STOP
expect holds_pairs
workers_start 1
wait_for_job partial
expect_equal 'final 1' "$(job_field partial state) $(job_field partial partial)" "state, and is it partial ($(job_field partial reason))"
expect_sound_events partial
job_field partial failed >"$TEST_DIR/failed.json"
expect_json "$TEST_DIR/failed.json" 'length > 0 and all(.[]; .reason == "job deadline")'
bundlectl bundles "$UPLOAD" --shop slow --json >"$TEST_DIR/partial.json"
expect_json "$TEST_DIR/partial.json" '.metrics.partial and (.metrics.pairs.done > 0) and (.metrics.pairs_failed | length > 0)'
expect_json "$TEST_DIR/partial.json" '.bundles | length > 0'
before=$(servers_psql "select md5(string_agg(b::text, '' order by id)) from bundle_recommendations b")
workers_signal CONT 0 # the frozen one: whatever it still does changes nothing
held_by() { # held_by PID: how many tasks that worker says it holds
    servers_redis zrange "$Q:workers" 0 -1 | while IFS= read -r name; do servers_redis get "$Q:worker:$name"; done | jq -r --argjson pid "$1" 'select(.pid == $pid) | .held'
}
is_over() { [ "$(servers_redis zcard "$Q:leases")" = 0 ] && [ "$(held_by "${worker_pids[0]%:*}")" = 0 ]; }
wait_until 20 is_over
expect workers_stop
expect_equal "$before" "$(servers_psql "select md5(string_agg(b::text, '' order by id)) from bundle_recommendations b")" 'the bundles afterwards'
expect_equal '' "$(stat_of mended)" 'mended by a sweep'
