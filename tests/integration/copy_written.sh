#!/usr/bin/env bash
# The best bundles get copy by the language model, five requests of ten; the others template copy that says why. What has
# been written is not asked for again: not for the same upload, not for another one of the same content; but for another
# language or another model.
source "$(dirname "$0")/../support/test.sh"
source tests/support/model.sh

model_start --latency 400-600 --seed 7 # so that requests meet
export BUNDLE_COPY_MODEL=test-model BUNDLE_COPY_PRICE_IN=0.15 BUNDLE_COPY_PRICE_OUT=0.6
load_generated demo 1500 --seed 3
upload=$UPLOAD
run_again() { # run_again [OPTIONS of the job]: the upload's job once more
    model_forget
    jobs_run=$((jobs_run + 1))
    push "$(jq -nc --arg upload "$upload" --arg job "again-$jobs_run" --argjson options "${1:-"{}"}" \
        '{v: 1, shop: "demo", $upload, $job, force: true, $options}')"
    wait_for_job "again-$jobs_run"
    expect_equal final "$(job_field "again-$jobs_run" state)" "$(job_field "again-$jobs_run" reason)"
    read_document demo "$upload"
    expect_sound_copy
}
copies() { jq -c '[.bundles[] | {id, copy: (.ai_copy | del(.source))}]' "$TEST_DIR/document.json"; }
workers_start 2

expect_status 2 "$BUILD_BIN/bundle-worker" --check --set copy.locale=de_DE.UTF-8
expect_match 'copy.locale = "de_DE.UTF-8" is no language tag' "$OUTPUT" 'a locale that is none'

note 'written'
run_job demo "$upload"
read_document demo "$upload"
expect_sound_copy
n=$(jq '.bundles | length' "$TEST_DIR/document.json")
expect test "$n" -gt 60
expect_equal "50 0 $((n - 50))" "$(copy_counts)" 'by model, cache, template'
expect_document 'all(.bundles[]; (.ai_copy.source == "model") == (.rank_position <= 50))'
expect_document 'all(.bundles[] | select(.ai_copy.source == "model") | .ai_copy; .model == "test-model" and .locale == "en")'
expect_document '.metrics.copy | .enabled and .model == "test-model" and .locale == "en" and (.reasons | keys) == ["rank"] and .retries == 0'
expect_equal '5 50 2' "$(model_stats '"\(.requests) \(.bundles) \([.running_max, 2] | min)"')" 'what the model has seen; requests run at a time'
expect_equal "$(model_stats '[.tokens_in, .tokens_out]')" "$(jq -c '.metrics.copy | [.tokens_in, .tokens_out]' "$TEST_DIR/document.json")" 'tokens'
expect_document '.metrics.copy | .requests == 5 and ((.cost * 1e6 - .tokens_in * 0.15 - .tokens_out * 0.6) | fabs < 1)'
expect_document '.metrics.copy | .took_ms >= .slowest_ms and .slowest_ms >= 400'
model_behaviour '{"latency_ms": [0, 0]}'
copies >"$TEST_DIR/written"
told() { servers_redis hkeys "{$BUNDLE_QUEUE_NAME}:job:$1:tasks" | grep -c '^payload:' || true; }
expect_equal 0 "$(told "$JOB")" 'what copy tasks were told is not kept'

note 'the same upload: nothing is sent'
run_again
expect_equal "0 50 $((n - 50))" "$(copy_counts)" 'by model, cache, template'
expect_document '.metrics.copy | .rows_reused == 50 and .requests == 0 and .tokens_in == 0'
copies >"$TEST_DIR/again"
expect cmp "$TEST_DIR/written" "$TEST_DIR/again"

note 'another one of the same content: out of Redis'
upload_before=$upload
load twin "$TEST_DIR/demo"/{orders,variants,inventory,catalog}.csv
run_job twin "$UPLOAD"
read_document twin "$UPLOAD"
expect_sound_copy
expect_equal "0 50 $((n - 50))" "$(copy_counts)" 'by model, cache, template'
expect_document '.metrics.copy | .cache_asked == 50 and .cache_hits == 50 and .rows_reused == 0'
expect_equal 0 "$(model_stats .requests)" 'requests'
expect_equal "$(jq -c '[.[].copy]' "$TEST_DIR/written")" "$(jq -c '[.bundles[].ai_copy | del(.source)]' "$TEST_DIR/document.json")" 'the copy'
while read -r key; do
    expect test "$(servers_redis ttl "$key")" -gt 2500000
done < <(servers_redis --scan --pattern "{$BUNDLE_QUEUE_NAME}:copy:*" | head -n 5)
upload=$upload_before

note 'in another language'
run_again '{"locale": "de"}'
expect_equal "50 0 $((n - 50))" "$(copy_counts)" 'by model, cache, template'
expect_document '[.bundles[].ai_copy | select(.source == "model")] | all(.[]; .locale == "de") and
    (map(.benefits[]) | unique | map(test("Paket|suchen")) | all)'
expect workers_stop

note 'settings: a language for all, another model, smaller batches, fewer bundles'
BUNDLE_COPY_LOCALE=fr BUNDLE_COPY_MODEL=other-model BUNDLE_COPY_MAX_BUNDLES=7 BUNDLE_COPY_BATCH=3 workers_start 1
run_again
expect_equal "7 0 $((n - 7))" "$(copy_counts)" 'by model, cache, template'
expect_document '.metrics.copy | .model == "other-model" and .locale == "fr" and .requests == 3'
expect_equal '[3,3,1]' "$(model_stats '[.last_requests[].bundles] | sort | reverse')" 'bundles in requests'
expect workers_stop

note 'no key: nothing is asked'
BUNDLE_COPY_KEY='' workers_start 1
run_again
expect_equal "0 0 $n" "$(copy_counts)" 'by model, cache, template'
expect_document '.metrics.copy | (.enabled | not) and .reasons == {no_model: .bundles.template}'
expect workers_stop
expect_equal 0 "$(model_stats .requests)" 'requests'

note 'a server that knows no schema, then one that knows no response_format'
for knows in json none; do
    expect model_stop
    model_start --structured "$knows"
    BUNDLE_COPY_MODEL=model-$knows workers_start 1
    run_again
    expect_equal "50 0 $((n - 50))" "$(copy_counts)" "by model, cache, template, of a server that knows $knows"
    expect workers_stop
done

note 'a model that takes neither max_tokens nor a temperature'
expect model_stop
model_start --refuses max_tokens,temperature
BUNDLE_COPY_MODEL=newer-model workers_start 1
run_again
expect_equal "50 0 $((n - 50))" "$(copy_counts)" 'by model, cache, template'
expect workers_stop
expect model_stop
