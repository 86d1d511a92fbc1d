#!/usr/bin/env bash
# Whatever stands in the inbox costs at most its own job: it is among the dead with a reason, the workers live, stay
# small, and do the honest job behind it.
# time limit: 240 s
source "$(dirname "$0")/../support/test.sh"

Q="{$BUNDLE_QUEUE_NAME}"
rss_max_kb=300000 # over what a worker has when it starts
load_generated demo 300 --seed 9
honest=$UPLOAD
servers_redis subscribe "$Q:progress" >"$TEST_DIR/heard" </dev/null &
listener=$!
listens() { grep -q subscribe "$TEST_DIR/heard"; }
wait_until 10 listens
workers_start 2
run_job demo "$honest"

status_kb() { sed -n "s/^$2:[^0-9]*\([0-9]*\) kB$/\1/p" "/proc/$1/status"; }
started_kb=()
for worker in "${worker_pids[@]}"; do started_kb+=("$(status_kb "${worker%:*}" VmRSS)"); done
expect_small() {
    local i peak
    for i in "${!worker_pids[@]}"; do
        peak=$(status_kb "${worker_pids[i]%:*}" VmHWM)
        note "worker $i: $((peak - started_kb[i])) kB over its start at most"
        [ "${TEST_PATIENCE:-1}" -gt 1 ] || expect test $((peak - started_kb[i])) -lt "$rss_max_kb" # sanitizers have memory of their own
    done
}

n_rejected=0
are_rejected() { [ "$(stat_of jobs_rejected)" = "$n_rejected" ]; }
newest_dead() { # newest_dead FIELD
    servers_redis xrevrange "$Q:dead" + - count 1 | sed -n "/^$1\$/{n;p;q}"
}
push_stdin() { servers_redis -x rpush "$Q:jobs" >/dev/null; } # any bytes
rejects_file() { # rejects_file FILE REGEX: what is in it is refused for that reason
    n_rejected=$((n_rejected + 1))
    push_stdin <"$1"
    wait_until 20 are_rejected
    expect_equal rejected "$(newest_dead kind)" "kind of $(head -c 80 "$1")"
    expect_match "$2" "$(newest_dead reason)" "reason for $(head -c 200 "$1" | tr -d '\0')"
    expect_equal "$(wc -c <"$1")" "$(newest_dead bytes)" "bytes of $(head -c 80 "$1" | tr -d '\0')"
}
rejects() { # rejects REGEX PRINTF_FORMAT [ARGUMENT...]
    # shellcheck disable=SC2059 # the caller's format
    printf "${@:2}" >"$TEST_DIR/message"
    rejects_file "$TEST_DIR/message" "$1"
}
inbox_is_empty() { [ "$(servers_redis llen "$Q:jobs")" = 0 ] && [ "$(servers_redis llen "$Q:intake")" = 0 ]; }
honest_job_is_done() { # behind what was sent before
    run_job demo "$honest"
    wait_until 20 inbox_is_empty
}

note 'nothing, and what is no map'
rejects 'empty' ' '
rejects 'empty' '\n\t  \r\n'
servers_redis rpush "$Q:jobs" '' >/dev/null && n_rejected=$((n_rejected + 1)) && wait_until 20 are_rejected
expect_match empty "$(newest_dead reason)" 'reason for no bytes'
rejects 'not a map' '[1,2,3]'
rejects 'not a map|JSON' '"a text"'
rejects 'MessagePack' 'true'
rejects 'not a map' '\300'                # nil
rejects 'not a map' '\001'                # 1
rejects 'MessagePack' 'plain words'
rejects 'JSON' '{"shop":"demo","upload":"x"'
rejects 'JSON' '{"shop":"demo","upload":"x"} {"shop":"demo","upload":"y"}'
rejects 'JSON' '{"shop":"demo","upload":"x"}\000'
rejects 'shop.*missing' '{}'
rejects 'shop.*missing' '\200'            # an empty map
honest_job_is_done

