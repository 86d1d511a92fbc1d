# shellcheck shell=bash
# A private Redis and PostgreSQL on unix sockets, and workers on them; sourced by scripts and tests.
#
#     servers_start            # in a short directory of their own under /tmp; never the machine's ports or data
#     trap servers_stop EXIT
#     workers_start 2 build/release/bin/bundle-worker
#     ... $BUNDLE_REDIS_URL, $BUNDLE_PG_URL ...
#
# INVARIANTS  1. What is started here dies with the shell that started it, also when that is killed by SIGKILL (only
#                servers_start --keep leaves the servers up). Directories of the killed are removed by the next start.
#             2. No TCP port is opened, except one of Redis on 127.0.0.1 with servers_start --tcp.
# Call these functions in the shell itself, not in (...) or a pipe: children die with the process that forked them.

servers_wait_s=60

# Runs what follows in the background and in a session of its own (Ctrl-C goes to us, we end the rest), bound to our life.
servers_spawn() { # servers_spawn SIGNAL LOG COMMAND...; its process is $!
    local tie=(--pdeathsig "$1") log=$2
    shift 2
    [ "${servers_keep-}" != yes ] || tie=()
    setsid setpriv "${servers_as[@]}" "${tie[@]}" --reset-env "$@" >>"$log" 2>&1 </dev/null &
}

servers_start_time() { # of process $1, in clock ticks since boot: with the pid it names a process for good
    local stat
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    echo "${20}"
}

servers_sign() { # the directory belongs to process $1
    echo "$1 $(servers_start_time "$1")" >"$SERVERS_DIR/owner"
}

# Removes the directories of those that were killed.
servers_sweep() {
    local owner pid start
    for owner in /tmp/bundle.*/owner; do
        [ -O "$owner" ] || continue
        read -r pid start <"$owner" || continue
        [ "$(servers_start_time "$pid")" = "$start" ] || rm -rf "${owner%/owner}"
    done
}

servers_fail() { # servers_fail LOG MESSAGE
    printf '%s\n' "$2" >&2
    tail -n 20 "$1" >&2
    return 1
}

servers_start() { # servers_start [--tcp] [--keep]; true when both answer
    local tcp=no
    servers_keep=no
    while [ $# -gt 0 ]; do
        case $1 in
        --tcp) tcp=yes ;;
        --keep) servers_keep=yes ;;
        *) echo "servers_start: unknown option $1" >&2 && return 2 ;;
        esac
        shift
    done
    servers_sweep
    SERVERS_DIR=$(mktemp -d /tmp/bundle.XXXXXX)
    chmod 711 "$SERVERS_DIR" # the postgres user passes through
    servers_sign $$
    servers_start_redis "$tcp" && servers_start_postgres
}

servers_start_redis() { # servers_start_redis IS_TCP
    local server log=$SERVERS_DIR/redis.log socket=$SERVERS_DIR/redis.sock port=0 try
    server=$(command -v redis-server || command -v valkey-server)
    SERVERS_REDIS_CLI=$(command -v redis-cli || command -v valkey-cli)
    servers_as=()
    for try in {1..20}; do # with TCP: until a port was free
        [ "$1" = no ] || port=$((20000 + RANDOM % 12000))
        servers_spawn TERM "$log" "$server" --port "$port" --bind 127.0.0.1 --unixsocket "$socket" --dir "$SERVERS_DIR" \
            --save '' --appendonly no
        servers_redis_pid=$!
        servers_wait_for "$servers_redis_pid" test -S "$socket" && break
        [ "$1" = yes ] && [ "$try" -lt 20 ] || servers_fail "$log" 'Redis did not start' || return 1
    done
    export BUNDLE_REDIS_URL="unix://$socket"
    SERVERS_REDIS_SOCKET=$socket
    export SERVERS_REDIS_TCP_URL=redis://127.0.0.1:$port
}

