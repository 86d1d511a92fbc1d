# shellcheck shell=bash
# Redis servers of a test's own, to be killed, frozen, filled up, failed over; sourced after test.sh.
#
#     redis_start main --appendonly yes    # on $TEST_DIR/main.sock, its files in $TEST_DIR/main
#     redis_use main                       # servers_redis, push, job_field and workers talk to this one from now on
#     redis_signal main KILL
#     redis_start main --appendonly yes    # again, with what it had
#
# They die with the test, however that ends.

declare -A redis_pids=()

redis_start() { # redis_start NAME [option...]; true when it answers. It has no TCP port, unless with --port
    local ports=(--port 0)
    [[ " $* " != *' --port '* ]] || ports=(--bind 127.0.0.1)
    rm -f "$TEST_DIR/$1.sock"
    redis_spawn "$1" "${ports[@]}" --save '' --unixsocket "$TEST_DIR/$1.sock" "${@:2}"
    servers_wait_for "${redis_pids[$1]}" redis_is_up "$1" || servers_fail "$TEST_DIR/$1.log" "Redis $1 did not start"
}

redis_spawn() { # redis_spawn NAME ARGUMENT...
    mkdir -p "$TEST_DIR/$1"
    # shellcheck disable=SC2034 # servers_spawn reads it: as nobody else
    servers_as=()
    servers_spawn KILL "$TEST_DIR/$1.log" "$(command -v redis-server || command -v valkey-server)" "${@:2}" --dir "$TEST_DIR/$1"
    redis_pids[$1]=$!
}

# A Sentinel that watches the master "shop-master" on that port; its own port is in $PORT then.
redis_start_sentinel() { # redis_start_sentinel NAME MASTER_PORT QUORUM [line of its configuration...]
    redis_free_port
    mkdir -p "$TEST_DIR/$1"
    printf '%s\n' "port $PORT" 'bind 127.0.0.1' "sentinel monitor shop-master 127.0.0.1 $2 $3" \
        'sentinel down-after-milliseconds shop-master 2000' 'sentinel failover-timeout shop-master 3000' "${@:4}" \
        >"$TEST_DIR/$1/sentinel.conf"
    redis_spawn "$1" "$TEST_DIR/$1/sentinel.conf" --sentinel
}

redis_is_up() { # redis_is_up NAME: it has loaded
    [ "$(redis_of "$1" ping 2>/dev/null)" = PONG ]
}

redis_of() { # redis_of NAME COMMAND...
    "$SERVERS_REDIS_CLI" -s "$TEST_DIR/$1.sock" "${@:2}"
}

redis_use() { # redis_use NAME
    SERVERS_REDIS_SOCKET=$TEST_DIR/$1.sock
    export BUNDLE_REDIS_URL=unix://$SERVERS_REDIS_SOCKET
}

redis_signal() { # redis_signal NAME SIGNAL; after KILL it is gone
    kill "-$2" "${redis_pids[$1]}"
    [ "$2" != KILL ] || wait "${redis_pids[$1]}" 2>/dev/null || true # killed, as told
}

redis_free_port() { # a port of 127.0.0.1 that nobody listens on, in $PORT
    for _ in {1..100}; do
        PORT=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || return 0
    done
    fail 'no free port'
}

test_cleanup() { # test.sh calls it at the end: a frozen server does not hear that its parent died
    local pid
    for pid in "${redis_pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true # it may be gone
    done
}

# Who else connects, with a right password or not: asking takes a connection each time.
redis_connections() { servers_redis info stats | sed -n 's/^total_connections_received:\([0-9]*\).*/\1/p'; }
redis_count_connections() { # from now on
    connections_before=$(redis_connections) connections_ours=0
}
redis_others_connected() { # redis_others_connected N: times since then
    connections_ours=$((connections_ours + 1))
    [ $(($(redis_connections) - connections_before - connections_ours)) -ge "$1" ]
}

# What an outage must not do.

expect_no_attempt_burnt() { # expect_no_attempt_burnt JOB
    local burnt
    burnt=$(servers_redis hvals "{$BUNDLE_QUEUE_NAME}:job:$1:tasks" | grep -E '^[a-z]\|[0-9]+\|[0-9]+\|' | grep -Ev '^[a-z]\|0\|0\|' || true)
    expect_equal '' "$burnt" "attempts or crashes of $1"
}

# Of all workers, what does not tell of a job's own progress.
log_of_trouble() {
    grep -hEv 'msg="(upload loaded and mined|upload found in the cache|artefact too large|bundles published|job |preliminary )' \
        "$WORKERS_DIR"/worker-*.log
}

expect_quiet_logs() { # expect_quiet_logs LINES_BEFORE WORKERS: fewer than 20 more each
    local lines
    lines=$(($(log_of_trouble | wc -l) - $1))
    [ "$lines" -lt $((20 * $2)) ] || fail "$lines log lines of $2 workers: $(log_of_trouble | cut -c 1-200 | tail -n 60)"
}

# config/redis.acl as an operator makes it his own, for this test's queue: in $TEST_DIR/users.acl. The passwords are in
# $TEST_DIR/USER.password and in $ADMIN_PASSWORD, $WORKER_PASSWORD, $WEB_PASSWORD, $OPERATOR_PASSWORD.
redis_make_acl() {
    local user hash expressions=(-e '/^#/d' -e '/^$/d' -e "s/{bundles}/{$BUNDLE_QUEUE_NAME}/g")
    for user in admin worker web operator; do
        od -An -N 16 -tx1 /dev/urandom | tr -d ' \n' >"$TEST_DIR/$user.password"
        hash=$(sha256sum <"$TEST_DIR/$user.password" | cut -c 1-64)
        expressions+=(-e "s/@${user^^}@/$hash/")
        printf -v "${user^^}_PASSWORD" %s "$(cat "$TEST_DIR/$user.password")"
    done
    sed "${expressions[@]}" config/redis.acl >"$TEST_DIR/users.acl"
}

redis_as() { # redis_as USER PASSWORD COMMAND...
    "$SERVERS_REDIS_CLI" -s "$SERVERS_REDIS_SOCKET" --user "$1" -a "$2" --no-auth-warning "${@:3}"
}
