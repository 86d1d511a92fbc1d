"""The runs of `scripts/bench copy`: copy by a language model, against a model server with the latency that is asked for.

    copy_bench.py --bin DIR [--out DIR] [--only PART...] [--runs N] [--jobs N] [--latency LOW-HIGH] [--json]

wall    one job at a time with 50 bundles in 5 requests of 10, all in flight at once: the copy stage from its opening to
        its last task's end, beside the slowest single request as the server saw it
load    JOBS jobs at once, one bundle in a request, 64 requests in flight: requests a second, the worker's CPU per request
        (what the same jobs take without a model is taken off), who wrote the copy, connections at the server
slots   jobs that compute all offers again, with copy that is there already, alone and beside 64 requests that never end

Redis, PostgreSQL and the model server are private ones, on this machine: its cores are shared by all of them. OUT gets
copy.json and copy.txt.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import urllib.request

import redis

from bench_common import PATIENCE_S, TIE, Team, die, note, wait_until

PARTS = ("wall", "load", "slots")
BUNDLES = 50
BATCH = 10
IN_FLIGHT = 64
LOAD_LATENCY = "100-300"
HANGING_JOBS = 12
QUEUE = "{bundles}"


def figures_of(times):
    return {"median": statistics.median(times), "max": max(times)}


class Model:
    """model_server, and what it has seen."""

    def __init__(self, plan, latency):
        command = [*TIE, plan.bin / "model_server", "--latency", latency, "--key", "bench"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.base = "http://" + self.process.stdout.readline().split()[-1]
        self.calls = 0
        self.direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxies the environment has

    def call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        self.calls += 1
        with self.direct.open(urllib.request.Request(self.base + path, data, method=method), timeout=30) as answer:
            return json.load(answer)

    def stats(self):
        """Without the connections that asked here."""
        stats = self.call("GET", "/stats")
        return {**stats, "connections_open": stats["connections_open"] - 1,
                "connections_total": stats["connections_total"] - self.calls}

    def stop(self):
        self.process.terminate()
        if self.process.wait(PATIENCE_S) != 0:
            die(f"the model server ended with status {self.process.returncode}")


class Plan:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.bin = options.bin.resolve()
        self.pg_url = os.environ["BUNDLE_PG_URL"]
        self.redis = redis.Redis(unix_socket_path=os.environ["BUNDLE_REDIS_URL"].removeprefix("unix://"))
        self.templates = {}
        self.logs = self.jobs = 0

    def log(self):
        self.logs += 1
        return open(self.folder / f"log-{self.logs}", "w", encoding="utf-8")

    # -- shops --

    def sql(self, text):
        psql = pathlib.Path(os.environ["SERVERS_PG_BIN"]) / "psql"
        done = subprocess.run([psql, "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", self.pg_url, "-c", text],
                              stdout=subprocess.PIPE, check=True, text=True)
        return done.stdout.strip()

    def template(self, lines):
        """An imported shop of so many order lines: its run_id."""
        if lines not in self.templates:
            folder = self.folder / f"shop-{lines}"
            subprocess.run([self.bin / "generate_shop", "--lines", str(lines), "--seed", "1", "--out", folder], check=True,
                           stdout=subprocess.DEVNULL)
            done = subprocess.run([self.bin / "bundlectl", "--json", "import", *sorted(folder.glob("*.csv")), "--shop",
                                   f"template-{lines}"], check=True, stdout=subprocess.PIPE)
            self.templates[lines] = json.loads(done.stdout)["run_id"]
        return self.templates[lines]

    def clone(self, lines, shops):
        """Shops with the template's rows: [(shop, upload)]."""
        source = self.template(lines)
        tables = self.sql("select table_name from information_schema.columns where column_name = 'csv_upload_id' and "
                          "table_schema = 'public' and table_name <> 'bundle_recommendations'").split()
        for table in ["csv_uploads", *tables]:
            columns = self.sql(f"select string_agg(column_name, ',' order by ordinal_position) from "
                               f"information_schema.columns where table_name = '{table}' and table_schema = 'public'")
            values = {"id": "md5(t.id::text || s)::uuid", "csv_upload_id": "md5(t.csv_upload_id::text || s)::uuid",
                      "run_id": "md5(t.run_id || s)::uuid::text", "shop_id": "s"}
            chosen = ",".join(values.get(column, f"t.{column}") for column in columns.split(","))
            link = "" if table == "csv_uploads" else "join csv_uploads u on u.id = t.csv_upload_id "
            names = ",".join(f"'{shop}'" for shop in shops)
            self.sql(f"insert into {table} ({columns}) select {chosen} from {table} t {link}cross join "
                     f"unnest(array[{names}]) s where {'u' if link else 't'}.run_id = '{source}'")
        self.sql("analyze")
        rows = self.sql("select distinct shop_id || ' ' || run_id from csv_uploads where shop_id = any(array["
                        + ",".join(f"'{shop}'" for shop in shops) + "])")
        return [tuple(row.split()) for row in rows.splitlines()]

    # -- jobs --

    def workers(self, n=1, **settings):
        values = {"BUNDLE_" + name.upper(): str(value) for name, value in settings.items()}
        return Team([[self.bin / "bundle-worker"]] * n, dict(os.environ, **values), "connected to Redis", self.log())

    def push(self, shops, **options):
        """One job each; their ids."""
        ids, pipeline = [], self.redis.pipeline(transaction=False)
        for shop, upload in shops:
            self.jobs += 1
            ids.append(f"bench-{self.jobs}")
            pipeline.rpush(f"{QUEUE}:jobs", json.dumps({"v": 1, "shop": shop, "upload": upload, "job": ids[-1],
                                                        "force": True, **options}))
        pipeline.execute()
        return ids

    def ended(self):
        counts = self.redis.hmget(f"{QUEUE}:stats", "jobs_final", "jobs_failed", "jobs_cancelled")
        return [int(count or 0) for count in counts]

    def run(self, shops, what, **options):
        """Until all are final; the seconds that took."""
        before, begun = self.ended(), time.monotonic()
        ids = self.push(shops, **options)
        wait_until(lambda: sum(self.ended()) - sum(before) >= len(shops), what, 0.02)
        wall_s, after = time.monotonic() - begun, self.ended()
        if after[0] - before[0] != len(shops):
            die(f"{what}: {after[0] - before[0]} of {len(shops)} jobs became final")
        return wall_s, ids

    def copy_stage_ms(self, job):
        """From the first event that names the stage's tasks to the one that says they have all ended, by Redis' clock."""
        events = [json.loads(fields[b"event"]) for _, fields in self.redis.xrange(f"{QUEUE}:job:{job}:log")
                  if b"event" in fields]
        events = [event for event in events if event.get("copy_total")]
        ended = [event["ts"] for event in events if event["copy_done"] == event["copy_total"]]
        if not ended:
            die(f"job {job} had no copy stage")
        return ended[0] - events[0]["ts"]

    def sources(self, shops):
        """Who wrote the copy of the shops' final bundles: {"model": 500, ...}."""
        names = ",".join(f"'{shop}'" for shop, _ in shops)
        rows = self.sql(f"select ai_copy->>'source', count(*) from bundle_recommendations where status = 'final' and "
                        f"shop_id = any(array[{names}]) group by 1 order by 1")
        return {source: int(n) for source, n in (row.split("|") for row in rows.splitlines())}


