#!/usr/bin/env bash
# A shop's defaults go with every job of the shop on any worker, the job's own options before them; what is wrong in them is
# left out and reported, and never fails a job.
source "$(dirname "$0")/../support/test.sh"

metrics_of_job() { # metrics_of_job: of the upload, into metrics.json
    servers_psql "SELECT bundle_generation_metrics FROM csv_uploads WHERE bundle_generation_metrics IS NOT NULL" >"$TEST_DIR/metrics.json"
}

run_with() { # run_with OPTIONS: a job, its bundles into bundles.json
    job_with=$((${job_with-0} + 1))
    push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$UPLOAD\",\"job\":\"with-$job_with\",\"options\":$1}"
    wait_for_job "with-$job_with"
    expect_equal final "$(job_field "with-$job_with" state)" "job with $1"
    bundles_of demo "$UPLOAD" >"$TEST_DIR/bundles.json"
    expect_sound_bundles "$TEST_DIR/bundles.json"
    metrics_of_job
}

load_generated demo 1000 --seed 5
BUNDLE_CACHE_MEMORY_MB=0 workers_start 3

note 'nothing said'
run_with '{}'
expect_json "$TEST_DIR/metrics.json" '.prepare | .options_of_shop == [] and .options_ignored == [] and .options_unknown == []'
expect_json "$TEST_DIR/bundles.json" 'map(.bundle_type) | unique | length == 5'
banned=$(jq -r '.[0].products[0].variant_id' "$TEST_DIR/bundles.json")
pair=$(jq -c '[.[] | select(.bundle_type == "FBT")][0].products[0:2] | map(.variant_id)' "$TEST_DIR/bundles.json")

note 'the shop speaks'
expect bundlectl shop set demo --type FBT --type FIXED --option "exclude=$banned" --option max_discount=12 >"$TEST_DIR/shop.json"
expect_json "$TEST_DIR/shop.json" '.max_discount == 12 and .types == ["FBT", "FIXED"]'
run_with '{}'
expect_json "$TEST_DIR/metrics.json" '.prepare.options_of_shop == ["types", "exclude", "max_discount"]'
expect_json "$TEST_DIR/bundles.json" 'length > 0 and all(.[]; (.bundle_type | IN("FBT", "FIXED")) and .pricing.total_discount_pct <= 12)'
expect_json "$TEST_DIR/bundles.json" "all(.[].products[]; .variant_id != \"$banned\")"

note 'the job goes before it'
run_with "{\"types\":[\"BXGY\"],\"exclude\":[],\"not_together\":[$pair],\"pin\":[\"no such thing\"],\"locale\":\"de\"}"
expect_json "$TEST_DIR/metrics.json" '.prepare | .options_of_shop == ["max_discount"] and .options.locale == "de"'
expect_json "$TEST_DIR/metrics.json" '.prepare.options_unknown == [{"option": "pin", "name": "no such thing"}]'
expect_json "$TEST_DIR/bundles.json" 'length > 0 and all(.[]; .bundle_type == "BXGY" and .pricing.total_discount_pct <= 12)'
expect_json "$TEST_DIR/bundles.json" "all(.[]; ($pair - [.products[].variant_id]) != [])"

note 'nothing is left to offer: a result with a reason'
run_with '{"only":["no such thing"]}'
expect_json "$TEST_DIR/bundles.json" 'length == 0'
expect_json "$TEST_DIR/metrics.json" '.no_bundles_reason | test("nothing that was asked for applies")'

note 'what it says of the data counts, too: another day is another artefact for every worker'
run_with '{"as_of":"2001-01-01","types":[]}'
jq -S 'map({bundle_type, products, pricing})' "$TEST_DIR/bundles.json" >"$TEST_DIR/by-job.json"
servers_psql "UPDATE shops SET settings = '{\"as_of\": \"2001-01-01\", \"max_discount\": 12, \"exclude\": [\"$banned\"]}'" >/dev/null
run_with '{}'
expect_json "$TEST_DIR/metrics.json" '.prepare.options_of_shop | index("as_of") != null'
expect cmp "$TEST_DIR/by-job.json" <(jq -S 'map({bundle_type, products, pricing})' "$TEST_DIR/bundles.json")

note 'what is wrong in it is left out'
servers_psql "UPDATE shops SET settings = '{\"max_discount\": \"lots\", \"colour\": 1, \"types\": [\"FBT\"]}'" >/dev/null
run_with '{}'
expect_json "$TEST_DIR/metrics.json" '.prepare | .options_of_shop == ["types"] and (.options_ignored | map(.option) | sort) == ["colour", "max_discount"]'
expect_json "$TEST_DIR/bundles.json" 'length > 0 and all(.[]; .bundle_type == "FBT")'
servers_psql "UPDATE shops SET settings = '[1]'" >/dev/null
run_with '{}'
expect_json "$TEST_DIR/metrics.json" '.prepare.options_ignored == [{"option": "", "expected": "a JSON object"}]'
expect workers_stop

note 'bundlectl refuses what would be left out'
expect_status 3 bundlectl shop set demo --option max_discount=lots
expect_match 'max_discount' "$OUTPUT" 'the message'
expect bundlectl shop set demo
expect_equal '{}' "$(bundlectl shop show demo)" 'nothing left'
expect_equal '{}' "$(bundlectl shop show nobody)" 'a shop that is not there'