# The users of config/redis.acl, for every queue, with their own names as passwords: $SERVERS_WORKER_REDIS_URL,
# $SERVERS_WEB_REDIS_URL (as redis-py spells it) and $SERVERS_OPERATOR_REDIS_URL.
servers_add_redis_users() {
    local line
    local -a rules
    while IFS= read -r line; do # user NAME on #@PASSWORD@ RULE...
        read -ra rules <<<"${line//\{bundles\}/\{*\}}"
        [ "$(servers_redis acl setuser "${rules[1]}" reset on ">${rules[1]}" "${rules[@]:4}" 2>&1)" = OK ] || return 1
    done < <(grep '^user bundle-' config/redis.acl)
    export SERVERS_WORKER_REDIS_URL="unix://bundle-worker:bundle-worker@$SERVERS_REDIS_SOCKET"
    export SERVERS_WEB_REDIS_URL="unix://bundle-web@$SERVERS_REDIS_SOCKET?password=bundle-web"
    export SERVERS_OPERATOR_REDIS_URL="unix://bundle-operator:bundle-operator@$SERVERS_REDIS_SOCKET"
}

servers_wait_for() { # servers_wait_for PID CONDITION...: until it holds; fails when the process ends before
    local pid=$1 until_s=$((SECONDS + servers_wait_s))
    shift
    until "$@"; do
        kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$until_s" ] || return 1
        sleep 0.01
    done
}

servers_start_postgres() {
    local bin log=$SERVERS_DIR/postgres.log dir=$SERVERS_DIR/pg
    bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)
    SERVERS_PG_BIN=$bin
    mkdir "$dir" "$dir/sock"
    servers_as=() # initdb and postgres refuse to run as root
    [ "$(id -u)" != 0 ] || { servers_as=(--reuid=postgres --regid=postgres --init-groups) && chown -R postgres:postgres "$dir"; }
    : >"$log" # ours: the server only inherits it
    setpriv "${servers_as[@]}" --reset-env "$bin/initdb" -D "$dir/data" -U postgres --auth=trust --locale=C.UTF-8 -E UTF8 --no-sync \
        >>"$log" 2>&1 </dev/null || servers_fail "$log" 'initdb failed' || return 1
    servers_run_postgres && servers_create_database bundles || return 1
    export BUNDLE_PG_URL=$SERVERS_PG_URL
    unset WORKERS_PG_URL
    [ "$servers_keep" = no ] || servers_sign "$servers_pg_pid"
}

servers_run_postgres() { # servers_run_postgres [option...]: on the data that is there; true when it answers
    local log=$SERVERS_DIR/postgres.log dir=$SERVERS_DIR/pg
    servers_as=()
    [ "$(id -u)" != 0 ] || servers_as=(--reuid=postgres --regid=postgres --init-groups)
    servers_spawn INT "$log" "$SERVERS_PG_BIN/postgres" -D "$dir/data" -k "$dir/sock" -c listen_addresses= -c fsync=off \
        -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=4GB \
        -c max_connections=200 -c timezone=UTC "$@"
    servers_pg_pid=$!
    servers_wait_for "$servers_pg_pid" "$SERVERS_PG_BIN/pg_isready" -q -h "$dir/sock" -U postgres ||
        servers_fail "$log" 'PostgreSQL did not start'
}

servers_crash_postgres() { # as pg_ctl stop -m immediate does: no goodbye to anybody, recovery at the next start
    kill -QUIT "$servers_pg_pid"
    wait "$servers_pg_pid" 2>/dev/null || true
}

servers_create_database() { # servers_create_database NAME [TEMPLATE]; its URL is in $SERVERS_PG_URL then
    "$SERVERS_PG_BIN/psql" -X -q -h "$SERVERS_DIR/pg/sock" -U postgres \
        -c "create database \"$1\" template \"${2:-template0}\" strategy file_copy" || return 1
    SERVERS_PG_URL="postgresql://postgres@/$1?host=$SERVERS_DIR/pg/sock"
}

servers_url_as() { # servers_url_as ROLE: to $BUNDLE_PG_URL
    echo "${BUNDLE_PG_URL/postgres@/$1@}"
}

