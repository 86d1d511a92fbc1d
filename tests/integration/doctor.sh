#!/usr/bin/env bash
# Everything that `bundlectl doctor` examines is broken once, on purpose: it says so with a remedy, --repair mends what can
# be mended, and what is left goes on to its end.
# time limit: 240 s
source "$(dirname "$0")/../support/test.sh"
source tests/support/redis.sh
source tests/support/model.sh

Q="{$BUNDLE_QUEUE_NAME}"
redis_start main --appendonly yes
redis_use main

examine() { # examine STATUS [option...]: the findings are in $TEST_DIR/doctor.json
    local status=0 wanted_status=$1
    shift
    bundlectl doctor --json "$@" >"$TEST_DIR/doctor.json" 2>"$TEST_DIR/said" || status=$?
    expect_equal "$wanted_status" "$status" "exit status of doctor $* ($(problems))"
}
problems() {
    jq -c '[.findings[] | select(.status != "ok") | [.status, .area, .check, .found]]' "$TEST_DIR/doctor.json"
    cat "$TEST_DIR/said"
}
expect_finding() { # expect_finding STATUS AREA CHECK [REGEX OF WHAT WAS FOUND]
    jq -e --arg s "$1" --arg a "$2" --arg c "$3" --arg r "${4-.}" \
        'any(.findings[]; .status == $s and .area == $a and .check == $c and (.found | test($r)))' \
        "$TEST_DIR/doctor.json" >/dev/null || fail "no finding '$*' among $(problems)"
    jq -e --arg c "$3" --arg a "$2" 'all(.findings[] | select(.check == $c and .area == $a and (.status | IN("warn", "fail"))); .remedy | length > 3) or $c == "server"' \
        "$TEST_DIR/doctor.json" >/dev/null || fail "finding '$*' has no remedy"
}
expect_nothing_but() { # expect_nothing_but CHECK...: all else is ok
    jq -e --arg known "$*" '[.findings[] | select(.status != "ok") | .check] - ($known | split(" ")) == []' \
        "$TEST_DIR/doctor.json" >/dev/null || fail "more than '$*': $(problems)"
}

