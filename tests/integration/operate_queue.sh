#!/usr/bin/env bash
# What an operator does to a running queue: every command of `bundlectl queue` on real jobs, as text and as JSON.
source "$(dirname "$0")/../support/test.sh"

job() { # job ID [FIELDS]: a message of that job for $UPLOAD
    push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$UPLOAD\",\"job\":\"$1\"${2:+,$2}}"
}
overview() { # overview FILTER: what `queue ls` says
    bundlectl queue ls --json | jq -r "$1"
}
is_so() { # is_so FILTER
    [ "$(overview "$1")" = true ]
}
inspected() { # inspected JOB FILTER
    bundlectl queue inspect "$1" --json | jq -r "$2"
}

load_generated other 200 --seed 4
other=$UPLOAD
load_generated demo 300 --seed 3

note 'an empty queue'
expect_equal '0 0 0' "$(overview '"\(.inbox) \(.open) \(.workers | length)"')" 'inbox, open jobs, workers'
expect_match 'no worker is there' "$(bundlectl queue ls)" 'the overview'
expect_status 4 bundlectl queue inspect nothing
expect_status 4 bundlectl queue cancel nothing
expect_status 4 bundlectl queue cancel nothing --shop demo
expect_status 2 bundlectl queue cancel nothing --shop "$(printf 'x%.0s' {1..300})"
expect_status 2 bundlectl queue cancel nothing --shop ''
expect_status 4 bundlectl queue retry nothing
expect_status 4 bundlectl queue retry 1-1
expect_match 'nothing is dead' "$(bundlectl queue dead)" 'queue dead'
expect_status 0 bundlectl queue drain --timeout 5
expect_match 'is empty' "$OUTPUT" 'queue drain'

note 'an end that PostgreSQL was not told is left to do'
servers_redis zadd "{$BUNDLE_QUEUE_NAME}:ended" 9000000000000 gone >/dev/null
expect_status 5 bundlectl queue drain --cancel --timeout 1
expect_match '1 ends that PostgreSQL is still to be told' "$OUTPUT" 'queue drain'
servers_redis del "{$BUNDLE_QUEUE_NAME}:ended" >/dev/null

note 'a paused queue admits and draws nothing; resumed it goes on'
expect_match 'is paused' "$(bundlectl queue pause --why 'a test')" 'pause'
expect_match 'was already paused' "$(bundlectl queue pause)" 'pause again'
workers_start 1
job held
wait_until 10 is_so '.open == 1'
push "{\"v\":1,\"shop\":\"other\",\"upload\":\"$other\",\"job\":\"beside\",\"priority\":\"bulk\"}"
wait_until 10 is_so '.open == 2 and .ready.normal.urgent == 1 and .ready.bulk.urgent == 1 and .leased == 0'
expect_json <(bundlectl queue ls --limit 1 --json) '(.jobs | length) == 1 and .open == 2 and .ready.bulk.urgent == 1'
expect_equal 'a test' "$(overview '.paused[0].why')" 'why it is paused'
expect_equal 'queued queued bulk normal' "$(overview '[.jobs[] | .event.status] + [.jobs[] | .priority] | sort | [.[2], .[3], .[0], .[1]] | join(" ")')" 'jobs'
expect_equal 1 "$(overview '.workers | length')" 'workers'
expect_match 'paused for .*: a test' "$(bundlectl queue ls)" 'the overview'
expect_equal 'open waiting' "$(inspected held '"\(.stages[0].state) \(.stages[0].tasks[0].state)"')" 'the first stage'
expect_status 5 bundlectl queue drain --timeout 1
expect_match 'paused' "$OUTPUT" 'drain says why'
bundlectl queue pause --shop other --json >"$TEST_DIR/paused.json"
expect_json "$TEST_DIR/paused.json" '.paused and .changed and .shop == "other"'
bundlectl queue resume
wait_for_job held
expect_equal final "$(job_field held state)" 'the job'
expect_equal open "$(job_field beside state)" "the job of the shop that is paused still"
bundlectl queue resume --shop other
wait_for_job beside
expect_equal final "$(job_field beside state)" 'the job of that shop'
expect_match 'was already running' "$(bundlectl queue resume)" 'resume again'

note 'a job that has ended, inspected by its id, by its upload, as a tree'
bundlectl queue inspect held --events --json >"$TEST_DIR/job.json"
expect_json "$TEST_DIR/job.json" '.state == "final" and .job == "held" and .shop == "demo" and .progress == 100 and .lives_ms > 0'
expect_json "$TEST_DIR/job.json" '[.stages[] | select(.stage != "copy") | .state] == ["done", "done", "done", "done"]'
expect_json "$TEST_DIR/job.json" '[.stages[] | .tasks | length] | .[0] == 1 and .[1] > 20 and .[2] == 1 and .[4] == 1'
expect_json "$TEST_DIR/job.json" 'all(.stages[].tasks[]; .state == "ended" and .ran_ms >= 0 and (.worker | length > 3))'
expect_json "$TEST_DIR/job.json" '(.events | map(.seq)) == [range(1; .seq + 1)]'
expect_equal held "$(inspected "$UPLOAD" .job)" 'the job of the upload'
expect_match '`- publish  done' "$(LC_ALL=C bundlectl queue inspect held)" 'the tree'
expect_match '└─ publish  done' "$(LC_ALL=C.UTF-8 bundlectl queue inspect "$UPLOAD" --shop demo)" 'the tree in UTF-8'
expect_status 4 bundlectl queue inspect "$UPLOAD" --shop other

