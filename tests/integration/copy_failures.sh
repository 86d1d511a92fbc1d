#!/usr/bin/env bash
# Whatever the language model's server does wrong, the job goes final in time: what passes is tried again, copy that is not
# fit is asked for again, alone, and what then is not there is template copy that says why. Who keeps failing is left alone
# for a while by all workers.
# time limit: 240 s
source "$(dirname "$0")/../support/test.sh"
source tests/support/model.sh

patience=${TEST_PATIENCE:-1}
export BUNDLE_COPY_CACHE_TTL_S=0 BUNDLE_COPY_TIMEOUT_MS=$((2000 * patience))
model_start
gate="{$BUNDLE_QUEUE_NAME}:gate:127.0.0.1:$MODEL_PORT"
load_generated demo 1500 --seed 3
load_copies demo 30
run_next() { # run_next FAULTS: nothing is remembered of the place
    servers_redis del "$gate" >/dev/null
    model_behaviour "{\"faults\": ${1-[]}}"
    go_on
}
go_on() { # ... and as it is
    model_forget
    write_next_copy
}
reasons() { jq -c '.metrics.copy.reasons | del(.rank)' "$TEST_DIR/document.json"; }
faults_for() { # faults_for MEMBERS FAULT...: one for each bundle of the first run, in turn
    jq -Rnc --slurpfile facts "$TEST_DIR/facts" --argjson members "$1" \
        '[[$ARGS.positional, $facts] | transpose[] | select(.[0] and .[0] != "none") | {do: .[0], mentions: .[1]} + $members]' --args "${@:2}"
}

note 'one request for each bundle'
export BUNDLE_COPY_BATCH=1 BUNDLE_COPY_MAX_BUNDLES=30 BUNDLE_COPY_BUDGET_REQUESTS=300 BUNDLE_COPY_BUDGET_TOKENS=1000000
BUNDLE_COPY_IN_FLIGHT=1 workers_start 1
run_next
expect_equal '30 {}' "$(model_stats .requests) $(reasons)" 'requests, reasons'
model_stats '.last_prompts[][1].content | ltrimstr("{\"locale\":\"en\",\"bundles\":[{\"id\":\"b1\",") | rtrimstr("]}")' | jq -R . >"$TEST_DIR/facts"
expect_equal 30 "$(sort -u "$TEST_DIR/facts" | wc -l)" 'bundles that can be told apart'

note 'what passes is tried again'
passing=(status_500 none status_502 none status_503 none timeout none drip none cut_body none garbage none reset none)
run_next "$(faults_for '{"times": 1}' "${passing[@]}")"
expect_equal '30 {} 38' "$(jq .metrics.copy.bundles.model "$TEST_DIR/document.json") $(reasons) $(model_stats .requests)" \
    'bundles by the model, reasons, requests that came'
expect_document '.metrics.copy.retries | . == 7 or . == 8' # a connection that ends unused is libcurl's to replace
expect_equal '{"cut_body":1,"drip":1,"garbage":1,"reset":1,"status_500":1,"status_502":1,"status_503":1,"timeout":1}' \
    "$(model_stats '.by_fault | to_entries | sort_by(.key) | from_entries')" 'what went wrong'

note 'copy that is not fit, answers that are none: asked for again, then template copy with its reason'
run_next "$(faults_for '{}' long_title long_description html markdown foreign_price foreign_percent foreign_product \
    wrong_language empty_fields missing_field control_characters link claim \
    wrong_types missing_ids unasked_ids twice_ids no_content refusal html_page empty_body finish_length \
    status_400 status_404 status_302 too_large too_large_chunked)"
note "$(reasons)"
expect_equal 3 "$(jq .metrics.copy.bundles.model "$TEST_DIR/document.json")" 'bundles by the model'
expect_document '.metrics.copy.reasons | .length == 2 and .markup == 3 and .price == 1 and .percent == 1 and (.product // 0) + (.number // 0) == 1 and
    .language == 1 and .link == 1 and .claim == 1 and .rejected == 3 and .too_large == 2'
expect_document '.metrics.copy.reasons | .missing + (.malformed // 0) + .unreadable + (.cut // 0) == 11'
expect_equal 54 "$(model_stats .requests)" 'requests: all but three once more'
expect workers_stop

note 'of a batch: what is fit stays, the others are asked for alone'
unset BUNDLE_COPY_BATCH
export BUNDLE_COPY_MAX_BUNDLES=10
workers_start 1
for fault in prose:1 fence:1 trailing_comma:1 missing_ids:6 foreign_price:11 swapped:11 twice_ids:11 too_large:11; do
    run_next "[{\"do\": \"${fault%:*}\", \"bundles_min\": 2}]"
    expect_equal "10 ${fault#*:}" "$(jq .metrics.copy.bundles.model "$TEST_DIR/document.json") $(model_stats .requests)" \
        "bundles by the model and requests with ${fault%:*}"