start_filling_redis() { # at filling.sock: the real one, but XADD finds it out of memory; its process is $FILLING
    setpriv --pdeathsig KILL python3 - "$SERVERS_REDIS_SOCKET" "$TEST_DIR/filling.sock" >/dev/null 2>&1 <<'END' &
import socket, socketserver, sys, threading

class Client(socketserver.BaseRequestHandler):
    def handle(self):
        redis = socket.socket(socket.AF_UNIX)
        redis.connect(sys.argv[1])
        threading.Thread(target=self.answer, args=(redis,), daemon=True).start()
        while request := self.request.recv(1 << 20):
            if b"\r\nXADD\r\n" in request:
                self.request.sendall(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n")
            else:
                redis.sendall(request)

    def answer(self, redis):
        while answer := redis.recv(1 << 20):
            self.request.sendall(answer)

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

Server(sys.argv[2], Client).serve_forever()
END
    FILLING=$!
    wait_until 10 test -S "$TEST_DIR/filling.sock"
}

note 'where all is well: only that nobody works is said'
examine 0
expect_nothing_but there
expect_finding warn workers there
expect_match '^[0-9]+ ok, 0 mended, 1 warnings, 0 failed$' "$(bundlectl doctor | tail -n 1)" 'the text'
expect_match 'remedy: start bundle-worker' "$(bundlectl doctor)" 'the remedy'
workers_start 1
examine 0
expect_nothing_but
expect_finding ok workers there '^1 with'
expect_finding ok redis rights
expect workers_stop

note 'settings'
expect_status 2 bundlectl doctor --set queue.lease_ms=1
BUNDLE_QUEUE_LEASE_MS=20000 examine 0
expect_finding warn settings recovery

note 'Redis is not there; PostgreSQL is examined all the same'
BUNDLE_REDIS_URL=unix:///nowhere/redis.sock examine 1
expect_finding fail redis connection
expect_finding ok postgres connection

note "Redis' settings"
servers_redis config set maxmemory-policy allkeys-lru >/dev/null
examine 0
expect_finding warn redis maxmemory-policy 'allkeys-lru'
servers_redis config set maxmemory 500mb >/dev/null
examine 1
expect_finding fail redis maxmemory-policy
servers_redis config set maxmemory-policy noeviction >/dev/null
servers_redis config set maxmemory 1mb >/dev/null
examine 1
expect_finding fail redis memory
expect_finding fail redis rights OOM
expect_json "$TEST_DIR/doctor.json" 'any(.findings[]; .check == "rights" and (.remedy | test("mend this")))' # it is not the rights
servers_redis config set maxmemory 0 >/dev/null
servers_redis config set appendonly no >/dev/null
examine 0
expect_finding warn redis AOF
mkdir "$TEST_DIR/main/dump.rdb" # no file can take its place
servers_redis bgsave >/dev/null
save_failed() { servers_redis info persistence | grep -q rdb_last_bgsave_status:err; }
wait_until 10 save_failed
examine 1
expect_finding fail redis persistence 'rdb_last_bgsave_status'
rmdir "$TEST_DIR/main/dump.rdb"
save_is_over() { servers_redis bgsave >/dev/null 2>&1; servers_redis info persistence | grep -q rdb_last_bgsave_status:ok; }
wait_until 10 save_is_over
servers_redis replicaof 127.0.0.1 1 >/dev/null
examine 1
expect_finding fail redis connection 'replica'
servers_redis replicaof no one >/dev/null
servers_redis config set appendonly yes >/dev/null
examine 0
expect_nothing_but there

note 'the language model: where none is configured that is fine; else server, certificate, key and model'
expect_finding ok copy model 'none is configured'
model_start
examine 0
expect_nothing_but there
expect_finding ok copy server '[0-9]+ ms'
expect_finding ok copy model '^gpt-4o-mini is on'
key=$BUNDLE_COPY_KEY
BUNDLE_COPY_KEY='' BUNDLE_COPY_KEY_FILE=$MODEL_KEY_FILE BUNDLE_COPY_URL=$BUNDLE_COPY_URL/ examine 0
expect_finding ok copy server
BUNDLE_COPY_MODEL=gpt-9 examine 0
expect_finding warn copy model '^gpt-9 is not on the server.s list: gpt-4o-mini, test-model$'
BUNDLE_COPY_KEY=sk-of-somebody-else examine 1
expect_finding fail copy key 'status 401'
! grep -q 'sk-of-somebody-else' "$TEST_DIR/doctor.json" "$TEST_DIR/said" || fail 'the key was printed'
BUNDLE_COPY_URL=${BUNDLE_COPY_URL%/v1}/nothing/here/chat/completions/x examine 0
expect_finding ok copy server # any prefix
BUNDLE_COPY_KEY='' BUNDLE_COPY_KEY_FILE=/nowhere/key examine 1
expect_finding fail copy settings 'copy.key_file = /nowhere/key'
BUNDLE_COPY_CA_FILE=/nowhere/ca.pem examine 1
expect_finding fail copy settings 'copy.ca_file: /nowhere/ca.pem'
BUNDLE_COPY_BLOCK_PRIVATE=true examine 1
expect_finding fail copy server 'address is private'
BUNDLE_COPY_URL=ftp://127.0.0.1/v1 examine 1
expect_finding fail copy server 'neither http nor https'
BUNDLE_COPY_URL=http://127.0.0.1:1/v1 examine 1
expect_finding fail copy server 'refused'
BUNDLE_COPY_URL=http://user:secret-of-url@127.0.0.1:1/v1 examine 1
! grep -q 'secret-of-url' "$TEST_DIR/doctor.json" "$TEST_DIR/said" || fail "the URL's password was printed"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$TEST_DIR/tls.key" -out "$TEST_DIR/tls.pem" \
    -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 2>/dev/null
setpriv --pdeathsig KILL openssl s_server -accept 127.0.0.1:0 -cert "$TEST_DIR/tls.pem" -key "$TEST_DIR/tls.key" -www \
    </dev/null >"$TEST_DIR/tls.log" 2>&1 &
tls_pid=$!
wait_until 10 grep -q '^ACCEPT' "$TEST_DIR/tls.log"
tls_url=https://127.0.0.1:$(sed -n 's/^ACCEPT .*://p' "$TEST_DIR/tls.log")/v1
BUNDLE_COPY_URL=$tls_url examine 1
expect_finding fail copy server 'certificate'
BUNDLE_COPY_URL=$tls_url BUNDLE_COPY_CA_FILE=$TEST_DIR/tls.pem examine 0
expect_finding ok copy server
expect_finding warn copy model 'list of models'
kill "$tls_pid"
! grep -qF "$key" "$TEST_DIR/doctor.json" "$TEST_DIR/said" || fail 'the key was printed'
expect model_stop
examine 1
expect_finding fail copy server
unset BUNDLE_COPY_KEY BUNDLE_COPY_URL

note 'rights: what is tried is what the scripts use'
servers_redis acl setuser weak on '>secret-of-weak' '~*' '&*' +@all -xadd -zrandmember >/dev/null
BUNDLE_REDIS_URL="unix://weak:secret-of-weak@$SERVERS_REDIS_SOCKET" examine 1
expect_finding fail redis rights 'weak may not: XADD, ZRANDMEMBER'
servers_redis acl setuser weak +xadd +zrandmember -info >/dev/null
BUNDLE_REDIS_URL="unix://weak:secret-of-weak@$SERVERS_REDIS_SOCKET" examine 0
expect_finding warn redis server
expect_finding ok redis rights
servers_redis acl setuser weak resetkeys '~other:*' >/dev/null
BUNDLE_REDIS_URL="unix://weak:secret-of-weak@$SERVERS_REDIS_SOCKET" examine 1
expect_finding fail redis rights
servers_redis acl setuser weak allkeys resetchannels >/dev/null
BUNDLE_REDIS_URL="unix://weak:secret-of-weak@$SERVERS_REDIS_SOCKET" examine 1
expect_finding fail redis rights 'may not: PUBLISH'
expect_finding warn redis "bundlectl's rights" 'may not: SUBSCRIBE'
start_filling_redis # is full from the first XADD on: the rights that come after it cannot be tried
BUNDLE_REDIS_URL="unix://$TEST_DIR/filling.sock" examine 1
expect_finding fail redis rights 'trying XADD: .*OOM'
kill "$FILLING"
! grep -q secret-of-weak "$TEST_DIR/doctor.json" "$TEST_DIR/said" || fail 'the password was printed'
servers_redis acl deluser weak >/dev/null
tried=$(sed -n '/^static const char \*const .*_NEED\[\]/,/};/p' worker/ctl/doctor_redis.c | grep -oE '"[A-Z]+[ "]' | tr -cd 'A-Z\n')
for right in $(grep '^user bundle-operator ' config/redis.acl | grep -oE '\+[a-z]+( |$)' | tr -d '+ '); do
    case $right in ping | role | select | eval | evalsha | time | info | publish | subscribe | unsubscribe) continue ;; esac
    grep -qix "$right" <<<"$tried" || fail "config/redis.acl grants $right, which doctor does not try"
