"""The runs of `scripts/bench queue`: our queue and BullMQ on one Redis, in turn, with the same work.

    queue_bench.py --bin DIR [--modules DIR] [--out DIR] [--only PART...] [--runs N] [--jobs N] [--latency-jobs N]
                   [--slots N] [--kills N] [--jobs-many N] [--json]

A job is one parent with 40 tasks that do nothing and leave 1,024 bytes each. Saturation: the workers are stopped
(SIGSTOP) while the jobs are queued and then go on, so that neither side's producer takes part in the time. The Redis is
BUNDLE_REDIS_URL's (a unix socket) and is emptied between runs. OUT gets queue.json, queue.txt and queue.svg.
"""
import argparse
import collections
import contextlib
import datetime
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time

import redis

import queue_svg
from bench_common import PATIENCE_S, POLL_S, Team, cpu_s, die, note, wait_until

HERE = pathlib.Path(__file__).parent
PARTS = ("peers", "aof", "delay", "replicas", "growth", "recovery", "fairness")
FAN_OUT = 40
WARM_JOBS = 40
SHOPS = 8
RECOVERY_QUEUES = 10
BACKLOG_JOBS = 200
# What this program asks for itself.
OWN_COMMANDS = {"info", "config", "ping", "flushall", "dbsize", "client"}


class Server:
    """The Redis, as seen from outside."""

    def __init__(self, socket):
        self.socket = socket
        self.redis = redis.Redis(unix_socket_path=socket)
        self.pid = self.redis.info("server")["process_id"]

    def empty(self, is_aof):
        self.redis.flushall()
        self.redis.config_set("appendonly", "yes" if is_aof else "no")
        self.redis.config_set("appendfsync", "everysec")
        wait_until(lambda: not self.redis.info("persistence")["aof_rewrite_in_progress"], "the AOF's first rewrite")

    def commands(self):
        """Calls so far, those inside scripts included."""
        stats = self.redis.info("commandstats")
        return sum(stat["calls"] for name, stat in stats.items()
                   if name.removeprefix("cmdstat_").split("|")[0].lower() not in OWN_COMMANDS)

    def used_mib(self):
        return self.redis.info("memory")["used_memory"] / 2**20

    @contextlib.contextmanager
    def peak_mib(self):
        """Yields a list whose last element is, afterwards, the most memory that was in use."""
        peak, is_over = [0.0], threading.Event()

        def look():
            connection = redis.Redis(unix_socket_path=self.socket)
            while not is_over.wait(0.02):
                peak.append(max(peak[-1], connection.info("memory")["used_memory"] / 2**20))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield peak
        finally:
            is_over.set()
            thread.join()


class Ours:
    """bench_queue_worker."""

    def __init__(self, plan, shape="noop", slots=None, queue="bench"):
        self.plan, self.shape, self.queue = plan, shape, queue
        self.slots = slots or plan.slots
        self.name = f"bundle-worker, {self.slots} slot" + ("s" if self.slots > 1 else "")
        self.key = "{" + queue + "}"
        self.queued = 0

    def environment(self, socket):
        return dict(os.environ, BUNDLE_REDIS_URL=f"unix://{socket}", BUNDLE_QUEUE_NAME=self.queue,
                    BUNDLE_WORKER_SLOTS=str(self.slots))

    def start(self, processes, socket):
        self.queued = 0
        return Team([[self.plan.bin / "bench_queue_worker", self.shape]] * processes, self.environment(socket),
                    "connected to Redis", self.plan.log())

    def load(self, jobs, socket, shop=None):
        pipeline = redis.Redis(unix_socket_path=socket).pipeline(transaction=False)
        for number in range(self.queued, self.queued + jobs):
            pipeline.rpush(f"{self.key}:jobs",
                           json.dumps({"v": 1, "shop": shop or f"shop-{number % SHOPS}", "upload": f"u-{number}"}))
        pipeline.execute()
        self.queued += jobs

    def pending(self, server):
        final, failed = server.redis.hmget(f"{self.key}:stats", "jobs_final", "jobs_failed")
        if failed:
            die("a job failed")
        return self.queued - int(final or 0)

    POLL_COMMANDS = 1

    def times(self, jobs, socket, shop="lone"):
        done = subprocess.run([self.plan.bin / "time_job", shop, "latency", str(jobs)], env=self.environment(socket),
                              stdout=subprocess.PIPE, check=True)
        self.queued += jobs
        return json.loads(done.stdout)

    def latency(self, jobs, socket):
        times = self.times(jobs, socket)["final_ms"]
        return times["median"], times["p99"]


