# shellcheck shell=bash
# Redis servers of a test's own, to be killed, frozen, filled up, failed over; sourced after test.sh.
#
#     redis_start main --appendonly yes    # on $TEST_DIR/main.sock, its files in $TEST_DIR/main
#     redis_use main                       # servers_redis, push, job_field and workers talk to this one from now on
#     redis_signal main KILL
#     redis_start main --appendonly yes    # again, with what it had
#
# They die with the test, however that ends.

declare -A redis_pids=() redis_ports=()

redis_start() { # redis_start NAME [option...]; true when it answers
    redis_spawn "$1" redis-server "${@:2}" --save '' --unixsocket "$TEST_DIR/$1.sock"
    [[ " $* " == *' --port '* ]] || redis_ports[$1]=0
    servers_wait_for "${redis_pids[$1]}" redis_is_up "$1" || servers_fail "$TEST_DIR/$1.log" "Redis $1 did not start"
}

redis_spawn() { # redis_spawn NAME PROGRAM ARGUMENT...
    local program
    program=$(command -v "$2" || command -v "${2/redis/valkey}")
    mkdir -p "$TEST_DIR/$1"
    rm -f "$TEST_DIR/$1.sock"
    servers_as=()
    [[ " $* " == *' --port '* ]] || set -- "$@" --port 0
    servers_spawn KILL "$TEST_DIR/$1.log" "$program" "${@:3}" --dir "$TEST_DIR/$1"
    redis_pids[$1]=$!
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