note 'wrong types, sizes and figures'
demo='"shop":"demo","upload":"x"'
rejects '"shop"' '{"shop":1,"upload":"x"}'
rejects '"upload"' '{"shop":"demo","upload":["x"]}'
rejects '"upload".*1 to 128' '{"shop":"demo","upload":""}'
rejects '"shop".*1 to 128' '{"shop":"%0129d","upload":"x"}' 0
rejects '"job".*1 to 128' '{%s,"job":"%0129d"}' "$demo" 0
rejects '"v"' '{%s,"v":2}' "$demo"
rejects '"v"' '{%s,"v":"1"}' "$demo"
rejects '"force"' '{%s,"force":1}' "$demo"
rejects '"cancel"' '{%s,"cancel":"yes"}' "$demo"
rejects '"priority"' '{%s,"priority":0}' "$demo"
rejects '"priority"' '{%s,"priority":"urgent"}' "$demo"
rejects '"at"' '{%s,"at":"tomorrow"}' "$demo"
rejects '"at"' '{%s,"at":-1}' "$demo"
rejects '"at"' '{%s,"at":99999999999999}' "$demo"
rejects '"at"' '{%s,"at":[]}' "$demo"
rejects '"delay_s"' '{%s,"delay_s":-1}' "$demo"
rejects '"delay_s"' '{%s,"delay_s":1.5}' "$demo"
rejects '"delay_s"' '{%s,"delay_s":2592001}' "$demo"
rejects '"delay_s"' '{%s,"delay_s":9223372036854775807}' "$demo"
rejects 'JSON' '{%s,"delay_s":99999999999999999999999999}' "$demo"
rejects 'JSON' '{%s,"options":{"max_discount":1e400}}' "$demo"
rejects 'JSON' '{%s,"options":{"max_discount":NaN}}' "$demo"
rejects 'options' '{%s,"options":7}' "$demo"
rejects 'bundles' '{%s,"options":{"bundles":"all"}}' "$demo"
rejects 'bundles' '{%s,"options":{"bundles":10001}}' "$demo"
rejects 'pin' '{%s,"options":{"pin":{"a":1}}}' "$demo"
rejects 'pin' '{%s,"options":{"pin":[[["a"]]]}}' "$demo"
rejects 'colour' '{%s,"colour":"red"}' "$demo"
rejects 'JSON|duplicate' '{%s,"shop":"other"}' "$demo"
rejects 'shop.*twice' '\203\244shop\244demo\246upload\241x\244shop\241y'
honest_job_is_done

note 'bytes that are no text'
rejects 'JSON' '{"shop":"demo","upload":"x\\u0000y"}'
rejects 'JSON' '{"shop":"demo","upload":"caf\351"}'
rejects 'JSON' '{"shop":"demo","upload":"\300\257"}'
rejects 'JSON' '{"shop":"demo","upload":"\355\240\200"}'
rejects '"upload".*control' '{"shop":"demo","upload":"a\\nb"}'
rejects '"shop".*control' '{"shop":"a\\u007fb","upload":"x"}'
rejects '"upload"' '\202\244shop\244demo\246upload\243x\000y'
rejects '"upload"' '\202\244shop\244demo\246upload\242x\377'
rejects '"upload"' '\202\244shop\244demo\246upload\304\001x' # binary
rejects 'not a text|does not know' '\203\244shop\244demo\246upload\241x\001\002'
rejects 'does not know' '\203\244shop\244demo\246upload\241x\243a\377b\002'
rejects 'MessagePack' '\335\020\000\000\000'  # an array of 268 million
rejects 'MessagePack' '\337\377\377\377\377'  # a map of 4 thousand million
rejects 'MessagePack' '\333\377\377\377\377x' # a text of 4 GB
rejects 'MessagePack' '\301'
rejects 'MessagePack' '\202\244shop\244demo\246upload\241x\300' # and one byte more
honest_job_is_done