class BullMQ:
    """Its flows, by queue_bullmq.mjs."""

    def __init__(self, plan, concurrency):
        self.plan, self.concurrency = plan, concurrency
        self.name = f"BullMQ flows, concurrency {concurrency}"

    def command(self, socket, *what):
        return ["node", HERE / "queue_bullmq.mjs", self.plan.modules, socket, *map(str, what)]

    def start(self, processes, socket):
        return Team([self.command(socket, "worker", self.concurrency)] * processes, os.environ, "ready", self.plan.log())

    def load(self, jobs, socket):
        subprocess.run(self.command(socket, "add", jobs), check=True)

    def pending(self, server):
        """A flow only moves on to the next of these, which are asked for in that order: none is missed."""
        failed, *counts = (server.redis.pipeline(transaction=False).zcard("bull:parents:failed")
                           .zcard("bull:parents:waiting-children").llen("bull:parents:wait")
                           .llen("bull:parents:active").execute())
        if failed:
            die("a flow of BullMQ failed")
        return sum(counts)

    POLL_COMMANDS = 4

    def latency(self, jobs, socket):
        done = subprocess.run(self.command(socket, "latency", jobs), stdout=subprocess.PIPE, check=True)
        times = json.loads(done.stdout)
        return times["p50"], times["p99"]


class Cell:
    """One row of a table: who, with how many processes, on what Redis."""

    def __init__(self, part, by, processes, is_aof=False, delay_ms=0):
        self.part, self.by, self.processes, self.is_aof, self.delay_ms = part, by, processes, is_aof, delay_ms
        self.runs = []

    def title(self):
        return f"{self.by.name}, {self.processes} process" + ("es" if self.processes > 1 else "")

    def row(self):
        figures = {name: statistics.median(run[name] for run in self.runs) for name in self.runs[0]}
        return {"part": self.part, "by": self.by.name, "is_ours": isinstance(self.by, Ours), "processes": self.processes,
                "aof": self.is_aof, "delay_ms": self.delay_ms, "runs": len(self.runs), **figures}


