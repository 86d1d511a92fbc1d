#!/usr/bin/env bash
# The bounded part of the chaos suite (scripts/test chaos is the whole): half a minute of kills, freezes, crashes of Redis and
# PostgreSQL and network faults on short leases; then every job has ended once, with the bundles of an undisturbed run.
# time limit: 400 s
source "$(dirname "$0")/../support/test.sh"

dir=$(mktemp -d /tmp/chaos.XXXXXX)
chmod 711 "$dir"
status=0
"$BUILD_BIN/chaos" --bin "$BUILD_BIN" --dir "$dir" --seed "${CHAOS_SEED:-$((RANDOM))}" --minutes 0.5 --jobs 0 --kills 0 --hits 0 \
    --workers 3 --shops 2 --uploads 2 --lines 1500 --lease $((1500 * TEST_PATIENCE)) --json "$TEST_DIR/chaos.json" || status=$?
if [ "$status" != 0 ]; then tail -n 30 "$dir"/worker-*.log "$dir"/violations || true; fi # violations last: there may be none
rm -rf "$dir"
expect_equal 0 "$status" 'status of the chaos run'
# The few kills of a slow run may all meet workers that hold nothing: nobody has to take over from them.
expect_json "$TEST_DIR/chaos.json" '.holds and .violations == 0 and .jobs.final > 0 and .kills > 0 and .copy.model > 0 and
    (.kills < 10 or .recovery_ms.all_tasks > 0)'