done
run_next '[{"do": "finish_length", "bundles_min": 2}]'
expect_document '.metrics.copy.bundles.model == 10 and .metrics.copy.requests > 1 and .metrics.copy.requests < 11'

note 'told to come back later: it does, and not before'
run_next '[{"do": "status_429", "times": 1, "retry_after": "1"}]'
expect_equal '10 2' "$(jq .metrics.copy.bundles.model "$TEST_DIR/document.json") $(model_stats .requests)" 'bundles by the model, requests'
expect test "$(model_stats '.last_requests[1].at_ms - .last_requests[0].at_ms')" -ge 990
run_next '[{"do": "status_429", "times": 1, "retry_after": "date"}]'
expect test "$(model_stats '.last_requests[1].at_ms - .last_requests[0].at_ms')" -ge 900

note 'told to come back after the time for copy is over: nobody waits for that'
run_next '[{"do": "status_429", "retry_after": "3600"}]'
expect_equal '1 {"limited":10}' "$(model_stats .requests) $(reasons)" 'requests, reasons'
go_on
expect_equal '0 {"limited":10}' "$(model_stats .requests) $(reasons)" 'requests of the next job, reasons'
expect_document ".metrics.copy.took_ms < $((20000 * patience))" # of 90 s
expect workers_stop

note 'our key is refused: that is said once, and nobody asks again'
export BUNDLE_COPY_MAX_BUNDLES=50
workers_start 2
run_next '[{"do": "status_401"}]'
expect test "$(model_stats .requests)" -le 5
expect_document '.metrics.copy.bundles.model == 0'
go_on
expect_equal '0 {"closed":50}' "$(model_stats .requests) $(reasons)" 'requests of the next job, reasons'
for log in "$TEST_DIR/worker-$((workers_started - 1)).log" "$TEST_DIR/worker-$workers_started.log"; do
    expect test "$(grep -c 'refuses our key (401)' "$log")" -le 1 # by each who was told
done
run_next '[{"do": "status_403"}]' # nor is it let in
expect test "$(model_stats .requests)" -le 5
expect_document '.metrics.copy.bundles.model == 0 and .metrics.copy.reasons.refused >= 1'
expect_match 'see copy.key' "$(grep -h 'refuses our key (401)' "$TEST_DIR"/worker-*.log)" 'what the log says'

note 'a server that keeps failing is left alone by all workers, then tried by one request'
run_next '[{"do": "status_500"}]'
asked=$(model_stats .requests)
expect test "$asked" -ge 5
expect test "$asked" -le 15
expect test "$(servers_redis hincrby "$gate" closed 60000)" -gt 60000 # the rest of this test takes its time
expect workers_stop
workers_start 1 # that has seen nothing of it
go_on
expect_equal '0 {"closed":50}' "$(model_stats .requests) $(reasons)" 'requests of the next job, reasons'
expect_document '[.bundles[].ai_copy | select(.source == "template" and (.reason | test("left alone.*500")))] | length == 50'
model_behaviour '{"faults": [], "latency_ms": [1000, 1000]}' # all others come while it is asked
expect test "$(servers_redis hincrby "$gate" closed -70000)" -gt 0 # that time is over
go_on
expect_equal '1 10' "$(model_stats .requests) $(jq .metrics.copy.bundles.model "$TEST_DIR/document.json")" 'requests of the job that finds it ready, bundles by the model'
model_behaviour '{"latency_ms": [0, 0]}'
go_on
expect_equal '5 50' "$(model_stats .requests) $(jq .metrics.copy.bundles.model "$TEST_DIR/document.json")" 'and of the next'
expect workers_stop

note 'nobody listens; there is no such host'
expect model_stop
export BUNDLE_COPY_MAX_BUNDLES=10 # one request: three tries do not make it one that keeps failing
workers_start 1
write_next_copy
expect_document '.metrics.copy | .reasons.no_connect == 10 and .requests == 3'
expect workers_stop
BUNDLE_COPY_URL=http://$(printf 'x%.0s' {1..64}).invalid/v1 workers_start 1 # too long a label: no name server is waited for
write_next_copy
expect_document '.metrics.copy | .reasons.no_name == 10 and .requests == 3'
expect_match 'copy.url' "$(grep -h 'level=warn' "$TEST_DIR/worker-$workers_started.log")" 'the log says what to look at'
expect workers_stop
