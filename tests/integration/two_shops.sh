#!/usr/bin/env bash
# Two shops whose exports hold the same order, variant and product ids, and two uploads of one shop, run at once on the
# same workers: each gets what it gets alone.
source "$(dirname "$0")/../support/test.sh"

load_generated alpha 1000 --seed 11
uploads=("alpha $UPLOAD")
load_generated beta 1000 --seed 12 --currency JPY
uploads+=("beta $UPLOAD")
generate "$TEST_DIR/alpha-later" 400 --seed 13
load alpha "$TEST_DIR"/alpha-later/{orders,variants,inventory,catalog}.csv
uploads+=("alpha $UPLOAD")

workers_start 2
for i in 0 1 2; do
    read -r shop upload <<<"${uploads[i]}"
    run_job "$shop" "$upload"
    bundles_of "$shop" "$upload" >"$TEST_DIR/alone-$i.json"
    expect_sound_bundles "$TEST_DIR/alone-$i.json"
    expect_json "$TEST_DIR/alone-$i.json" 'length > 0'
done
expect_json "$TEST_DIR/alone-1.json" 'all(.[].pricing; .currency == "JPY" and .bundle_price == (.bundle_price | floor))'
expect_json "$TEST_DIR/alone-0.json" 'all(.[]; .shop_id == "alpha")'

for round in 1 2 3; do
    for i in 0 1 2; do
        read -r shop upload <<<"${uploads[i]}"
        push "{\"v\":1,\"shop\":\"$shop\",\"upload\":\"$upload\",\"job\":\"at-once-$round-$i\"}"
    done
    for i in 0 1 2; do
        read -r shop upload <<<"${uploads[i]}"
        wait_for_job "at-once-$round-$i"
        expect_equal final "$(job_field "at-once-$round-$i" state)" "job $i of round $round"
        expect_sound_events "at-once-$round-$i"
        expect_json "$TEST_DIR/events.json" "all(.[]; .shop == \"$shop\" and .upload == \"$upload\")"
        bundles_of "$shop" "$upload" >"$TEST_DIR/at-once.json"
        expect cmp "$TEST_DIR/alone-$i.json" "$TEST_DIR/at-once.json"
    done
done
expect workers_stop

note "a shop does not see another shop's upload"
read -r _ upload <<<"${uploads[1]}"
expect_status 4 bundlectl bundles "$upload" --shop alpha --json
