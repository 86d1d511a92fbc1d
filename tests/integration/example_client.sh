#!/usr/bin/env bash
# The examples for web developers run as they stand, with the clients that people have: Debian's python3-redis, and
# npm's ioredis where it is installed (npm install ioredis).
source "$(dirname "$0")/../support/test.sh"

load_generated demo 100
workers_start 1

follows_to_final() { # follows_to_final COMMAND...
    expect_status 0 timeout $((60 * TEST_PATIENCE)) "$@"
    expect_match '100% final' "$(tail -n 1 <<<"$OUTPUT")" 'the last event'
    expect_match 'preliminary' "$OUTPUT" 'an event'
}

QUEUE=$BUNDLE_QUEUE_NAME REDIS_URL=$SERVERS_WEB_REDIS_URL follows_to_final /usr/bin/python3 scripts/examples/enqueue.py demo "$UPLOAD"

note 'an upload that is not there ends with status failed'
QUEUE=$BUNDLE_QUEUE_NAME REDIS_URL=$SERVERS_WEB_REDIS_URL expect_status 1 /usr/bin/python3 scripts/examples/enqueue.py 'a:b, 5 %' no-such-upload
expect_match 'failed' "$OUTPUT" 'the last event'

if [ -d node_modules/ioredis ] && command -v node >/dev/null; then
    QUEUE=$BUNDLE_QUEUE_NAME REDIS_URL=$SERVERS_REDIS_SOCKET follows_to_final node scripts/examples/enqueue.mjs demo "$UPLOAD"
else
    note 'the Node example was not run: no node_modules/ioredis'
fi
expect workers_stop