note 'depth 10,000'
deep() { # deep OPEN N CLOSE: nested
    local open close
    printf -v open '%*s' "$2" ''
    close=${open// /$3}
    printf '%s%s' "${open// /$1}" "$close"
}
deep '[' 10000 ']' >"$TEST_DIR/message"
rejects_file "$TEST_DIR/message" 'JSON|deep'
deep '{"a":' 10000 '}' >"$TEST_DIR/message"
rejects_file "$TEST_DIR/message" 'JSON|deep'
{ printf '{"shop":"demo","upload":"x","options":' && deep '[' 30 ']' && printf '}'; } >"$TEST_DIR/message"
rejects_file "$TEST_DIR/message" 'deep'
deep $'\x91' 10000 '' >"$TEST_DIR/message"
rejects_file "$TEST_DIR/message" 'deep|MessagePack'
honest_job_is_done

note '100 MB'
head -c 100000000 /dev/zero | tr '\0' '{' >"$TEST_DIR/message"
rejects_file "$TEST_DIR/message" 'queue.payload_bytes_max'
{ printf '{"shop":"demo","upload":"%s","options":{}}' "$honest" && head -c 100000000 /dev/zero | tr '\0' ' '; } >"$TEST_DIR/message"
rejects_file "$TEST_DIR/message" 'queue.payload_bytes_max'
servers_redis xrevrange "$Q:dead" + - count 1 >"$TEST_DIR/entry"
expect test "$(wc -c <"$TEST_DIR/entry")" -lt 70000 # what is kept of it
rm "$TEST_DIR/message" "$TEST_DIR/entry"
honest_job_is_done
expect_small

note 'an id that would reach into the keys of other jobs, or is that of another upload'"'"'s job'
rejects '"job".*without' '{%s,"job":"%s:tasks"}' "$demo" "$JOB"
rejects '"job".*without' '{%s,"job":"%s/prepare"}' "$demo" "$JOB"
rejects 'another upload' '{%s,"job":"%s"}' "$demo" "$JOB"
rejects 'another upload' '{"shop":"other","upload":"%s","job":"%s","force":true}' "$honest" "$JOB"
expect_equal final "$(job_field "$JOB" state)" 'the job that has the id'
expect_sound_events "$JOB"

note 'names that are odd, but names'
odd_names() {
    jq -c . <<'END'
["a:b/c%d", "%25%3A:x", "*", "?[a-z]{b}", "'"]
["it's \"quoted\" \\ back", "| pipe | | 1|2|3", "{bundles}:jobs", "../../etc/passwd", "a b\u00a0c\u2028d"]
["-", "--help", "$(id);`id`", "%s%n%d", "\ud83d\ude00\u202etxt"]
END
    jq -nc '[range(5) | "é" * 64 | .[:64]]'
}
n=0
while read -r names; do
    for i in 0 1 2 3 4; do
        n=$((n + 1))
        name=$(jq -r ".[$i]" <<<"$names")
        jq -nc --arg name "$name" --arg job "${name//[:\/]/.}$n" --arg upload "$honest" \
            '{v: 1, shop: $name, $upload, job: ($job | if utf8bytelength > 128 then "long-name" else . end)}' >"$TEST_DIR/message"
        JOB=$(jq -r .job "$TEST_DIR/message")
        push "$(cat "$TEST_DIR/message")"
        wait_for_job "$JOB"
        expect_equal failed "$(job_field "$JOB" state)" "a job of shop $name" # it has no such upload
        expect_sound_events "$JOB"
        expect_equal "$name" "$(jq -r '.[0].shop' "$TEST_DIR/events.json")" 'shop in the events'
    done
done < <(odd_names)
strange="it's %3A:{a}|*?[b]/\"c\""
cp -r "$TEST_DIR/demo" "$TEST_DIR/strange"
load "$strange" "$TEST_DIR"/strange/{orders,variants,inventory,catalog}.csv
run_job "$strange" "$UPLOAD"
bundles_of "$strange" "$UPLOAD" >"$TEST_DIR/strange.json"
expect_sound_bundles "$TEST_DIR/strange.json"
servers_psql "update csv_uploads set run_id = 'run: %25/*|''\"' where shop_id = 'demo'"
run_job demo "run: %25/*|'\""
servers_psql "update csv_uploads set run_id = '$honest' where shop_id = 'demo'"
honest_job_is_done

note 'messages that equal each other are each their own'
servers_redis rpush "$Q:jobs" 'same' 'same' 'same' >/dev/null
n_rejected=$((n_rejected + 3))
wait_until 20 are_rejected

note 'fuzzed MessagePack and JSON'
seed=${SEED:-$RANDOM}
note "seed $seed"
json=$(printf '{"v":1,"shop":"fuzz","upload":"u","priority":"bulk","delay_s":0,"options":{"bundles":5,"pin":["a"]}}' | od -An -v -tx1 | tr -d ' \n')
packed=$(printf '\206\241v\001\244shop\244fuzz\246upload\241u\250priority\244bulk\247delay_s\000\247options\202\247bundles\005\243pin\221\241a' |
    od -An -v -tx1 | tr -d ' \n')
n_fuzzed=3000
awk -v seed="$seed" -v n="$n_fuzzed" -v key="$Q:jobs" -v json="$json" -v packed="$packed" '
    function byte() { return sprintf("%02x", int(rand() * 256)) }
    BEGIN {
        srand(seed)
        for (i = 0; i < n; i++) {
            hex = i % 2 ? json : packed
            for (k = 1 + int(rand() * 4); k > 0; k--) {
                at = 2 * int(rand() * length(hex) / 2)
                what = rand()
                if (what < 0.5) hex = substr(hex, 1, at) byte() substr(hex, at + 3)
                else if (what < 0.7) hex = substr(hex, 1, at) byte() substr(hex, at + 1)
                else if (what < 0.85) hex = substr(hex, 1, at) substr(hex, at + 3)
                else if (what < 0.95) hex = substr(hex, 1, at) substr(hex, 1 + 2 * int(rand() * length(hex) / 2))
                else hex = substr(hex, 1, at)
            }
            if (hex == "") hex = "00"
            gsub(/../, "\\x&", hex)
            printf "RPUSH %s \"%s\"\n", key, hex
        }
    }' | servers_redis >"$TEST_DIR/pushed"
expect_equal "$n_fuzzed" "$(grep -c '^[0-9]' "$TEST_DIR/pushed")" 'messages pushed'
wait_until 60 inbox_is_empty
honest_job_is_done
nothing_is_open() { [ "$(servers_redis zcard "$Q:open")" = "$(servers_redis zcard "$Q:delayed")" ]; } # some ask for a delay
wait_until 60 nothing_is_open
note "of $n_fuzzed: $(($(stat_of jobs_rejected) - n_rejected)) rejected, $(stat_of jobs_joined) joined, $(stat_of jobs_failed) failed"
n_rejected=$(stat_of jobs_rejected)
expect test "$n_rejected" -gt 1000

note '10,000 junk messages at once, an honest one behind them'
started_us=${EPOCHREALTIME/[.,]/}
awk -v key="$Q:jobs" 'BEGIN { for (i = 0; i < 10000; i++) printf "RPUSH %s \"junk %d\"\n", key, i }' | servers_redis >/dev/null
honest_job_is_done
n_rejected=$((n_rejected + 10000))
wait_until 60 are_rejected
note "digested in $(((${EPOCHREALTIME/[.,]/} - started_us) / 1000)) ms"
expect_equal 1000 "$(servers_redis xlen "$Q:dead")" 'entries kept of the dead'
expect_small

note 'what listeners heard was JSON in UTF-8'
has_heard_all() { [ "$(grep -c '"status":"rejected"' "$TEST_DIR/heard")" -ge "$n_rejected" ]; }
wait_until 20 has_heard_all
kill "$listener"
wait "$listener" 2>/dev/null || true # as told
grep '^{"v"' "$TEST_DIR/heard" >"$TEST_DIR/events"
expect iconv -f UTF-8 -t UTF-8 -o /dev/null "$TEST_DIR/events"
jq -e -s 'all(.[]; .status | length > 0)' "$TEST_DIR/events" >/dev/null || fail 'an event is not JSON'
expect_equal '' "$(stat_of mended)" 'mended by a sweep'
expect workers_stop