note 'uploads of one name in two shops are told apart'
servers_psql "insert into csv_uploads (id, run_id, shop_id, status) values (gen_random_uuid(), 'same', 'demo', 'ready'), (gen_random_uuid(), 'same', 'other', 'ready')"
push '{"v":1,"shop":"demo","upload":"same","job":"same-demo"}'
push '{"v":1,"shop":"other","upload":"same","job":"same-other"}'
wait_for_job same-demo
wait_for_job same-other
expect_status 2 bundlectl queue inspect same
expect_match 'demo, other|other, demo' "$OUTPUT" 'the shops'
expect_equal same-other "$(bundlectl queue inspect same --shop other --json | jq -r .job)" "the other shop's job"

note 'a running job: who holds what since when'
servers_psql 'update order_lines set sku = sku' # so that they are read again
pg_hold 'lock table order_lines in access exclusive mode' # for as long as it is looked at
push "{\"v\":1,\"shop\":\"other\",\"upload\":\"$other\",\"job\":\"runs\",\"priority\":\"interactive\"}"
is_held() { [ "$(bundlectl queue inspect runs --json 2>/dev/null | jq '.stages[0].tasks[0] | .state == "leased" and .lease_until_ms > .begun_ms')" = true ]; }
wait_until 20 is_held
bundlectl queue inspect runs --json >"$TEST_DIR/job.json"
expect_json "$TEST_DIR/job.json" '.stages[0].state == "open" and .stages[1].state == "to come" and .deadline_ms > .now_ms and .priority == "interactive"'
expect_json "$TEST_DIR/job.json" '.stages[0].tasks[0] | .limit_ms > .lease_until_ms and (.worker | length > 3) and .crashes == 0'
expect_match 'leased by .* for .*, lease ends in .*, time limit in' "$(bundlectl queue inspect runs)" 'the tree'
expect_json <(bundlectl queue ls --json) '.leased == 1 and (.jobs[0] | .job == "runs" and .deadline_ms > 0)'
expect_status 2 bundlectl queue retry runs
expect_match 'queued or running' "$OUTPUT" 'retry of a running job'
bundlectl queue cancel "$other" --shop other >"$TEST_DIR/said"
expect_equal 'job runs: cancelled' "$(cat "$TEST_DIR/said")" 'cancel'
pg_let_go
expect_equal cancelled "$(job_field runs state)" 'the job'
expect_match 'cancelled' "$(bundlectl queue cancel runs)" 'cancel again'
expect_match 'prepare  cancelled' "$(bundlectl queue inspect runs)" 'its tree'
expect workers_stop

note 'what no worker has admitted is cancelled in its turn'
job in-the-inbox
push "{\"v\":1,\"shop\":\"other\",\"upload\":\"$other\",\"job\":\"by-its-id\"}"
bundlectl cancel "$UPLOAD" --shop demo --json >"$TEST_DIR/said" # the upload's last job is known, and has ended
expect_json "$TEST_DIR/said" '.status == "asked"'
expect_equal 'job by-its-id: asked' "$(bundlectl cancel by-its-id)" 'cancel of a job in the inbox'
job after-it '"force":true'
expect_equal 5 "$(servers_redis llen "{$BUNDLE_QUEUE_NAME}:jobs")" 'messages in the inbox'

note 'drain waits until all of it is done'
bundlectl queue pause # until all of it is admitted
workers_start 1
wait_until 10 is_so '.inbox == 0 and .intake == 0'
bundlectl queue resume
expect_status 0 bundlectl queue drain --timeout 60
expect_equal '0 0 0' "$(overview '"\(.inbox) \(.intake) \(.open)"')" 'left after the drain'
expect_equal 'cancelled cancelled final' "$(job_field in-the-inbox state) $(job_field by-its-id state) $(job_field after-it state)" 'the jobs'