done

note 'the users of config/redis.acl: the operator sees all, the worker is told what it lacks for looking around'
redis_make_acl
REDISCLI_AUTH=$ADMIN_PASSWORD redis_start acl --aclfile "$TEST_DIR/users.acl"
BUNDLE_REDIS_URL="unix://bundle-operator:$OPERATOR_PASSWORD@$TEST_DIR/acl.sock" examine 0
expect_nothing_but there AOF
expect_finding ok redis "bundlectl's rights"
BUNDLE_REDIS_URL="unix://bundle-worker:$WORKER_PASSWORD@$TEST_DIR/acl.sock" examine 1
expect_finding ok redis rights
expect_finding warn redis "bundlectl's rights" 'SCAN'
expect_finding fail queue overview 'config/redis.acl'

note 'PostgreSQL'
BUNDLE_PG_URL="postgresql:///none?host=/nowhere" examine 1
expect_finding fail postgres connection
servers_create_database doctor_empty
BUNDLE_PG_URL=$SERVERS_PG_URL examine 1
expect_finding fail postgres schema 'version 0'
servers_psql "create role doctor_weak login; grant select on all tables in schema public to doctor_weak"
BUNDLE_PG_URL=${BUNDLE_PG_URL/postgres@/doctor_weak@} examine 1
expect_finding fail postgres rights 'csv_uploads: UPDATE .status.*bundle_recommendations: INSERT'
servers_psql "drop owned by doctor_weak; drop role doctor_weak"
BUNDLE_PG_URL=$WORKERS_PG_URL examine 0
expect_finding ok postgres rights
BUNDLE_WORKER_SLOTS=500 examine 0
expect_finding warn postgres connections

