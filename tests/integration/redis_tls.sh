#!/usr/bin/env bash
# Over TLS, with certificates on both sides: a job ends final. A certificate of another authority or for another name is
# refused, by bundlectl and by a worker, which goes on trying and carries on when the right one is there. A build without
# TLS says so, and what to do instead.
source "$(dirname "$0")/../support/test.sh"
source tests/support/redis.sh

OUTPUT=$(BUNDLE_REDIS_URL=rediss://127.0.0.1:1 bundlectl watch nothing 2>&1 || true) # which error it is comes next
if [[ $OUTPUT == *'which this build has not'* ]]; then
    expect_match 'stunnel' "$OUTPUT" 'the way out'
    BUNDLE_REDIS_URL=rediss://127.0.0.1:1 expect_status 2 bundlectl watch nothing
    BUNDLE_REDIS_URL=rediss://127.0.0.1:1 expect_status 2 "$BUILD_BIN/bundle-worker"
    expect_match 'redis.url asks for TLS' "$OUTPUT" 'what the worker says'
    skip 'this build has no TLS (hiredis without hiredis_ssl): its error was tested, no connection'
fi
BUNDLE_REDIS_TLS_CA_FILE=/dev/null expect_status 2 bundlectl watch nothing
expect_match 'rediss://' "$OUTPUT" 'TLS files without TLS'

note 'two authorities; certificates for this server, for another name, for the worker'
cd "$TEST_DIR"
authority() { # authority NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "$1.key" -out "$1.pem" -subj "/CN=$1" 2>/dev/null
}
certificate() { # certificate NAME AUTHORITY SUBJECT_ALT_NAMES
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 -out "$1.pem" \
        -extfile <(echo "subjectAltName=$3") 2>/dev/null
}
authority ours
authority theirs
certificate server ours DNS:localhost,IP:127.0.0.1
certificate elsewhere ours DNS:elsewhere.example
certificate stranger theirs DNS:localhost,IP:127.0.0.1
certificate worker ours DNS:worker.example
cd - >/dev/null

start_with() { # start_with CERTIFICATE
    redis_start main --tls-port "$PORT" --port 0 --tls-cert-file "$TEST_DIR/$1.pem" --tls-key-file "$TEST_DIR/$1.key" \
        --tls-ca-cert-file "$TEST_DIR/ours.pem" --tls-auth-clients yes --appendonly yes
}
redis_free_port
start_with server
redis_use main
export BUNDLE_REDIS_URL=rediss://localhost:$PORT BUNDLE_REDIS_TLS_CA_FILE=$TEST_DIR/ours.pem
export BUNDLE_REDIS_TLS_CERT_FILE=$TEST_DIR/worker.pem BUNDLE_REDIS_TLS_KEY_FILE=$TEST_DIR/worker.key

export BUNDLE_CACHE_MEMORY_MB=0 # artefacts come from Redis
load_generated demo 3000 --seed 5
UPLOAD_DEMO=$UPLOAD
workers_start 1
expect bundlectl enqueue --shop demo "$UPLOAD" --wait
run_job demo "$UPLOAD"
BUNDLE_REDIS_URL=rediss://127.0.0.1:$PORT expect bundlectl enqueue --shop demo "$UPLOAD" --force --wait

note 'large values: an artefact goes there and back'
load_generated large 40000 --seed 6
run_job large "$UPLOAD"

note 'who is refused, and why'
BUNDLE_REDIS_TLS_CA_FILE=$TEST_DIR/theirs.pem expect_status 2 bundlectl watch nothing
expect_match 'certificate.*redis.tls_ca_file' "$OUTPUT" 'another authority'
BUNDLE_REDIS_TLS_CA_FILE='' expect_status 2 bundlectl watch nothing
expect_match 'certificate.*redis.tls_ca_file' "$OUTPUT" "the system's authorities"
BUNDLE_REDIS_TLS_CERT_FILE='' BUNDLE_REDIS_TLS_KEY_FILE='' expect_status 7 bundlectl watch nothing
BUNDLE_REDIS_TLS_KEY_FILE=$TEST_DIR/server.key expect_status 2 bundlectl watch nothing
expect_match 'redis.tls_key_file' "$OUTPUT" 'a key of another certificate'
BUNDLE_REDIS_TLS_KEY_FILE='' expect_status 2 bundlectl watch nothing
expect_match 'go together' "$OUTPUT" 'a certificate without its key'

# The server counts a connection only once TLS has let it in; its log has those that ended before.
refused() { grep -c 'Error accepting a client connection' "$TEST_DIR/main.log" || true; }
has_refused() { [ "$(refused)" -ge "$1" ]; } # has_refused N: times in all

for name in elsewhere stranger; do
    note "the server comes back as $name: nobody talks to it"
    redis_signal main KILL
    start_with "$name"
    push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$UPLOAD_DEMO\",\"job\":\"$name\",\"force\":true}"
    expect_status 2 bundlectl watch nothing
    expect_match 'certificate is refused' "$OUTPUT" "$name"
    wait_until 20 has_refused $(($(refused) + 5))
    expect_equal '' "$(servers_redis client list | grep name=bundle-worker || true)" 'workers that talk to it'
    expect_equal 1 "$(servers_redis llen "{$BUNDLE_QUEUE_NAME}:jobs")" 'the message'
    redis_signal main KILL
    start_with server
    wait_for_job "$name"
done
expect_match 'certificate' "$(grep 'Redis is away' "$TEST_DIR/worker-1.log")" 'what the worker says'
expect workers_stop
