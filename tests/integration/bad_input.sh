#!/usr/bin/env bash
# What people send that is not right: files, messages and uploads. Each is answered with what was wrong, none stops a
# worker, and the job after them is done as if nothing had been.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"

header=order_id,customer_id,created_at,currency,financial_status,line_item_id,variant_id,sku,name,quantity,unit_price
file=$TEST_DIR/orders.csv
write_file() { # write_file LINE...: a file of orders
    printf '%s\n' "$header" "$@" >"$file"
}

import_status() { # import_status STATUS [option...]; the answer is in $TEST_DIR/answer.json, what was said in said
    local status=0
    bundlectl import "$file" --shop demo --json "${@:2}" >"$TEST_DIR/answer.json" 2>"$TEST_DIR/said" || status=$?
    expect_equal "$1" "$status" "exit status of import ($(head -c 300 "$TEST_DIR/said"))"
}

note 'a bad row is reported with line, column and reason; the good ones load'
write_file '1,c1,2025-01-01,USD,paid,11,v1,A,Mug,1,9.99' \
    '1,c1,2025-01-01,USD,paid,12,v2,B,"Plate
over two lines",many,5.00' \
    '2,c1,2025-01-02,USD,paid,21,v1,A,Mug,1,free' \
    '3,c2,2025-01-03,USD,paid,31,v3,C,Bowl,1,7.50'
import_status 3
expect_json "$TEST_DIR/answer.json" '.rejected == 2'
expect_json "$TEST_DIR/answer.json" '.rejects[0] | .line == 3 and (.column | test("quantity")) and (.reason | length > 5)'
expect_json "$TEST_DIR/answer.json" '.rejects[1] | .line == 5 and (.column | test("unit_price"))'
expect_equal 2 "$(servers_psql "select count(*) from order_lines")" 'lines loaded'

note 'importing it again changes nothing'
before=$(servers_psql "select * from csv_uploads")
import_status 0
expect_json "$TEST_DIR/answer.json" '.files[0].status == "already"'
expect_equal "$before" "$(servers_psql "select * from csv_uploads")" 'csv_uploads after a second import'
expect_equal 2 "$(servers_psql "select count(*) from order_lines")" 'lines after a second import'

note '--strict loads nothing'
write_file '9,c1,2025-01-01,USD,paid,91,v1,A,Mug,1,9.99' '9,c1,2025-01-01,USD,paid,92,v2,B,Plate,x,5.00'
import_status 3 --strict
expect_equal 2 "$(servers_psql "select count(*) from order_lines")" 'lines after --strict'

note 'files that cannot be read at all'
printf 'order_id,name,quantity\n1,"Mug,1\n' >"$file"
import_status 3
expect_match 'quote' "$(cat "$TEST_DIR/said")" 'an open quote'
printf 'order_id,name,quantity\n1,Caf\xe9,1\n' >"$file"
import_status 3
expect_match 'UTF-8' "$(cat "$TEST_DIR/said")" 'Latin-1'
printf 'colour,shape\nred,round\n' >"$file"
import_status 3
write_file
import_status 3
expect_match 'no rows' "$(cat "$TEST_DIR/said")" 'a header alone'
file=$TEST_DIR/not-there.csv
import_status 6
file=$TEST_DIR/orders.csv

workers_start 1

is_rejected() { # is_rejected REGEX: the newest of the dead messages was refused for this reason
    servers_redis xrevrange "{$BUNDLE_QUEUE_NAME}:dead" + - count 1 | sed -n '/^reason$/{n;p}' | grep -Eqi -- "$1"
}

note 'messages that are no job go to the dead with a reason'
push 'not a job' && wait_until 10 is_rejected 'json|msgpack'
push '[1,2,3]' && wait_until 10 is_rejected 'map|object'
push '{"v":1,"shop":"demo"}' && wait_until 10 is_rejected 'upload'
push '{"v":1,"upload":"x"}' && wait_until 10 is_rejected 'shop'
push '{"v":7,"shop":"demo","upload":"x"}' && wait_until 10 is_rejected 'version|"?v"?'
push '{"v":1,"shop":"demo","upload":"x","colour":"red"}' && wait_until 10 is_rejected 'colour'
push '{"v":1,"shop":"demo","upload":"x","options":{"max_discount":200}}' && wait_until 10 is_rejected 'max_discount'
printf 'RPUSH {%s}:jobs "\\xdd\\x10\\x00\\x00\\x00"\n' "$BUNDLE_QUEUE_NAME" | servers_redis >/dev/null # an array of 268 million
wait_until 10 is_rejected 'map|count|bytes|msgpack'
expect_equal 0 "$(servers_redis llen "{$BUNDLE_QUEUE_NAME}:intake")" 'messages left in the intake'