note 'a paused queue, with a job that waits; another that has ended'
load_generated demo 200 --seed 3
workers_start 1
run_job demo "$UPLOAD"
ended=$JOB
bundlectl queue pause --why maintenance >/dev/null
push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$UPLOAD\",\"job\":\"waits\"}"
push '{"v":1,"shop":"other","upload":"nothing","job":"waits-too"}'
both_wait() { [ "$(servers_redis zcard "$Q:open")" = 2 ]; }
wait_until 10 both_wait
expect workers_stop
servers_redis del "$Q:wake" >/dev/null
examine 0
expect_nothing_but there paused
expect_finding warn queue paused 'the whole queue.*maintenance'

ready_list="$Q:ready:4:demo"
expect_equal 1 "$(servers_redis llen "$ready_list")" 'waiting tasks of the shop'

# break WHAT COMMAND...: doctor sees it and leaves it, --repair mends it, then all is well again
break_and_mend() {
    local what=$1
    shift
    note "$what"
    servers_redis "$@" >/dev/null
    examine 1
    expect_finding fail queue "$what"
    examine 1 # still there: nothing was changed
    expect_finding fail queue "$what"
    examine 0 --repair
    expect_finding mended queue "$what"
    examine 0
    expect_nothing_but there paused
}
long_from_now=9000000000000
break_and_mend 'no TTL' persist "$Q:job:$ended:log"
break_and_mend 'no TTL' persist "$Q:job:waits"
break_and_mend 'no TTL' set "$Q:made:thing" x
break_and_mend 'part of a job that is gone' hset "$Q:job:gone:tasks" prepare 'e|0|0|0|0|'
break_and_mend 'points to a job that is gone' set "$Q:upload:demo:u" gone
break_and_mend 'points to a job that is gone' hset "$Q:progress:demo:u" job gone
break_and_mend 'left over from an ended job' sadd "$Q:job:$ended:open" prepare
break_and_mend 'open job that is not listed' zrem "$Q:open" waits
break_and_mend 'listed as open, and is not' zadd "$Q:open" "$long_from_now" gone
break_and_mend 'lease of a task that is not leased' zadd "$Q:leases" "$long_from_now" waits/prepare
break_and_mend 'time of a task that is not delayed' zadd "$Q:delayed" "$long_from_now" gone/prepare
break_and_mend 'busy with a task that is not leased' sadd "$Q:busy:demo" waits/prepare
break_and_mend 'shop in a ring without tasks' rpush "$Q:ring:2" ghost
break_and_mend 'tasks of a shop that is in no ring' lrem "$Q:ring:1" 0 demo
break_and_mend 'waiting task on no list' lrem "$ready_list" 0 waits/prepare
break_and_mend 'delayed task without a time' hset "$Q:job:waits:tasks" prepare 'd|1|0|0|0|'
servers_redis lrem "$ready_list" 1 waits/prepare >/dev/null # it was waiting all the time
break_and_mend 'leased task without a lease' hset "$Q:job:waits:tasks" prepare "l|0|0|$long_from_now|1|7-nobody"
servers_redis lrem "$ready_list" 1 waits/prepare >/dev/null
break_and_mend 'job without open tasks' srem "$Q:job:waits-too:open" prepare

note 'much that is broken, of one job and of many: --repair mends all of it at once'
load_copies demo 60
for ((i = 1; i <= 60; i++)); do push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"copy-$i\",\"job\":\"copy-$i\"}"; done
workers_start 1
all_wait() { [ "$(servers_redis zcard "$Q:open")" = 62 ]; }
wait_until 20 all_wait
expect workers_stop
examine 0
expect_nothing_but there paused
servers_redis del "$ready_list" "$Q:ring:1" >/dev/null
for ((i = 1; i <= 700; i++)); do
    printf 'HSET %s:job:waits:tasks t%d e|0|0|0|0|\nSADD %s:job:waits:open t%d\n' "$Q" "$i" "$Q" "$i"
done | servers_redis >/dev/null
examine 1
expect_finding fail queue 'waiting task on no list'
expect_finding fail queue 'ended task among the open ones'
examine 0 --repair
expect_finding mended queue 'waiting task on no list' '^61 mended'
expect_finding mended queue 'ended task among the open ones' '^700 mended'
expect_equal '61 2' "$(servers_redis llen "$ready_list") $(servers_redis llen "$Q:ring:1")" 'waiting tasks of demo, and both shops in the ring'
examine 0
expect_nothing_but there paused
for ((i = 1; i <= 60; i++)); do printf "RPUSH %s:jobs '{\"job\":\"copy-%d\",\"cancel\":true}'\n" "$Q" "$i"; done | servers_redis >/dev/null
for ((i = 1; i <= 700; i++)); do printf 'HDEL %s:job:waits:tasks t%d\n' "$Q" "$i"; done | servers_redis >/dev/null
are_gone() { [ "$(servers_redis zcard "$Q:open") $(servers_redis zcard "$Q:ended")" = '2 0' ]; }
workers_start 1
wait_until 30 are_gone
expect workers_stop
servers_psql "delete from csv_uploads where run_id like 'copy-%'"

