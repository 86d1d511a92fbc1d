#!/usr/bin/env bash
# The shipped roles are enough: a web app's imports an upload, a worker's makes its bundles, the web app's approves one and
# deletes the upload. And they are no more than that.
source "$(dirname "$0")/../support/test.sh"

worker=$WORKERS_PG_URL
web=$(servers_url_as bundle_web)
as() { # as URL SQL
    BUNDLE_PG_URL=$1 servers_psql "$2"
}
expect_denied() { # expect_denied URL SQL...
    local url=$1 sql
    shift
    for sql in "$@"; do
        expect_status 1 as "$url" "$sql"
        expect_match 'permission denied|must be (owner|superuser)' "$OUTPUT" "$sql"
    done
}

generate "$TEST_DIR/demo" 2000 --seed 3
BUNDLE_PG_URL=$web load demo "$TEST_DIR"/demo/{orders,variants,inventory,catalog}.csv
BUNDLE_PG_URL=$web expect bundlectl shop set demo --option bundles=20 >/dev/null
as "$web" "UPDATE csv_uploads SET status = 'requested', request = '{\"v\": 1}', requested_at = now() WHERE csv_type = 'orders'" >/dev/null
workers_start 1
run_job demo "$UPLOAD"
expect_equal bundle_worker "$(servers_psql "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bundle-worker%'")" 'the role'
expect [ "$(as "$web" 'SELECT count(*) FROM bundle_recommendations')" -gt 0 ]
expect_equal 'final|100' "$(as "$web" 'SELECT status, progress FROM generation_progress')" 'progress'
as "$web" 'UPDATE bundle_recommendations SET is_approved = true WHERE rank_position = 1' >/dev/null
run_job demo "$UPLOAD"
job=$(job_field "$JOB" state)
expect_equal final "$job" 'a repeat beside an approved bundle'
BUNDLE_PG_URL=$worker bundlectl doctor --json >"$TEST_DIR/doctor.json" || true # what else it finds is not ours
expect_json "$TEST_DIR/doctor.json" '[.. | objects | select(.area? == "postgres" and .check? == "rights") | .status] == ["ok"]'
expect workers_stop

expect_denied "$worker" 'CREATE TABLE mine (x int)' 'DROP TABLE orders' 'TRUNCATE orders' 'DELETE FROM csv_uploads' \
    'INSERT INTO csv_uploads (id, shop_id) VALUES (gen_random_uuid(), 1)' 'UPDATE csv_uploads SET shop_id = 1' \
    'UPDATE orders SET total = 0' 'DELETE FROM order_lines' 'UPDATE catalog_snapshot SET price = 0' \
    'UPDATE shops SET settings = NULL' 'CREATE ROLE other' 'SELECT rolpassword FROM pg_authid' "COPY orders TO '/tmp/x'"
expect_denied "$web" 'CREATE TABLE mine (x int)' 'DROP TABLE orders' 'TRUNCATE orders' 'DELETE FROM bundle_recommendations' \
    'UPDATE bundle_recommendations SET pricing = NULL' 'UPDATE generation_progress SET progress = 1' 'CREATE ROLE other'
BUNDLE_PG_URL=$worker expect_status 8 bundlectl schema apply
expect_match 'config/postgres-role.sql' "$OUTPUT" 'the remedy'

as "$web" 'DELETE FROM csv_uploads' >/dev/null
expect_equal '0|0|0' "$(servers_psql 'SELECT (SELECT count(*) FROM order_lines), (SELECT count(*) FROM catalog_snapshot),
    (SELECT count(*) FROM bundle_recommendations)')" 'rows left'
