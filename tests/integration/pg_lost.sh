#!/usr/bin/env bash
# Redis loses everything in the middle of a job, or a message never came: what csv_uploads says is asked for and not
# finished is enqueued again, once, with its options, and ends final. What is open or not a job is not.
# time limit: 180 s
source "$(dirname "$0")/../support/test.sh"

export BUNDLE_QUEUE_RECONCILE_S=1 BUNDLE_QUEUE_RECONCILE_AFTER_S=3 BUNDLE_QUEUE_SWEEP_MS=200
servers_start
expect servers_schema
load_generated demo 60000 --seed 3
demo=$UPLOAD
for shop in never plain wrong later held; do load_generated "$shop" 300 --seed 4; done
workers_start 2

upload_is() { # upload_is STATUS SHOP
    [ "$(servers_psql "SELECT count(*) FROM csv_uploads WHERE shop_id = '$2' AND status = '$1'")" = 1 ]
}
again() { cat "$TEST_DIR"/worker-*.log | grep 'upload enqueued again' | grep -c "shop=$1" || true; }
# The run's home is asked for, as by a web app.
request() { # request SHOP MESSAGE
    servers_psql "UPDATE csv_uploads SET status = 'requested', request = nullif('$2', '')::jsonb, updated_at = now() - interval '1 hour'
        WHERE shop_id = '$1' AND csv_type = 'orders'" >/dev/null
}
run_of() { servers_psql "SELECT DISTINCT run_id FROM csv_uploads WHERE shop_id = '$1'"; }

note 'everything is lost in the middle of a job'
push "{\"v\":1,\"shop\":\"demo\",\"upload\":\"$demo\",\"job\":\"lost\",\"force\":true,\"options\":{\"bundles\":7,\"max_discount\":12.5,\"exclude_tags\":[\"ünused\"]}}"
wait_until 20 upload_is preliminary demo
servers_redis flushall >/dev/null
servers_redis script flush >/dev/null
wait_until 30 upload_is final demo
wait_for_job lost
expect_equal final "$(job_field lost state)" 'the job'
expect_sound_events lost
expect_equal 1 "$(again demo)" 'times it was enqueued again'
expect_equal "$(jq -nSc --arg upload "$demo" '{v: 1, shop: "demo", $upload, job: "lost", options: {bundles: 7, max_discount: 12.5, exclude_tags: ["ünused"]}}')" \
    "$(servers_psql "SELECT request FROM csv_uploads WHERE shop_id = 'demo' AND csv_type = 'orders'" | jq -Sc .)" 'the request'
bundles_of demo "$demo" >"$TEST_DIR/bundles.json"
expect_json "$TEST_DIR/bundles.json" 'length == 7'

note 'a message that never came, with a request and without'
request never "$(jq -nc --arg upload "$(run_of never)" '{v: 1, shop: "never", $upload, job: "never-came", options: {bundles: 1}}')"
request plain ''
wait_until 20 upload_is final never
wait_until 20 upload_is final plain
expect_equal final "$(job_field never-came state)" 'job never-came'
bundles_of never "$(run_of never)" >"$TEST_DIR/bundles.json"
expect_json "$TEST_DIR/bundles.json" 'length <= 1'
expect_equal '1 1' "$(again never) $(again plain)" 'times they were enqueued again'

note 'the same job is asked for again, of which Redis knows that it has ended: under another name'
request never "$(jq -nc --arg upload "$(run_of never)" '{v: 1, shop: "never", $upload, job: "never-came"}')"
wait_until 20 upload_is final never
expect_equal 0 "$(servers_psql "SELECT count(*) FROM csv_uploads WHERE last_job = 'never-came'")" 'uploads of the old job'

note 'a request that is no job is written off'
request wrong '{"v":1,"shop":"another","upload":"u"}'
wait_until 20 upload_is failed wrong
expect_match 'not a job of this shop' "$(servers_psql "SELECT error_message FROM csv_uploads WHERE shop_id = 'wrong' AND status = 'failed'")" 'the error'

note 'also where a job had begun on it'
servers_psql "UPDATE csv_uploads SET status = 'processing', last_job = 'unread', updated_at = now() - interval '1 hour' WHERE shop_id = 'wrong' AND status = 'failed'" >/dev/null
wait_until 20 upload_is failed wrong
expect_equal unread "$(servers_psql "SELECT metadata->>'job' FROM generation_progress WHERE shop_domain = 'wrong'")" 'the job that failed'

