#!/usr/bin/env bash
# A shop with a hundred queued jobs does not delay a shop with one: that one is final while most of the hundred have not
# ended, sooner than its turn in a line would come. No shop runs more tasks than its cap, over all workers. Jobs that wait
# are begun by their priority, and bulk does not starve.
# time limit: 240 s
source "$(dirname "$0")/../support/test.sh"

Q="{$BUNDLE_QUEUE_NAME}"
n_big=100
load_generated big 600 --seed 21
load_copies big "$n_big"
load_generated small 600 --seed 22
small=$UPLOAD

n_open() { servers_redis zcard "$Q:open"; }
n_begun() { servers_redis zcount "$Q:open" -inf '(9000000000000000'; }
all_have_ended() { [ "$(n_open)" = 0 ] && [ "$(servers_redis llen "$Q:jobs")" = 0 ]; }
push_many() { # push_many FROM TO MEMBERS: jobs of big, all in the inbox before the first of another shop
    local i
    for ((i = $1; i <= $2; i++)); do
        printf 'RPUSH %s:jobs %s\n' "$Q" "'{\"shop\":\"big\",\"upload\":\"copy-$i\",\"job\":\"big-$i\"$3}'"
    done | servers_redis >/dev/null
}
another_queue() { # none of the jobs before
    export BUNDLE_QUEUE_NAME=$BUNDLE_QUEUE_NAME-more
    Q="{$BUNDLE_QUEUE_NAME}"
}
ended_at() { job_field "$1" ended; }

note 'beside a hundred jobs of another shop'
workers_start 2
push_many 1 "$n_big" ''
push "{\"shop\":\"small\",\"upload\":\"$small\",\"job\":\"small\"}"
begun_max=0
until job_has_ended small; do
    begun=$(n_begun)
    begun_max=$((begun > begun_max ? begun : begun_max))
done
expect_equal final "$(job_field small state)" "small ($(job_field small reason))"
expect test "$begun_max" -le 20 # else all begin, and none ends
wait_until 120 all_have_ended
left=$(for ((i = 1; i <= n_big; i++)); do echo "HGET $Q:job:big-$i ended"; done | servers_redis | awk -v small="$(ended_at small)" '$1 > small' | wc -l)
note "$left of $n_big were left when it was final; $begun_max jobs had begun at a time"
expect test "$left" -gt $((n_big / 2))
expect_equal $((n_big + 1)) "$(stat_of jobs_final)" 'jobs final'
expect_equal '' "$(stat_of mended)" 'mended by a sweep'
expect workers_stop

note 'a cap on what one shop runs'
export BUNDLE_QUEUE_SHOP_RUNNING_MAX=2 BUNDLE_WORKER_SLOTS=4
another_queue
workers_start 2
push_many 1 20 ''
busy_max=0
until all_have_ended && [ "$(stat_of jobs_final)" = 20 ]; do
    busy=$(servers_redis scard "$Q:busy:big")
    busy_max=$((busy > busy_max ? busy : busy_max))
    [ "$SECONDS" -lt $((200 * ${TEST_PATIENCE:-1})) ] || fail "the capped jobs do not end: $(n_open) open"
done
expect_equal 2 "$busy_max" 'most tasks of the shop at once'
expect workers_stop
unset BUNDLE_QUEUE_SHOP_RUNNING_MAX

note 'priorities: who waits is begun in their order'
export BUNDLE_WORKER_SLOTS=1
another_queue
push_many 1 12 ',"priority":"bulk"'
push_many 13 24 ''
push_many 25 36 ',"priority":"interactive"'
workers_start 1
all_are_admitted() { [ "$(stat_of jobs_admitted)" = 36 ]; }
wait_until 10 all_are_admitted
wait_until 60 all_have_ended
mean_end() { # mean_end FROM TO: of these jobs, ms
    local i sum=0
    for ((i = $1; i <= $2; i++)); do sum=$((sum + $(ended_at "big-$i"))); done
    echo $((sum / ($2 - $1 + 1)))
}
bulk=$(mean_end 1 12) normal=$(mean_end 13 24) interactive=$(mean_end 25 36)
note "interactive, then normal $((normal - interactive)) ms later, then bulk $((bulk - normal)) ms later"
expect test "$interactive" -lt "$normal"
expect test "$normal" -lt "$bulk"
first_bulk=$(for ((i = 1; i <= 12; i++)); do job_field "big-$i" started; done | sort -n | head -n 1)
last_interactive=$(for ((i = 25; i <= 36; i++)); do ended_at "big-$i"; done | sort -n | tail -n 1)
expect test "$first_bulk" -lt "$last_interactive" # a bulk job is begun although others wait
expect workers_stop