servers_schema() { # tables, and roles with their rights; workers that start later have no more than theirs
    "$BUILD_BIN/bundlectl" schema apply >/dev/null &&
        "$SERVERS_PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -d "$BUNDLE_PG_URL" -f config/postgres-role.sql &&
        WORKERS_PG_URL=$(servers_url_as bundle_worker) && export WORKERS_PG_URL
}

servers_psql() { # servers_psql SQL [psql options]: bare rows, columns separated by |
    "$SERVERS_PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d "$BUNDLE_PG_URL" -c "$@"
}

servers_redis() { # servers_redis COMMAND...
    "$SERVERS_REDIS_CLI" -s "$SERVERS_REDIS_SOCKET" "$@"
}

servers_stop() {
    [ "${servers_keep-}" != yes ] || return 0
    workers_kill
    [ -n "${SERVERS_DIR-}" ] || return 0
    [ -z "${servers_redis_pid-}" ] || kill -TERM "$servers_redis_pid" 2>/dev/null || true
    [ -z "${servers_pg_pid-}" ] || kill -INT "$servers_pg_pid" 2>/dev/null || true
    wait "${servers_redis_pid:-0}" "${servers_pg_pid:-0}" 2>/dev/null || true # their status says nothing to us
    rm -rf "$SERVERS_DIR"
    SERVERS_DIR=
}

# Workers. The nth one's log is $WORKERS_DIR/worker-n.log; settings come from the environment, and PostgreSQL's address
# from $WORKERS_PG_URL where it is set. On the Redis that BUNDLE_REDIS_URL names as operator, they are workers.
worker_pids=()
workers_started=0

workers_start() { # workers_start N [PROGRAM [option...]]: N more; true when they listen to signals and draw tasks
    local n pid log tie=(setpriv --pdeathsig TERM) redis_url=$BUNDLE_REDIS_URL
    [ "$redis_url" != "${SERVERS_OPERATOR_REDIS_URL-}" ] || redis_url=$SERVERS_WORKER_REDIS_URL
    [ "${servers_keep-}" != yes ] || tie=()
    WORKERS_DIR=${WORKERS_DIR:-$SERVERS_DIR}
    for ((n = 0; n < $1; n++)); do
        workers_started=$((workers_started + 1))
        setsid "${tie[@]}" env BUNDLE_REDIS_URL="$redis_url" BUNDLE_PG_URL="${WORKERS_PG_URL:-$BUNDLE_PG_URL}" \
            "${2:-$BUILD_BIN/bundle-worker}" "${@:3}" \
            >"$WORKERS_DIR/worker-$workers_started.log" 2>&1 </dev/null &
        worker_pids+=("$!:$workers_started")
    done
    for n in "${worker_pids[@]}"; do
        pid=${n%:*} log=$WORKERS_DIR/worker-${n#*:}.log
        servers_wait_for "$pid" grep -qs 'worker started' "$log" || servers_fail "$log" 'a worker did not start' || return 1
    done
}

workers_signal() { # workers_signal SIGNAL [NTH]: to all workers, or the nth of those that are up (0 is the first)
    local worker
    local -a wanted=("${worker_pids[@]}")
    [ $# = 1 ] || wanted=("${worker_pids[$2]}")
    for worker in "${wanted[@]}"; do
        kill "-$1" "${worker%:*}" 2>/dev/null || true # it may be gone already
    done
}

# Asks all workers to end; true when each ended with status 0 (a sanitizer's finding is not 0).
workers_stop() {
    local worker status failed=0
    workers_signal TERM
    for worker in "${worker_pids[@]}"; do
        status=0
        wait "${worker%:*}" || status=$?
        [ "$status" = 0 ] || failed=1
        [ "$status" = 0 ] || servers_fail "$WORKERS_DIR/worker-${worker#*:}.log" "worker ${worker#*:} ended with status $status" || true
    done
    worker_pids=()
    return "$failed"
}

workers_kill() {
    local worker
    workers_signal KILL
    for worker in "${worker_pids[@]}"; do
        wait "${worker%:*}" 2>/dev/null || true # killed, as told
    done
    worker_pids=()
}
