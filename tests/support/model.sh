# shellcheck shell=bash
# A language model of a test's own (model_server --help), sourced after servers.sh or test.sh.
#
#     model_start --latency 20-50             # workers that start later write copy by it
#     model_behaviour '{"faults": [{"do": "status_429", "times": 2, "retry_after": "1"}]}'
#     model_stats .requests                   # what jq makes of what it has seen
#     expect model_stop                       # it ended well (under sanitizers: leaked nothing)
#
# It dies with the shell that started it.

model_pid='' model_starts=0

# Its address is in $BUNDLE_COPY_URL and the only key that it takes in $BUNDLE_COPY_KEY and the file $MODEL_KEY_FILE.
model_start() { # model_start [option of model_server...]
    local log
    model_starts=$((model_starts + 1))
    MODEL_DIR=${TEST_DIR:-$SERVERS_DIR} log=${TEST_DIR:-$SERVERS_DIR}/model-$model_starts.log
    MODEL_KEY_FILE=$MODEL_DIR/model.key
    : >"$log"
    [ -e "$MODEL_KEY_FILE" ] || printf 'sk-%s\n' "$(od -An -N 16 -tx1 /dev/urandom | tr -d ' \n')" >"$MODEL_KEY_FILE"
    # shellcheck disable=SC2034 # servers_spawn reads it: as nobody else
    servers_as=()
    servers_spawn TERM "$log" "$BUILD_BIN/model_server" --key-file "$MODEL_KEY_FILE" "$@"
    model_pid=$!
    servers_wait_for "$model_pid" grep -q '^listening on' "$log" || servers_fail "$log" 'the model server did not start' || return 1
    MODEL_PORT=$(sed -n '1s/.*://p' "$log")
    export BUNDLE_COPY_URL=http://127.0.0.1:$MODEL_PORT/v1
    BUNDLE_COPY_KEY=$(<"$MODEL_KEY_FILE") && export BUNDLE_COPY_KEY
}

model_call() { # model_call METHOD PATH [BODY]: the answer's body; false: it was refused
    local line status
    exec 7<>"/dev/tcp/127.0.0.1/$MODEL_PORT" || return 1
    printf '%s %s HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' "$1" "$2" "$(printf %s "${3-}" | wc -c)" "${3-}" >&7
    read -r _ status _ <&7
    while read -r line <&7 && [ "$line" != $'\r' ]; do :; done
    cat <&7
    exec 7>&-
    [ "$status" = 200 ]
}

model_behaviour() { # model_behaviour JSON
    model_call PUT /behaviour "$1" >"$MODEL_DIR/model.answer" || servers_fail "$MODEL_DIR/model.answer" 'the model server refused it'
}

model_stats() { # model_stats JQ_FILTER
    model_call GET /stats | jq -rc "$1"
}

model_forget() { # counts from 0 again
    model_call DELETE /stats >"$MODEL_DIR/model.answer"
}

model_stop() {
    kill -TERM "$model_pid" && wait "$model_pid"
}

# ---- what jobs make of it ----

read_document() { # read_document SHOP UPLOAD: bundles and metrics, into $TEST_DIR/document.json
    bundlectl bundles "$2" --shop "$1" --json >"$TEST_DIR/document.json"
}

expect_document() { # expect_document JQ_FILTER
    expect_json "$TEST_DIR/document.json" "$1"
}

# One upload after the other of load_copies demo, which has the same content under each name: its document is read.
copies_written=0
write_next_copy() {
    copies_written=$((copies_written + 1))
    run_job demo "copy-$copies_written"
    read_document demo "copy-$copies_written"
    expect_sound_copy
}

# Whatever has happened: copy for every bundle, within its lengths, saying where it comes from, and why it is no better.
expect_sound_copy() {
    expect_document 'all(.bundles[]; .status == "final")'
    expect_document 'all(.bundles[].ai_copy; (.title | length) <= 60 and (.title | length) > 0 and (.description | length) <= 200 and
        (.value_proposition | length) <= 150 and (.features | length) > 0 and (.benefits | length) > 0)'
    expect_document 'all(.bundles[].ai_copy; if .source == "template" then (.reason | length) > 0 and (has("key") | not)
        else (.source | IN("model", "cache")) and (.key | length) == 32 and (has("reason") | not) end)'
    expect_document '(.metrics.copy.bundles) == ({model: 0, cache: 0, template: 0} +
        (.bundles | group_by(.ai_copy.source) | map({(.[0].ai_copy.source): length}) | add))'
    expect_document '(.metrics.copy.reasons | add // 0) == .metrics.copy.bundles.template'
}

# How the model's part of it went, in a line: "50 0 150" by model, cache, template.
copy_counts() {
    jq -r '.metrics.copy.bundles | "\(.model) \(.cache) \(.template)"' "$TEST_DIR/document.json"
}
