#!/usr/bin/env bash
# A shop with a hundred queued jobs does not delay a shop with one: that one is final while most of the hundred have not
# ended, and in a few times the time it takes alone.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"

Q="{$BUNDLE_QUEUE_NAME}"
n_big=100
load_generated big 600 --seed 21
load_copies big "$n_big"
load_generated small 600 --seed 22
small=$UPLOAD

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

note 'alone'
workers_start 2
run_job small "$small"
run_job small "$small"

started=$(now_ms)
for ((i = 1; i <= n_big; i++)); do
    printf 'RPUSH %s:jobs %s\n' "$Q" "'{\"shop\":\"big\",\"upload\":\"copy-$i\",\"job\":\"big-$i\"}'"
done | servers_redis >/dev/null
n_open() { servers_redis zcard "$Q:open"; }
some_run() { [ "$(servers_redis hget "$Q:stats" jobs_final)" -ge 8 ] || [ $(( $(now_ms) - started)) -gt 800 ]; }
wait_until 60 some_run
note "after $(( $(now_ms) - started)) ms: $(servers_redis hget "$Q:stats" jobs_final) final; started $(servers_redis zcount "$Q:open" -inf 8000000000000000)"
pushed=$(now_ms)
push "{\"shop\":\"small\",\"upload\":\"$small\",\"job\":\"small\"}"
wait_for_job small
note "small: $(( $(now_ms) - pushed)) ms; left of big: $(n_open)"
all_done() { [ "$(n_open)" = 0 ]; }
wait_until 60 all_done
note "all: $(( $(now_ms) - started)) ms"
job_events small | jq -c '.[]|[.status,.step,.elapsed_ms]'
exit 1