note 'one that PostgreSQL refuses holds up nobody, and each worker says so once'
servers_psql "CREATE SEQUENCE tries"
servers_psql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN PERFORM nextval(''tries''); RAISE EXCEPTION ''not this one''; END'"
servers_psql "CREATE TRIGGER refuse BEFORE UPDATE ON csv_uploads FOR EACH ROW WHEN (NEW.shop_id = 'wrong' AND NEW.status = 'failed') EXECUTE FUNCTION refuse()"
servers_psql "UPDATE csv_uploads SET status = 'requested', request = CASE shop_id WHEN 'wrong' THEN request END,
    updated_at = now() - CASE shop_id WHEN 'wrong' THEN interval '2 hours' ELSE interval '1 hour' END WHERE shop_id IN ('wrong', 'plain') AND csv_type = 'orders'"
refusals() { cat "$TEST_DIR"/worker-*.log | grep 'level=warn' | grep -c 'not this one' || true; }
is_said() { [ "$(refusals)" -gt 0 ]; }
wait_until 20 is_said
expect_equal 2 "$(again plain)" 'times the one behind it was enqueued again'
wait_until 20 upload_is final plain
is_tried_again() { [ "$(servers_psql 'SELECT last_value FROM tries')" -gt 2 ]; } # one of the two has met it twice
wait_until 30 is_tried_again
[ "$(refusals)" -le 2 ] || fail "said $(refusals) times"
servers_psql "DROP TRIGGER refuse ON csv_uploads; DROP FUNCTION refuse; DROP SEQUENCE tries"
wait_until 20 upload_is failed wrong

note 'of a job that was cancelled PostgreSQL has forgotten it: it is written again, and nothing is made'
servers_psql "UPDATE csv_uploads SET status = 'processing', last_job = 'gone', updated_at = now(), request =
    '$(jq -nc --arg upload "$(run_of wrong)" '{v: 1, shop: "wrong", $upload, job: "gone"}')' WHERE shop_id = 'wrong' AND csv_type = 'orders'" >/dev/null
push "{\"v\":1,\"shop\":\"wrong\",\"upload\":\"$(run_of wrong)\",\"job\":\"gone\",\"delay_s\":600}"
push '{"v":1,"job":"gone","cancel":true}'
wait_until 20 upload_is cancelled wrong
servers_psql "UPDATE csv_uploads SET status = 'processing', updated_at = now() - interval '1 hour' WHERE last_job = 'gone'" >/dev/null
wait_until 20 upload_is cancelled wrong
expect_equal 0 "$(again wrong)" 'times it was enqueued again'

note 'what Redis knows to be open is left alone'
push "{\"v\":1,\"shop\":\"later\",\"upload\":\"$(run_of later)\",\"job\":\"later\",\"delay_s\":4}"
push "{\"v\":1,\"shop\":\"held\",\"upload\":\"$(run_of held)\",\"job\":\"held\",\"delay_s\":4}"
request later ''
request held '{"v":1,"shop":"another","upload":"u"}' # nor is it written off
wait_until 30 upload_is final later
wait_until 30 upload_is final held
expect_equal 0 "$(again later)" 'times it was enqueued again'
expect_equal final "$(job_field later state)" 'job later'
expect_equal '' "$(servers_redis hget "{$BUNDLE_QUEUE_NAME}:stats" jobs_joined)" 'jobs that came twice'
expect_equal 0 "$(cat "$TEST_DIR"/worker-*.log | grep 'cannot be enqueued' | grep -c shop=held || true)" 'times it was written off'
expect workers_stop

note 'more than one look has room for'
servers_psql "INSERT INTO csv_uploads (id, shop_id, status, request, updated_at) SELECT gen_random_uuid(), 'many', 'requested', '{\"v\":1}', now() - interval '1 hour' FROM generate_series(1, 230)"
BUNDLE_QUEUE_RECONCILE_S=4 workers_start 1
are_written_off() { [ "$(servers_psql "SELECT count(*) FROM csv_uploads WHERE shop_id = 'many' AND status = 'failed'")" = 230 ]; }
wait_until 30 are_written_off
expect_equal t "$(servers_psql "SELECT max(updated_at) - min(updated_at) < interval '7 seconds' FROM csv_uploads WHERE shop_id = 'many'")" 'all of them with the first look (the next ones: 4 and 8 s later)'
expect workers_stop
