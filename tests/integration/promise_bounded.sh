#!/usr/bin/env bash
# Redis is as large after many jobs as after a few: ended jobs beyond queue.jobs_kept are forgotten, also failed,
# cancelled and rejected ones, and no key is without a TTL but those that common/PROTOCOL.md names.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"
source tests/support/redis.sh

Q="{$BUNDLE_QUEUE_NAME}"
export BUNDLE_QUEUE_JOBS_KEPT=20 BUNDLE_QUEUE_DEAD_MAX=20 BUNDLE_QUEUE_LOG_MAX=20 BUNDLE_CACHE_REDIS_BYTES_MAX=1024
redis_start alone # its size is looked at
redis_use alone
load_generated demo 100 --seed 81
load_copies demo 25
is_quiet() {
    [ "$(servers_redis llen "$Q:jobs")$(servers_redis llen "$Q:intake")$(servers_redis zcard "$Q:open")$(servers_redis zcard "$Q:ended")" = 0000 ]
}
used_memory() { servers_redis info memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p'; }
run_round() { # 60 jobs: most end final, some fail, some are cancelled; and some messages that are no jobs
    local i
    for ((i = 1; i <= 60; i++)); do
        printf "RPUSH %s:jobs '%s'\n" "$Q" "$(
            case $((i % 6)) in
            0) printf '{"shop":"demo","upload":"not-there-%d"}' "$RANDOM" ;;
            1) printf '{"shop":"demo","upload":"copy-%d","delay_s":600}' $((i % 25 + 1)) ;;
            *) printf '{"shop":"demo","upload":"copy-%d","priority":"bulk"}' $((i % 25 + 1)) ;;
            esac
        )"
        printf "RPUSH %s:jobs '%s'\n" "$Q" 'no job at all'
    done | servers_redis >/dev/null
    for ((i = 1; i <= 25; i++)); do push "{\"shop\":\"demo\",\"upload\":\"copy-$i\",\"cancel\":true}"; done
    wait_until 60 is_quiet
}
workers_start 2
for _ in 1 2; do run_round; done
# Single flight keeps who makes what for as long as a task may take: minutes of jobs, not all that there were.
n_keys() { servers_redis --scan | grep -vc "^$Q:maker:"; }
keys_few=$(n_keys) bytes_few=$(used_memory)
for _ in 1 2 3 4 5; do run_round; done
keys_many=$(n_keys) bytes_many=$(used_memory)
ended=$(($(stat_of jobs_final) + $(stat_of jobs_failed) + $(stat_of jobs_cancelled)))
note "$ended jobs: $(stat_of jobs_final) final, $(stat_of jobs_failed) failed, $(stat_of jobs_cancelled) cancelled; $(stat_of jobs_rejected) rejected"
note "keys: $keys_few, then $keys_many; bytes: $bytes_few, then $bytes_many"
expect test "$(stat_of jobs_failed)" -ge 50
expect test "$(stat_of jobs_cancelled)" -ge 5
expect test "$keys_many" -le $((keys_few + 20)) # some ended jobs share an upload, some do not
expect test "$bytes_many" -le $((bytes_few + bytes_few / 5))
expect_equal 20 "$(servers_redis zcard "$Q:kept")" 'ended jobs kept'
expect_equal 20 "$(servers_redis xlen "$Q:dead")" 'entries among the dead'
expect test "$(servers_redis keys "$Q:job:*:log" | wc -l)" -le 20

note 'every key has a TTL, but for the ones that are named'
# shellcheck disable=SC2016 # backquotes of Markdown
# But "until the job ends", of the keys of a job: they have one all the same.
lasting=$(sed -n 's/^| `Q:\([a-z]*\)\(:<[^`]*\)\?` .*| *\(for ever\|while[^|]*\|until[^|]*\|`queue[^|]*entries\|\) *|$/\1/p' common/PROTOCOL.md | sort -u | grep -vx job)
expect test "$(wc -w <<<"$lasting")" -ge 12
everlasting() {
    local key name
    servers_redis --scan | while read -r key; do
        [ "$(servers_redis pttl "$key")" = -1 ] || continue
        name=${key#"$Q:"}
        grep -qx -- "${name%%:*}" <<<"$lasting" || echo "$key"
    done
}
expect_equal '' "$(everlasting)" 'keys that live for ever'
for key in job:j job:j:results progress:demo:u; do # it would see them
    servers_redis set "$Q:$key" 1 >/dev/null
    expect_equal "$Q:$key" "$(everlasting)" 'keys that live for ever'
    servers_redis del "$Q:$key" >/dev/null
done
expect_equal '' "$(stat_of mended)" 'mended by a sweep'
expect workers_stop
