#!/usr/bin/env bash
# A Redis that knows only the users of config/redis.acl: worker, web application and operator do all of their work with
# those rights, and nothing else. A wrong password and a missing right are said once, with the remedy, and tried again
# until they are mended; a password is rotated under a running worker. No password is in any log.
source "$(dirname "$0")/../support/test.sh"
source tests/support/redis.sh

export BUNDLE_QUEUE_LEASE_MS=1500 BUNDLE_QUEUE_BEAT_MS=200 BUNDLE_QUEUE_SWEEP_MS=200
readonly Q="{$BUNDLE_QUEUE_NAME}"

note 'every command of the scripts and of the program is granted'
commands_of() { # commands_of SCRIPT...
    grep -ohE "\bcall\([^,]*'[A-Z]+'" "$@" | grep -oE "'[A-Z]+'" | tr -d "'"
}
operators_scripts=$(ls common/scripts/{audit,inspect,overview,pause,retry}.lua) # bundlectl's alone
worker_rights=" $(grep '^user bundle-worker ' config/redis.acl) "
operator_rights=" $(grep '^user bundle-operator ' config/redis.acl) "
commands=$({
    # shellcheck disable=SC2046
    commands_of $(find common/scripts -name '*.lua' | grep -Fvx "$operators_scripts")
    grep -ohE "'[LR]PUSH' or '[LR]PUSH'" common/scripts/*.lua | grep -oE '[LR]PUSH'
    grep -ohE 'redis_cmd_init\([^,]*, "[A-Z]+"' common/queue.c worker/stages/*.c worker/store/*.c worker/copy/*.c | grep -oE '"[A-Z]+"' | tr -d '"'
    grep -ohE 'begin_cmd\([^,]*, "[A-Z]+"' worker/store/*.c | grep -oE '"[A-Z]+"' | tr -d '"'
} | sort -u)
[ "$(wc -l <<<"$commands")" -gt 30 ] || fail "only these commands were found: $commands"
for command in $commands; do
    [[ $worker_rights == *" +${command,,} "* ]] || fail "bundle-worker may not $command"
done
# shellcheck disable=SC2086
for command in $commands $(commands_of $operators_scripts) $(grep -ohE 'redis_cmd_init\([^,]*, "[A-Z]+"' worker/ctl/*.c | grep -oE '"[A-Z]+"' | tr -d '"' | sort -u); do
    [[ $operator_rights == *" +${command,,} "* ]] || fail "bundle-operator may not $command"
done
for word in $worker_rights; do
    [[ $word != +* || $word == +@* || $word == *'|'* || " ping role select eval evalsha time " == *" ${word#+} "* ]] ||
        [[ $'\n'$commands$'\n' == *$'\n'"$(tr '[:lower:]' '[:upper:]' <<<"${word#+}")"$'\n'* ]] || fail "nothing needs $word"
done

redis_make_acl
export REDISCLI_AUTH=$ADMIN_PASSWORD # of the helpers that look into Redis
redis_start main --aclfile "$TEST_DIR/users.acl"
redis_use main
as_worker() { redis_as bundle-worker "$WORKER_PASSWORD" "$@"; }
as_web() { redis_as bundle-web "$WEB_PASSWORD" "$@"; }
as_operator() { redis_as bundle-operator "$OPERATOR_PASSWORD" "$@"; }
expect_refused() { # expect_refused COMMAND...: for want of a right
    expect_match 'NOPERM' "$("$@" 2>&1)" "$*"
}

note 'what nobody but the administrator may'
servers_redis set foreign:key secret >/dev/null
servers_redis hset "$Q:job:x" payload private >/dev/null
for user in as_worker as_web as_operator; do
    expect_refused "$user" flushall
    expect_refused "$user" flushdb
    expect_refused "$user" keys '*'
    expect_refused "$user" config get requirepass
    expect_refused "$user" get foreign:key
    expect_refused "$user" rpush '{other}:jobs' x
    expect_refused "$user" script flush
    expect_refused "$user" acl list
    expect_refused "$user" shutdown
    expect_refused "$user" monitor
    expect_refused "$user" replicaof 127.0.0.1 1
    expect_refused "$user" subscribe other:channel
done
expect_match 'NOPERM|executing the script|ACL failure in script' "$(as_worker eval "return redis.call('GET', 'foreign:key')" 1 "$Q" 2>&1)" 'a script that reads a foreign key'
note 'what the web application may not'
expect_refused as_web hget "$Q:job:x" payload
expect_refused as_web lpop "$Q:jobs"
expect_refused as_web del "$Q:progress:x"
expect_refused as_web eval 'return 1' 0
expect_refused as_web publish "$Q:progress:x" lies
expect_refused as_web subscribe "$Q:progress"
servers_redis del foreign:key "$Q:job:x" >/dev/null

note 'a worker with the wrong password says so once, and goes on when the file is right'
export BUNDLE_REDIS_URL="unix://bundle-worker:@$SERVERS_REDIS_SOCKET" BUNDLE_REDIS_PASSWORD_FILE=$TEST_DIR/now.password
echo wrong >"$TEST_DIR/now.password"
load_generated demo 3000 --seed 5
workers_start 1
complaints() { grep -c 'WRONGPASS' "$TEST_DIR/worker-1.log"; }
redis_count_connections
wait_until 20 redis_others_connected 10
expect_match 'WRONGPASS.*redis.password_file' "$(cat "$TEST_DIR/worker-1.log")" 'the complaint'
[ "$(complaints)" -le 4 ] || fail "$(complaints) complaints about the password" # the loop and the heartbeat, each once
cp "$TEST_DIR/worker.password" "$TEST_DIR/now.password"
is_connected() { servers_redis client list | grep -q name=bundle-worker-command; }
wait_until 20 is_connected

note 'the web application asks, and hears'
expect_status 0 timeout $((60 * TEST_PATIENCE)) env QUEUE="$BUNDLE_QUEUE_NAME" REDIS_URL="unix://bundle-web@$SERVERS_REDIS_SOCKET?password=$WEB_PASSWORD" \
    /usr/bin/python3 scripts/examples/enqueue.py demo "$UPLOAD"
expect_match '100% final' "$(tail -n 1 <<<"$OUTPUT")" 'the last event'
expect_match final "$(as_web hget "$Q:progress:demo:$UPLOAD" event)" 'the latest event, for a late listener'

note 'the operator asks, waits and cancels'
operator() { BUNDLE_REDIS_URL="unix://bundle-operator:$OPERATOR_PASSWORD@$SERVERS_REDIS_SOCKET" BUNDLE_REDIS_PASSWORD_FILE='' bundlectl "$@"; }
expect operator enqueue --shop demo "$UPLOAD" --force --wait
as_web rpush "$Q:jobs" "{\"shop\":\"demo\",\"upload\":\"$UPLOAD\",\"force\":true,\"job\":\"later\",\"delay_s\":3600}" >/dev/null
is_scheduled() { [ "$(job_field later state)" = open ]; }
wait_until 10 is_scheduled
expect operator cancel later
wait_for_job later
expect_equal cancelled "$(job_field later state)" 'the scheduled job'

note 'a bad message, a dead worker, a retry'
as_web rpush "$Q:jobs" 'no job' >/dev/null
is_buried() { [ "$(servers_redis xlen "$Q:dead")" = 1 ]; }
wait_until 10 is_buried
workers_kill
workers_start 1
run_job demo "$UPLOAD"
expect_sound_events "$JOB"

note 'the password is rotated under the running worker'
printf %s 'the next one' >"$TEST_DIR/now.password"
servers_redis acl setuser bundle-worker resetpass '>the next one' >/dev/null
servers_redis client kill user bundle-worker >/dev/null
wait_until 20 is_connected
run_job demo "$UPLOAD"

note 'a right that is missing is named, once, and found again'
servers_redis acl setuser bundle-worker -evalsha -eval >/dev/null
as_web rpush "$Q:jobs" "{\"shop\":\"demo\",\"upload\":\"$UPLOAD\",\"force\":true,\"job\":\"unlawful\"}" >/dev/null
says_right() { grep -q 'config/redis.acl' "$TEST_DIR/worker-2.log"; }
wait_until 10 says_right
servers_redis acl setuser bundle-worker +evalsha +eval >/dev/null
wait_for_job unlawful
expect_equal final "$(job_field unlawful state)" 'the job that waited for a right'
expect_sound_events unlawful
refusals=$(grep -c 'config/redis.acl' "$TEST_DIR/worker-2.log")
[ "$refusals" -lt 10 ] || fail "$refusals lines about one right"
expect workers_stop

for password in "$ADMIN_PASSWORD" "$WORKER_PASSWORD" "$WEB_PASSWORD" "$OPERATOR_PASSWORD" 'the next one'; do
    ! grep -qF -- "$password" "$TEST_DIR"/worker-*.log || fail 'a password is in a log'
done