note 'an upload or shop that is not there fails, with a reason'
run_job demo no-such-upload failed
expect_match 'no-such-upload' "$(job_field "$JOB" reason)" 'the reason'
expect_sound_events "$JOB"
write_file '1,c1,2025-01-01,USD,paid,11,v1,A,Mug,1,9.99'
load demo "$file"
run_job another-shop "$UPLOAD" failed

ends_with_none() { # ends_with_none WHAT: $UPLOAD is final, has no bundles, and a reason for the merchant
    run_job demo "$UPLOAD"
    bundlectl bundles "$UPLOAD" --shop demo --json >"$TEST_DIR/document.json"
    expect_json "$TEST_DIR/document.json" '(.bundles | length) == 0 and (.metrics.no_bundles_reason | length > 10)'
    note "$1: $(jq -r .metrics.no_bundles_reason "$TEST_DIR/document.json")"
}

ends_sound() { # ends_sound WHAT: what is in $file gives bundles that add up, or none
    load demo "$file"
    run_job demo "$UPLOAD"
    bundles_of demo "$UPLOAD" >"$TEST_DIR/bundles.json"
    expect_sound_bundles "$TEST_DIR/bundles.json"
    note "$1: $(jq length "$TEST_DIR/bundles.json") bundles"
}

servers_psql "insert into csv_uploads (id, run_id, shop_id, status) values (gen_random_uuid(), 'nothing', 'demo', 'ready')"
UPLOAD=nothing
ends_with_none 'no rows at all'
write_file '1,c1,2025-01-01,USD,paid,11,v1,A,Mug,1,9.99'
load demo "$file"
ends_with_none 'one order of one product'
write_file '1,c1,2025-01-01,USD,refunded,11,v1,A,Mug,1,9.99' '1,c1,2025-01-01,USD,refunded,12,v2,B,Bowl,1,9.99'
load demo "$file"
ends_with_none 'only returns'

write_file '1,c1,2025-01-01,USD,paid,11,v1,A,Mug,1,9.99' '1,c1,2025-01-01,USD,paid,12,v2,B,Bowl,1,4.99'
ends_sound 'one order of two products'

# shellcheck disable=SC2046
write_file $(for i in {1..500}; do echo "1,c1,2025-01-01,USD,paid,1$i,v$i,S$i,Thing$i,1,$((i % 40 + 1)).99"; done)
ends_sound 'one order of 500 lines'

generate "$TEST_DIR/base" 200 --seed 5
cp "$TEST_DIR/base/orders.csv" "$file"
cat >>"$file" <<'END'
900001,c1,c1@example.com,2024-12-01T10:00:00Z,USD,paid,1,z1,Z1,Free Sample Thing,,,,1,0.00,0
900002,c1,c1@example.com,2024-12-01T10:00:00Z,USD,paid,2,z2,Z2,Returned Thing,,,,-3,5.00,0
900003,c1,c1@example.com,2024-12-01T10:00:00Z,EUR,paid,3,z3,Z3,Euro Thing,,,,1,5.00,0
900004,c1,c1@example.com,2024-12-01T10:00:00Z,USD,paid,4,z4,Z4,Gift 🎁 für Zoë — 茶,,,,1,5.00,0
900005,c1,c1@example.com,2024-12-01T10:00:00Z,USD,paid,5,,,,,,,1,5.00,0
END
ends_sound 'zero price, negative quantity, another currency, 4-byte UTF-8, no identity'
expect_json "$TEST_DIR/bundles.json" 'length > 0 and ([.[].products[].variant_id] | any(IN("z1", "z2", "z3")) | not)'

expect workers_stop

note 'an upload over a limit fails, by the name of the limit, in the event and in the table'
export BUNDLE_JOB_LINES_MAX=2
workers_start 1
write_file '1,c1,2025-01-01,USD,paid,11,v1,A,Mug,1,9.99' '2,c1,2025-01-02,USD,paid,21,v1,A,Mug,1,9.99' \
    '3,c1,2025-01-03,USD,paid,31,v1,A,Mug,1,9.99'
load demo "$file"
run_job demo "$UPLOAD" failed
expect_match 'job.lines_max' "$(job_field "$JOB" reason)" 'the reason'
expect_match '^failed\|.*job.lines_max' \
    "$(servers_psql "select status, error_message from csv_uploads where run_id = '$UPLOAD'")" 'the upload in the table'
expect workers_stop
unset BUNDLE_JOB_LINES_MAX

note 'so does one that needs more memory than a job may have'
generate "$TEST_DIR/large" 300000 --seed 1
expect_status 5 bundlectl preview "$TEST_DIR/large/orders.csv" --set job.memory_mb=16
expect_match '16 MiB.*job.memory_mb' "$OUTPUT" 'the error'