note 'more keys than are looked at without --all'
for ((i = 1; i <= 22000; i++)); do printf 'SET %s:made:filler-%d x EX 600\n' "$Q" "$i"; done | servers_redis >/dev/null
examine 0
expect_finding warn queue keys 'only the first 20...'
examine 0 --all
expect_nothing_but there paused
servers_redis --scan --pattern "$Q:made:filler-*" | sed 's/^/DEL /' | servers_redis >/dev/null

note 'what is only worth a warning'
servers_redis rpush "$Q:ring:1" demo >/dev/null
servers_redis rpush "$Q:wake" 1 1 >/dev/null
servers_redis zrem "$Q:kept" "$ended" >/dev/null
servers_redis zadd "$Q:kept" "$(($(date +%s) * 1000))" gone >/dev/null
servers_redis zadd "$Q:ended" 1 gone >/dev/null
servers_redis set "$Q:strange" 1 >/dev/null
examine 0
expect_finding warn queue 'shop twice in a ring'
expect_finding warn queue 'more than one wake marker'
expect_finding warn queue 'ended job that is not listed'
expect_finding warn queue 'listed as kept, and is gone'
expect_finding warn queue 'end that PostgreSQL was not told'
expect_finding warn queue 'unknown key'
servers_redis del "$Q:strange" >/dev/null
servers_redis zrem "$Q:ended" gone >/dev/null
examine 0 --repair
examine 0
expect_nothing_but there paused

note 'what somebody else wrote over'
servers_redis set "$Q:stats:old" 1 >/dev/null
servers_redis lpush "$Q:maker:thing" x >/dev/null
examine 1
expect_finding fail queue 'wrong type'
expect_finding warn queue 'unknown key' 'stats:old'
servers_redis del "$Q:maker:thing" "$Q:stats:old" >/dev/null
servers_redis del "$Q:job:waits-too:tasks" >/dev/null
servers_redis set "$Q:job:waits-too:tasks" spoilt >/dev/null
examine 1
expect_finding fail queue 'job that does not read' waits-too
examine 0 --repair
expect_finding mended queue 'job that does not read' waits-too
servers_redis del "$Q:ready:4:other" >/dev/null
examine 0 --repair
expect_match 'broken' "$(bundlectl queue dead)" 'the dead'
broken=$(bundlectl queue dead --json | jq -r '.dead[0].id')
expect_status 4 bundlectl queue retry "$broken"
expect_match 'nothing of the message is left' "$OUTPUT" 'retry of a broken job'
expect_equal '0 sent to the inbox again, 1 not: nothing of the message is left; enqueue the upload' "$(bundlectl queue retry --all)" 'retry of all'
expect_equal "$broken" "$(bundlectl queue dead --json | jq -r '.dead[0].id')" 'what is dead still'
bundlectl queue dead --clear --yes >/dev/null
examine 0
expect_nothing_but there paused

note 'uploads that nobody will do'
servers_psql "update csv_uploads set status = 'requested', updated_at = now() - interval '2 hours', request = jsonb_build_object('shop', 'demo', 'upload', run_id, 'job', 'lost') where csv_type = 'orders'"
bundlectl queue cancel waits >/dev/null
servers_redis del "$Q:upload:demo:$UPLOAD" >/dev/null
examine 1
expect_finding fail uploads lost 'requested for 7'
examine 0 --repair
expect_finding mended uploads lost
expect_equal lost "$(servers_redis lindex "$Q:jobs" 0 | jq -r .job)" 'the message in the inbox'

note 'what was mended goes on to its end'
bundlectl queue resume >/dev/null
workers_start 1
wait_for_job lost
expect_equal final "$(job_field lost state)" 'the lost job'
expect_status 0 bundlectl queue drain --timeout 20
is_clean() { bundlectl doctor --json >"$TEST_DIR/doctor.json" && jq -e '.warn == 0 and .fail == 0 and .mended == 0' "$TEST_DIR/doctor.json" >/dev/null; }
wait_until 20 is_clean
expect workers_stop
