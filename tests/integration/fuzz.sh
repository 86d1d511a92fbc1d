#!/usr/bin/env bash
# A few seconds of each fuzz target find nothing: uploads, artefact blobs and job messages of any bytes are taken or
# refused. scripts/fuzz runs them for longer.
# time limit: 600 s
source "$(dirname "$0")/../support/test.sh"

echo 'int LLVMFuzzerTestOneInput(const char *data, unsigned long len); int LLVMFuzzerTestOneInput(const char *data, unsigned long len) { return !data && len; }' >"$TEST_DIR/probe.c"
clang -fsanitize=fuzzer "$TEST_DIR/probe.c" -o "$TEST_DIR/probe" 2>/dev/null || skip "no clang with libFuzzer here: scripts/setup --dev installs it"
[ "$TEST_PATIENCE" = 1 ] || skip 'the fuzz preset has its own sanitizers'

expect nice scripts/fuzz --seconds 5 # it builds: others go first