# ---- the parts ----

def wall(plan):
    model = Model(plan, plan.options.latency)
    team = plan.workers(copy_url=model.base + "/v1", copy_key="bench", copy_max_bundles=BUNDLES, copy_batch=BATCH,
                        copy_in_flight=BUNDLES // BATCH, copy_cache_ttl_s=0)
    shops, rows = plan.clone(20000, [f"wall-{i}" for i in range(plan.options.runs)]), []
    for i, shop in enumerate(shops):
        model.call("PUT", "/behaviour", {"seed": i + 1})
        model.call("DELETE", "/stats")
        _, (job,) = plan.run([shop], "a job with copy")
        stats, sources = model.stats(), plan.sources([shop])
        if stats["requests"] != BUNDLES // BATCH or sources.get("model") != BUNDLES:
            die(f"{stats['requests']} requests, copy by {sources}: not {BUNDLES // BATCH} for {BUNDLES} bundles")
        rows.append({"stage_ms": plan.copy_stage_ms(job), "slowest_ms": stats["slowest_ms"],
                     "sum_ms": sum(request["took_ms"] for request in stats["last_requests"])})
        rows[-1]["ratio"] = rows[-1]["stage_ms"] / rows[-1]["slowest_ms"]
        note(f"  wall: {rows[-1]['stage_ms']} ms, the slowest request {rows[-1]['slowest_ms']} ms")
    team.stop()
    model.stop()
    return {"latency_ms": plan.options.latency, "bundles": BUNDLES, "requests": BUNDLES // BATCH, "runs": rows,
            "ratio": figures_of([row["ratio"] for row in rows])}


def load(plan):
    shops = plan.clone(60, [f"load-{i}" for i in range(plan.options.jobs)])
    settings = {"copy_max_bundles": 10, "copy_batch": 1, "copy_in_flight": IN_FLIGHT, "copy_cache_ttl_s": 0,
                "copy_budget_s": 3600, "queue_keep_s": 60}
    team = plan.workers(**settings)
    plan.run(shops[:20], "warming up")
    cpu_s = team.cpu_s()
    plain_s, _ = plan.run(shops, "the jobs without a model")
    plain_cpu_s = team.cpu_s() - cpu_s
    team.stop()
    model = Model(plan, LOAD_LATENCY)
    team = plan.workers(copy_url=model.base + "/v1", copy_key="bench", **settings)
    cpu_s = team.cpu_s()
    wall_s, _ = plan.run(shops, "the jobs with a model")
    copy_cpu_s, thread_cpu_s, stats = team.cpu_s() - cpu_s - plain_cpu_s, team.cpu_s("copywriter"), model.stats()
    if stats["running_max"] > IN_FLIGHT or stats["connections_open"] > IN_FLIGHT:
        die(f"{stats['running_max']} requests at once and {stats['connections_open']} connections: more than {IN_FLIGHT}")
    sources = plan.sources(shops)
    team.stop()
    left = model.stats()["connections_open"]
    model.stop()
    note(f"  load: {stats['requests']} requests in {wall_s:.1f} s")
    return {"jobs": len(shops), "in_flight": IN_FLIGHT, "latency_ms": LOAD_LATENCY, "requests": stats["requests"],
            "wall_s": wall_s, "plain_s": plain_s, "requests_per_s": stats["requests"] / wall_s,
            "cpu_us_per_request": copy_cpu_s / stats["requests"] * 1e6,
            "thread_us_per_request": thread_cpu_s / stats["requests"] * 1e6, "in_flight_max": stats["running_max"],
            "sources": sources, "connections_made": stats["connections_total"],
            "connections_open": stats["connections_open"], "connections_open_after_stop": left}


def slots(plan):
    """The jobs that are timed compute all offers again, and have copy from their first run: they ask nobody."""
    model = Model(plan, "0-0")
    team = plan.workers(copy_url=model.base + "/v1", copy_key="bench", copy_max_bundles=10, copy_batch=1,
                        copy_in_flight=IN_FLIGHT, copy_cache_ttl_s=0, copy_budget_s=3600, copy_timeout_ms=600000)
    ((shop, upload),) = plan.clone(1000, ["slots"])
    hanging = plan.clone(1000, [f"hanging-{i}" for i in range(HANGING_JOBS)])
    runs, times = plan.options.runs * 20, {"alone": [], "beside": []}

    def time_jobs(who):
        done = subprocess.run([plan.bin / "time_job", shop, upload, str(runs)], stdout=subprocess.PIPE, check=True)
        times[who].append(json.loads(done.stdout)["final_ms"]["median"])

    plan.run([(shop, upload)], "the first run")
    asked = model.stats()["requests"]
    time_jobs("alone")
    if model.stats()["requests"] != asked:
        die("a job asked again for copy that it had")
    model.call("PUT", "/behaviour", {"faults": [{"do": "timeout", "mentions": '"locale":"fr"'}]})
    jobs = plan.push(hanging, options={"locale": "fr"})
    wait_until(lambda: model.stats()["running"] == IN_FLIGHT, "requests that hang", 0.05)
    time_jobs("beside")
    if model.stats()["running"] != IN_FLIGHT:
        die("the requests do not hang any more")
    before, begun = plan.ended(), time.monotonic()
    for job in jobs:
        subprocess.run([plan.bin / "bundlectl", "queue", "cancel", job], check=True, stdout=subprocess.DEVNULL)
    wait_until(lambda: model.stats()["running"] == 0, "requests ending with their jobs", 0.02)
    cancel_s = time.monotonic() - begun
    wait_until(lambda: plan.ended()[2] - before[2] == len(jobs), "cancelled jobs", 0.02)
    time_jobs("alone")
    team.stop()
    model.stop()
    alone = statistics.mean(times["alone"])
    note(f"  slots: {alone:.1f} ms alone, {times['beside'][0]:.1f} ms beside {IN_FLIGHT} requests that hang")
    return {"jobs": runs, "hanging": IN_FLIGHT, "alone_ms": times["alone"], "beside_ms": times["beside"][0],
            "ratio": times["beside"][0] / alone, "cancel_s": cancel_s}


# ---- for people ----

def wall_for_people(row):
    yield f"one job, {row['bundles']} bundles in {row['requests']} requests at once, {row['latency_ms']} ms a request"
    yield f"  {'copy stage ms':>14} {'slowest request ms':>19} {'ratio':>7} {'one by one ms':>14}"
    for run in row["runs"]:
        yield f"  {run['stage_ms']:>14,} {run['slowest_ms']:>19,} {run['ratio']:>7.3f} {run['sum_ms']:>14,}"
    yield f"  ratio: median {row['ratio']['median']:.3f}, worst {row['ratio']['max']:.3f} (aim: 1.1 at most)"


def load_for_people(row):
    yield f"{row['jobs']:,} jobs at once, one worker, {row['in_flight']} requests in flight, {row['latency_ms']} ms each"
    yield (f"  {row['requests']:,} requests in {row['wall_s']:.1f} s: {row['requests_per_s']:,.0f} a second "
           f"(the jobs without a model: {row['plain_s']:.1f} s)")
    yield (f"  CPU a request: {row['thread_us_per_request']:,.0f} us in the copywriter's thread, "
           f"{row['cpu_us_per_request']:,.0f} us more of the worker than for the same jobs without a model")
    yield f"  at most {row['in_flight_max']} requests at the server at once"
    yield "  all jobs final; copy by " + ", ".join(f"{source}: {n:,}" for source, n in row["sources"].items())
    yield (f"  connections: {row['connections_made']:,} made, {row['connections_open']} open afterwards, "
           f"{row['connections_open_after_stop']} when the worker has stopped")


def slots_for_people(row):
    yield f"jobs of 1,000 order lines that compute all offers again, one worker; medians of {row['jobs']} from push to final"
    yield (f"  alone {row['alone_ms'][0]:.2f} and {row['alone_ms'][1]:.2f} ms, beside {row['hanging']} requests that hang "
           f"{row['beside_ms']:.2f} ms: {row['ratio']:.2f} x")
    yield f"  the hanging jobs cancelled: all {row['hanging']} requests were gone after {row['cancel_s']:.2f} s"


RENDER = {"wall": wall_for_people, "load": load_for_people, "slots": slots_for_people}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--latency", default="2000-5000")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    document = {"version": 1, "machine": f"{datetime.date.today()}, {os.cpu_count()} cores"}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        plan = Plan(options, pathlib.Path(folder))
        for part in options.only:
            document[part] = {"wall": wall, "load": load, "slots": slots}[part](plan)
    lines = [document["machine"]]
    for part in options.only:
        lines += ["", *RENDER[part](document[part])]
    (options.out / "copy.json").write_text(json.dumps(document, indent=1) + "\n")
    (options.out / "copy.txt").write_text("\n".join(lines) + "\n")
    print(json.dumps(document) if options.json else "\n".join(lines))


main()