note 'what is dead: seen, retried one by one and all, cleared'
servers_redis del "{$BUNDLE_QUEUE_NAME}:dead" >/dev/null
push 'no job at all'
push '{"v":1,"shop":"demo","upload":"comes-later","job":"early"}'
push '{"v":1,"shop":"other","upload":"never"}'
wait_until 10 is_so '.dead == 3 and .open == 0'
bundlectl queue dead --json >"$TEST_DIR/dead.json"
expect_json "$TEST_DIR/dead.json" '[.dead[].kind] | sort == ["failed", "failed", "rejected"]'
expect_json "$TEST_DIR/dead.json" '.dead[] | select(.job == "early") | .shop == "demo" and .task == "prepare" and .payload.upload == "comes-later" and (.reason | test("comes-later"))'
expect_json "$TEST_DIR/dead.json" '.dead[] | select(.kind == "rejected") | .payload == "no job at all"'
expect_match 'demo/comes-later' "$(bundlectl queue dead)" 'the table'
expect_json <(bundlectl queue dead --limit 1 --json) '.dead | length == 1'
servers_psql "insert into csv_uploads (id, run_id, shop_id, status) values (gen_random_uuid(), 'comes-later', 'demo', 'ready')"
bundlectl queue retry "$(jq -r '.dead[] | select(.job == "early") | .id' "$TEST_DIR/dead.json")"
is_final() { [ "$(job_field "$1" state)" = final ]; }
wait_until 10 is_final early
wait_until 10 is_so '.dead == 2'
expect_match '^1 sent' "$(bundlectl queue retry --all --shop other)" 'retry of a shop'
expect_equal 'other' "$(wait_until 10 is_so '.dead == 2' && bundlectl queue dead --json | jq -r '.dead[0].shop')" 'failed again'
expect_match '^2 sent' "$(bundlectl queue retry --all)" 'retry of all'
wait_until 10 is_so '.dead == 2 and .open == 0 and .inbox == 0'
expect_status 2 bundlectl queue dead --clear
expect_match '2 entries' "$OUTPUT" 'clear without --yes'
expect_equal '2 entries are gone' "$(bundlectl queue dead --clear --yes)" 'clear'
expect_equal 0 "$(overview .dead)" 'dead'

note 'an ended job is made anew, as a new job'
before=$(overview .counters.jobs_final)
bundlectl queue retry held
more_final() { [ "$(overview .counters.jobs_final)" = $((before + 1)) ]; }
wait_until 10 more_final
expect_equal false "$(inspected "$UPLOAD" '.job == "held"')" 'the old id'

note 'a scheduled job waits for its time; drain --cancel does not'
expect_status 3 bundlectl enqueue "$UPLOAD" --shop demo --delay 9999999
bundlectl enqueue "$UPLOAD" --shop demo --delay 3600 --priority bulk
wait_until 10 is_so '.delayed == 1 and .open == 1'
expect_json <(bundlectl queue inspect "$UPLOAD" --shop demo --json) '.due_ms - .now_ms > 3500000 and .priority == "bulk" and .stages[0].tasks[0].state == "delayed"'
expect_match 'due in 59 min' "$(bundlectl queue inspect "$UPLOAD" --shop demo)" 'the tree'
expect_status 5 bundlectl queue drain --timeout 1
bundlectl queue drain --cancel --json 2>/dev/null >"$TEST_DIR/drained.json"
expect_json "$TEST_DIR/drained.json" '.status == "empty" and .cancelled == 1'
expect_equal 0 "$(overview .delayed)" 'delayed'
expect_equal 0 "$(overview .untold)" 'ends that PostgreSQL is still to be told'
bundlectl enqueue "$UPLOAD" --shop demo --at "$(date -u -d '+1 second' +%FT%TZ)" --wait >/dev/null

note 'several queues of one Redis'
BUNDLE_QUEUE_NAME=$BUNDLE_QUEUE_NAME-second bundlectl queue pause
servers_redis hset "{$BUNDLE_QUEUE_NAME-second}:stats" jobs_admitted 0 >/dev/null
bundlectl queue ls --all --json >"$TEST_DIR/queues.json"
expect_json "$TEST_DIR/queues.json" "[.queues[] | select(.queue | startswith(\"$BUNDLE_QUEUE_NAME\")) | (.paused | length)] == [0, 1]"
expect_match "^$BUNDLE_QUEUE_NAME-second +yes" "$(bundlectl queue ls --all)" 'the table of queues'
servers_redis set "{$BUNDLE_QUEUE_NAME-second}:open" spoilt >/dev/null # hides none of the others
expect_match "^$BUNDLE_QUEUE_NAME +no" "$(bundlectl queue ls --all)" 'a queue beside one that is spoilt'
expect_match "^$BUNDLE_QUEUE_NAME-second cannot be read.*WRONGTYPE" "$(bundlectl queue ls --all)" 'the one that is spoilt'
bundlectl queue ls --all --json >"$TEST_DIR/queues.json"
expect_json "$TEST_DIR/queues.json" "[.queues[] | select(.error)] | map(.queue) | index(\"$BUNDLE_QUEUE_NAME-second\") != null"
servers_redis del "{$BUNDLE_QUEUE_NAME-second}:open" >/dev/null

note 'watching it'
"$BUILD_BIN/bundlectl" queue ls --watch --json >"$TEST_DIR/watched" &
watcher=$!
has_looked_twice() { [ "$(wc -l <"$TEST_DIR/watched")" -ge 2 ]; }
wait_until 10 has_looked_twice
expect kill "$watcher" # it would go on
expect workers_stop
