#!/usr/bin/env bash
# One upload through the real queue: the same bundles, byte for byte, with one, two and four workers, on one slot or
# more, again in the same database, and in `preview` without any server. What was planted is found.
source "$(dirname "$0")/../support/test.sh"

load_generated demo 1000 --seed 3
upload=$UPLOAD

forget_artefacts() { # the next job mines for itself
    local key
    for key in $(servers_redis --scan --pattern "{$BUNDLE_QUEUE_NAME}:cache:*"); do servers_redis del "$key" >/dev/null; done
}

for n in 1 2 4; do
    forget_artefacts
    workers_start "$n"
    run_job demo "$upload"
    expect workers_stop
    expect_sound_events "$JOB"
    expect_json "$TEST_DIR/events.json" 'map(.status) | index("preliminary") < index("final")'
    bundles_of demo "$upload" >"$TEST_DIR/bundles-$n.json"
    expect_sound_bundles "$TEST_DIR/bundles-$n.json"
    expect cmp "$TEST_DIR/bundles-1.json" "$TEST_DIR/bundles-$n.json"
done

forget_artefacts
BUNDLE_WORKER_SLOTS=1 BUNDLE_CACHE_MEMORY_MB=0 workers_start 3
run_job demo "$upload"
expect workers_stop
bundles_of demo "$upload" >"$TEST_DIR/bundles-one-slot.json"
expect cmp "$TEST_DIR/bundles-1.json" "$TEST_DIR/bundles-one-slot.json"

note 'all types and objectives have something to offer'
expect_json "$TEST_DIR/bundles-1.json" 'map(.bundle_type) | unique | length == 5'
expect_json "$TEST_DIR/bundles-1.json" 'map(.objective) | unique | length >= 6'

note 'what was planted is found'
jq '[.pairs[], .triples[], .add_ons[] | select(.joint_orders >= 8) | .variants]' "$TEST_DIR/demo/truth.json" >"$TEST_DIR/planted.json"
jq 'map([.products[].variant_id])' "$TEST_DIR/bundles-1.json" >"$TEST_DIR/offered.json"
found=$(jq -n --slurpfile planted "$TEST_DIR/planted.json" --slurpfile offered "$TEST_DIR/offered.json" \
    '[$planted[0][] as $p | select(any($offered[0][]; ($p - .) == []))] | length')
planted=$(jq length "$TEST_DIR/planted.json")
note "$found of $planted planted groups are offered together"
expect test "$planted" -ge 3
expect test $((found * 10)) -ge $((planted * 8))

note 'preview needs no server and says the same'
env -u BUNDLE_REDIS_URL -u BUNDLE_PG_URL "$BUILD_BIN/bundlectl" preview "$TEST_DIR"/demo/{orders,variants,inventory,catalog}.csv --json |
    jq -S '.bundles | map({bundle_type, objective, products, pricing, explanation, rank_position})' >"$TEST_DIR/preview.json"
jq -S 'map({bundle_type, objective, products, pricing, explanation, rank_position})' "$TEST_DIR/bundles-1.json" >"$TEST_DIR/stored.json"
expect cmp "$TEST_DIR/preview.json" "$TEST_DIR/stored.json"
