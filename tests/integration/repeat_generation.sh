#!/usr/bin/env bash
# Asked again, an upload is not loaded and mined again: not by the same worker, nor by another one, nor by two at once;
# and it is, as soon as one of its rows has changed or what was kept is broken. The bundles are the same, byte for byte.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"

Q="{$BUNDLE_QUEUE_NAME}"
load_generated demo 20000 --seed 3

# The metrics of the last job's prepare stage, and its bundles.
expect_cached() { # expect_cached WHERE UPLOAD: "none" was loaded and mined, "memory" and "redis" were not
    bundlectl bundles "$2" --shop demo --json | jq .metrics.prepare >"$TEST_DIR/prepare.json"
    expect_json "$TEST_DIR/prepare.json" ".cache == \"$1\""
    [ "$1" = none ] || expect_json "$TEST_DIR/prepare.json" '.load_ms == 0 and .mine_ms == 0'
    [ "$1" != none ] || expect_json "$TEST_DIR/prepare.json" '.load_ms + .mine_ms > 0'
}
expect_same_bundles() { # expect_same_bundles NAME
    bundles_of demo "$UPLOAD" >"$TEST_DIR/$1.json"
    expect cmp "$TEST_DIR/first.json" "$TEST_DIR/$1.json"
}
repeat() { # repeat NAME WHERE
    note "$1"
    run_job demo "$UPLOAD"
    expect_cached "$2" "$UPLOAD"
    expect_same_bundles "$1"
}
said() { cat "$TEST_DIR"/worker-*.log | grep -c "$1" || true; } # said MESSAGE: how often, by all workers
mined() { said 'upload loaded and mined'; }
discarded() { said 'cached artefact discarded'; }

workers_start 1
run_job demo "$UPLOAD"
expect_cached none "$UPLOAD"
bundles_of demo "$UPLOAD" >"$TEST_DIR/first.json"
expect_sound_bundles "$TEST_DIR/first.json"
repeat same_worker memory
expect workers_stop

workers_start 1
repeat another_worker redis
expect_equal 1 "$(mined)" 'times it was mined'
expect workers_stop

note 'other rules, in the settings or the job: another artefact'
export BUNDLE_ENRICH_NEW_DAYS=31
workers_start 1
run_job demo "$UPLOAD"
expect_cached none "$UPLOAD"
push "$(jq -nc --arg upload "$UPLOAD" '{v: 1, shop: "demo", $upload, job: "other", options: {season_words: ["rain"]}}')"
wait_for_job other
expect_cached none "$UPLOAD"
expect workers_stop
unset BUNDLE_ENRICH_NEW_DAYS

spoil() { # spoil COMMAND [ARGUMENT...]: on the key of every blob
    local key
    for key in $(servers_redis --scan --pattern "$Q:cache:*"); do servers_redis "$1" "$key" "${@:2}" >/dev/null; done
}

spoil setrange 1000 garbage
workers_start 1
repeat broken none
expect_json "$TEST_DIR/prepare.json" '.blobs_discarded == 1'
expect_equal 1 "$(discarded)" 'times it was said'
expect workers_stop

spoil del
workers_start 1
repeat gone none
expect_equal 1 "$(discarded)" 'times it was said'

spoil del
repeat only_in_memory memory
expect workers_stop

note 'a row that changes is seen, whoever changes it'
workers_start 2
change() { # change SQL: then it is made again
    servers_psql "$1"
    run_job demo "$UPLOAD"
    expect_cached none "$UPLOAD"
}
change 'UPDATE order_lines SET unit_price = unit_price * 2 WHERE ctid = (SELECT min(ctid) FROM order_lines)'
change 'DELETE FROM order_lines WHERE ctid = (SELECT min(ctid) FROM order_lines)'
change "UPDATE catalog_snapshot SET tags = 'rainy' WHERE ctid = (SELECT min(ctid) FROM catalog_snapshot)"
expect workers_stop

note 'lost in the middle of a job, on two workers at once: one makes it for all'
load_generated large 60000 --seed 4
export BUNDLE_CACHE_MEMORY_MB=0 BUNDLE_WORKER_SLOTS=1 # every task reads the blob; there is time to take it away
workers_start 2
mined_before=$(mined)
push "$(jq -nc --arg upload "$UPLOAD" '{v: 1, shop: "large", $upload, job: "lost"}')"
some_pairs_are_done() { [[ $(job_field lost counts) == *'"pairs_done":'[1-9]* ]]; }
wait_until 30 some_pairs_are_done
expect workers_signal STOP
spoil del
expect [ "$(servers_redis scard "$Q:job:lost:open")" -gt 10 ]
expect workers_signal CONT
wait_for_job lost
expect_equal final "$(job_field lost state)" "$(job_field lost reason)"
expect_equal "$((mined_before + 2))" "$(mined)" 'times it was mined'
expect workers_stop