class Plan:
    def __init__(self, options, folder):
        self.options, self.folder, self.slots = options, folder, options.slots
        self.bin, self.modules = options.bin.resolve(), options.modules and options.modules.resolve()
        self.server = Server(os.environ["BUNDLE_REDIS_URL"].removeprefix("unix://"))
        self.logs = 0

    def log(self):
        self.logs += 1
        return open(self.folder / f"log-{self.logs}", "w", encoding="utf-8")

    @contextlib.contextmanager
    def socket(self, delay_ms):
        """The Redis' socket, or one that is that far away from it."""
        if not delay_ms:
            yield self.server.socket
            return
        socket = self.folder / "far.sock"
        command = [self.bin / "fault_proxy", socket, self.server.socket, str(delay_ms)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as proxy:
            wait_until(socket.is_socket, "the delay proxy")
            yield str(socket)
            proxy.terminate()
        socket.unlink()

    def peers(self):
        return [BullMQ(self, concurrency) for concurrency in (10, 50)] if self.modules else []

    def cells(self, parts):
        """The rows of the tables that compare."""
        ours, peers = Ours(self), self.peers()
        if "peers" in parts:
            yield from (Cell("peers", by, processes) for processes in (1, 2) for by in [ours, *peers])
        if "aof" in parts:
            yield from (Cell("aof", by, processes, is_aof=True) for processes in (1, 2) for by in [ours, *peers[1:]])
        if "delay" in parts:
            yield from (Cell("delay", by, processes, delay_ms=1) for processes in (1, 2) for by in [ours, *peers[1:]])
        if "replicas" in parts:
            yield from (Cell("replicas", by, processes) for processes in (1, 2, 4, 8) for by in [ours, *peers[1:]])

    def saturate(self, by, team, socket):
        """All jobs are queued, then the workers run: rate, CPU, commands, memory."""
        server, jobs = self.server, self.options.jobs
        tasks, polls = jobs * FAN_OUT, 0
        with server.peak_mib() as peak:
            commands = server.commands()
            team.tell(signal.SIGSTOP)
            by.load(jobs, socket)
            workers_s, redis_s, begun = team.cpu_s(), cpu_s(server.pid), time.monotonic()
            team.tell(signal.SIGCONT)
            until = begun + PATIENCE_S
            while by.pending(server):
                polls += 1
                if time.monotonic() > until:
                    die(f"{by.name}: {by.pending(server)} jobs are not done after {PATIENCE_S} s")
                time.sleep(POLL_S)
            wall_s = time.monotonic() - begun
        workers_s, redis_s = team.cpu_s() - workers_s, cpu_s(server.pid) - redis_s
        commands = server.commands() - commands - polls * by.POLL_COMMANDS
        return {"tasks_per_s": tasks / wall_s, "tasks_per_cpu_s": tasks / workers_s, "worker_us": workers_s / tasks * 1e6,
                "redis_us": redis_s / tasks * 1e6, "commands": commands / tasks, "peak_mib": peak[-1]}

    def run(self, cell):
        self.server.empty(cell.is_aof)
        with self.socket(cell.delay_ms) as socket:
            team = cell.by.start(cell.processes, socket)
            cell.by.load(WARM_JOBS, socket)
            wait_until(lambda: not cell.by.pending(self.server), "warming up")
            p50, p99 = cell.by.latency(self.options.latency_jobs, socket)
            figures = self.saturate(cell.by, team, socket)
            team.stop()
        cell.runs.append({**figures, "p50_ms": p50, "p99_ms": p99})

    def compare(self, parts):
        cells = list(self.cells(parts))
        for done in range(self.options.runs):
            for cell in cells:
                self.run(cell)
                note(f"  round {done + 1}, {cell.part}: {cell.title()}: {cell.runs[-1]['tasks_per_s']:,.0f} tasks/s")
        return [cell.row() for cell in cells]

    def growth(self):
        """Latency and memory after few jobs and after many."""
        ours, done = Ours(self), 0
        self.server.empty(False)
        team = ours.start(2, self.server.socket)
        for jobs in (10, 1000, self.options.jobs_many):
            while done < jobs:
                portion = min(500, jobs - done)
                ours.load(portion, self.server.socket)
                wait_until(lambda: not ours.pending(self.server), "the jobs ending")
                done += portion
            memory, keys = self.server.used_mib(), self.server.redis.dbsize()
            p50, p99 = ours.latency(self.options.latency_jobs, self.server.socket)
            note(f"  growth: after {done:,} jobs {memory:.1f} MiB, {p50:.2f} ms")
            yield {"jobs": done, "memory_mib": memory, "keys": keys, "p50_ms": p50, "p99_ms": p99}
            done += self.options.latency_jobs
        team.stop()

    def recover(self, number, kills, times):
        """Kills the worker that holds a task, again and again: how long until another one runs it."""
        ours, socket = Ours(self, "hold", 1, f"recovery-{number}"), self.server.socket
        channel = self.server.redis.pubsub(ignore_subscribe_messages=True)
        channel.subscribe(f"{ours.key}:begun")
        teams = collections.deque(ours.start(1, socket) for _ in range(2))
        begun = channel.listen()
        for _ in range(kills):
            ours.load(1, socket)
            pid = int(next(begun)["data"])
            time.sleep(random.uniform(0, 2))  # anywhere between two heartbeats
            (victim,) = [team for team in teams if team.processes[0].pid == pid]
            victim.tell(signal.SIGKILL)
            killed = time.monotonic()
            if int(next(begun)["data"]) == pid:
                die("a killed worker speaks")
            times.append(time.monotonic() - killed)
            victim.processes[0].wait()
            teams.remove(victim)
            wait_until(lambda: not ours.pending(self.server), "the job ending")
            queued = ours.queued
            teams.append(ours.start(1, socket))
            ours.queued = queued  # the queue goes on
        for team in teams:
            team.stop()

    def recovery(self):
        self.server.empty(False)
        kills, times = self.options.kills, []
        shares = [kills // RECOVERY_QUEUES + (i < kills % RECOVERY_QUEUES) for i in range(RECOVERY_QUEUES)]
        threads = [threading.Thread(target=self.recover, args=(i, share, times)) for i, share in enumerate(shares) if share]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(times) != kills:
            die(f"only {len(times)} of {kills} killed tasks ran again")
        return {"kills": kills, "p50_s": statistics.median(times), "max_s": max(times), "min_s": min(times)}

    def fairness(self):
        """A shop's job by itself, and while another shop's jobs fill the queue. Each task computes 2 ms."""
        ours, socket, runs = Ours(self, "spin", 1), self.server.socket, 30
        self.server.empty(False)
        team = ours.start(2, socket)
        ours.times(5, socket)
        alone = ours.times(runs, socket)
        ours.load(BACKLOG_JOBS, socket, shop="many")
        time.sleep(0.2)
        beside = ours.times(runs, socket)
        left = ours.pending(self.server)
        if not left:
            die("the other shop's jobs were done too early to be in the way")
        begun = time.monotonic()
        wait_until(lambda: not ours.pending(self.server), "the backlog")
        left_s = time.monotonic() - begun
        team.stop()
        return {"backlog_jobs": BACKLOG_JOBS, "left_jobs": left, "left_s": left_s,
                **{f"{who}_{what}": times[f"{what}_ms"] for who, times in (("alone", alone), ("beside", beside))
                   for what in ("preliminary", "final")}}


TITLES = {
    "peers": "no AOF, no delay",
    "aof": "AOF everysec",
    "delay": "1 ms of network delay per round trip",
    "replicas": "more processes (no AOF, no delay)",
}
HEAD = (f"  {'':<36} {'tasks/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'tasks/CPU s':>12} {'worker us':>10} {'Redis us':>9} "
        f"{'commands':>9} {'peak MiB':>9}")
LEGEND = """A job: 1 parent, 40 tasks that do nothing, 1,024 bytes from each. tasks/s: all jobs queued beforehand. p50, p99: one job
at a time, enqueued -> final seen by a listener. tasks/CPU s: per CPU second of the workers. worker, Redis us: CPU time a
task. commands: Redis commands a task, those inside scripts and the producer's included. peak: Redis' memory, all jobs
queued. Medians of runs in turn, on one Redis."""


def comparison_for_people(rows):
    for part, title in TITLES.items():
        mine = [row for row in rows if row["part"] == part]
        if not mine:
            continue
        yield title
        yield HEAD
        for row in mine:
            yield (f"  {row['by'] + ' x ' + str(row['processes']):<36} {row['tasks_per_s']:>9,.0f} {row['p50_ms']:>8.2f} "
                   f"{row['p99_ms']:>8.2f} {row['tasks_per_cpu_s']:>12,.0f} {row['worker_us']:>10.1f} {row['redis_us']:>9.1f} "
                   f"{row['commands']:>9.1f} {row['peak_mib']:>9.1f}")
        yield from ratios(mine)
        yield ""


def ratios(rows):
    for processes in sorted({row["processes"] for row in rows}):
        same = [row for row in rows if row["processes"] == processes]
        peers = [row for row in same if not row["is_ours"]]
        if peers and len(peers) < len(same):
            (ours,) = [row for row in same if row["is_ours"]]
            speed, thrift = (ours[name] / max(row[name] for row in peers) for name in ("tasks_per_s", "tasks_per_cpu_s"))
            yield f"  with {processes}: {speed:.1f} x the best peer's tasks/s, {thrift:.1f} x its tasks per worker CPU second"


def others_for_people(document):
    if document.get("growth"):
        yield "as jobs go by (2 processes)"
        yield f"  {'after jobs':>12} {'Redis MiB':>10} {'keys':>8} {'p50 ms':>8} {'p99 ms':>8}"
        for row in document["growth"]:
            yield f"  {row['jobs']:>12,} {row['memory_mib']:>10.2f} {row['keys']:>8,} {row['p50_ms']:>8.2f} {row['p99_ms']:>8.2f}"
        yield ""
    if document.get("recovery"):
        row = document["recovery"]
        yield f"from SIGKILL to the task running again, {row['kills']} kills: p50 {row['p50_s']:.2f} s, max {row['max_s']:.2f} s"
        yield ""
    if document.get("fairness"):
        row = document["fairness"]
        yield f"a shop with one job (40 tasks of 2 ms), 2 processes: alone, and beside a shop with {row['backlog_jobs']} jobs"
        yield f"  {'':<16} {'preliminary ms':>15} {'p99':>8} {'final ms':>10} {'p99':>8}"
        for who in ("alone", "beside"):
            first, last = row[f"{who}_preliminary"], row[f"{who}_final"]
            yield f"  {who:<16} {first['median']:>15.2f} {first['p99']:>8.2f} {last['median']:>10.2f} {last['p99']:>8.2f}"
        yield f"  in order of arrival it would have waited for {row['left_jobs']} jobs more: {row['left_s']:.1f} s"
        yield ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--modules", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--latency-jobs", type=int, default=200)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs-many", type=int, default=20000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    machine = f"{datetime.date.today()}, {os.cpu_count()} cores, {options.runs} runs"
    document = {"version": 1, "machine": machine}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        plan = Plan(options, pathlib.Path(folder))
        document["redis"] = plan.server.redis.info("server")["redis_version"]
        if plan.modules:
            document["bullmq"] = subprocess.run(BullMQ(plan, 0).command("", "version"), stdout=subprocess.PIPE, text=True,
                                                check=True).stdout.strip()
        else:
            note("BullMQ is left out: scripts/bench queue --install-peers installs it")
        document["rows"] = plan.compare(options.only)
        if "growth" in options.only:
            document["growth"] = list(plan.growth())
        if "recovery" in options.only:
            document["recovery"] = plan.recovery()
        if "fairness" in options.only:
            document["fairness"] = plan.fairness()
    peers = f", BullMQ {document['bullmq']}" if "bullmq" in document else ""
    lines = [f"{machine}, Redis {document['redis']}{peers}", "", *comparison_for_people(document["rows"]),
             *others_for_people(document), LEGEND]
    replicas = [row for row in document["rows"] if row["part"] == "replicas"]
    if replicas:
        (options.out / "queue.svg").write_text(queue_svg.draw(replicas))
    (options.out / "queue.json").write_text(json.dumps(document, indent=1) + "\n")
    (options.out / "queue.txt").write_text("\n".join(lines) + "\n")
    print(json.dumps(document) if options.json else "\n".join(lines))


main()
