"""The runs of `scripts/bench engine`: every rival on the same orders, in turn, each in a process of its own.

    engine.py --bin DIR [--out DIR] [--only PART...] [--runs N] [--sizes "LINES..."] [--json]

OUT gets engine.json (all figures), engine.txt (the tables) and growth.svg.
"""
import argparse
import datetime
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import growth_svg

HERE = pathlib.Path(__file__).parent
PYTHON = "/usr/bin/python3"  # Debian's: it sees Debian's packages
PARTS = ("pairs", "itemsets", "item2vec", "engine", "growth")
SLOW_LINES = 10_000_000  # and more: one run is enough
ROUNDS = 3  # rivals take turns, so that what else the machine does meets all of them
RETAIL_LIKE = "908000 lines, 16470 items, Zipf"
PYTHON_SYSTEM = "the Python system it replaces, quoted: 1,019 lines"
PYTHON_SYSTEM_S = 207


class Rival:
    """One row of a table: a command that prints one line of JSON, or figures from elsewhere. `judge`: a command that
    tells the facts of what the first one wrote."""

    def __init__(self, command=None, is_slow=False, quoted=None, judge=None, note=""):
        self.command, self.quoted, self.judge, self.note = command, quoted, judge, note
        self.is_slow = is_slow  # one run, in the first round

    def name(self):
        program, work = self.command[1:3] if self.command[0] == PYTHON else self.command[:2]
        return f"{pathlib.Path(program).name} {work}{self.note}"

    def run(self, runs):
        result = run_once([*self.command, "--runs", str(runs)])
        result["by"] += self.note
        if self.judge:
            result["facts"] = run_once(self.judge)["facts"]
        return result


class Table:
    """Rivals in one work on the same orders; the first is ours. `agree`: facts that must be equal."""

    def __init__(self, part, title, rivals, agree=()):
        self.part, self.title, self.rivals, self.agree = part, title, rivals, agree


def note(text):
    print(text, file=sys.stderr, flush=True)


@functools.cache
def has_module(name):
    has = subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0
    if not has:
        note(f"left out: python3-{name} is not installed (scripts/bench engine --install-peers does that)")
    return has


class Plan:
    """What is measured, and the files it is measured on."""

    def __init__(self, options, folder):
        self.bin, self.folder, self.runs, self.sizes = options.bin, folder, options.runs, options.sizes
        data = pathlib.Path(os.environ.get("BUNDLE_DATA", "../shared/data"))
        self.online_retail = data / "online_retail" / "OnlineRetail_to_2011-09.csv.gz"

    def shop(self, name, *options):
        folder = self.folder / name
        if not folder.exists():
            note(f"generating {name}")
            subprocess.run([self.bin / "generate_shop", "--out", folder, *options], check=True)
        return [folder / file for file in ("orders.csv", "catalog.csv", "variants.csv", "inventory.csv")
                if (folder / file).exists()]

    def retail_like(self):
        return self.shop("retail-like", "--lines", "908000", "--items", "16470", "--basket", "10.3", "--zipf", "1",
                         "--no-prices", "--no-dates", "--no-catalog")

    def ours(self, work, files, *options, is_slow=False, note=""):
        return Rival([self.bin / "bench_engine", work, *options, *files], is_slow, note=note)

    def baskets(self, work, files):
        baskets = self.folder / f"{pathlib.Path(files[0]).parent.name}.{work}"
        if not baskets.exists():
            run_once([self.bin / "bench_engine", work, "--out", baskets, *files])
        return baskets

    def peer(self, work, files, is_slow=False):
        return Rival([PYTHON, HERE / "peers.py", work, self.baskets("baskets", files)], is_slow)

    def gensim(self, files):
        neighbours = self.folder / "neighbours"
        return Rival([PYTHON, HERE / "peers.py", "gensim", self.baskets("training_baskets", files), "--out", neighbours],
                     is_slow=True, judge=[self.bin / "bench_engine", "neighbours", "--in", neighbours, *files])

    def data(self):
        if self.online_retail.exists():
            yield "Online Retail", [self.online_retail]
        else:
            note(f"left out: {self.online_retail} is not there (BUNDLE_DATA says where data are)")
        yield f"retail-like ({RETAIL_LIKE})", self.retail_like()

    def pairs(self):
        for name, files in self.data():
            rivals = [self.ours(work, files) for work in ("pair_counts", "pairs", "pairs_dense")]
            if has_module("scipy"):
                rivals.append(self.peer("scipy", files))
            rivals.append(self.peer("counter", files, is_slow=True))
            yield Table("pairs", f"all pair counts, {name}", rivals, ("multi_orders", "pair_increments", "pairs_distinct"))

    def itemsets(self):
        for name, files in self.data():
            for support in ("0.005", "0.002"):
                rivals = [self.ours(work, files, "--support", support) for work in ("itemsets", "apriori")]
                yield Table("itemsets", f"itemsets of 2 to 4 at support {float(support):.1%}, {name}", rivals,
                            ("sets_2", "sets_3", "sets_4", "sets_orders"))

    def item2vec(self):
        for name, files in list(self.data())[:-1]:
            rivals = [self.ours("item2vec", files),
                      self.ours("item2vec", files, "--set", "mining.item2vec_passes=20", "--set",
                                "mining.item2vec_visits_max=1000000000", note=", 20 passes"),
                      self.ours("item2vec", files, "--set", "mining.item2vec_popularity=0", note=", by likeness alone")]
            if has_module("gensim"):
                rivals.append(self.gensim(files))
            yield Table("item2vec", f"item2vec, 64 dimensions, trained on the older 80 % of the orders, {name}", rivals)

    def engine(self):
        small = [self.ours("engine", self.shop("1000 lines", "--lines", "1000")),
                 Rival(quoted={"by": PYTHON_SYSTEM, "median_s": PYTHON_SYSTEM_S})]
        yield Table("engine", "orders in memory -> final bundles, a shop of 1,000 lines", small)
        for name, files in list(self.data())[:-1]:
            yield Table("engine", f"orders in memory -> final bundles, {name}", [self.ours("engine", files)])
        files = self.shop("541909 lines", "--lines", "541909")
        yield Table("engine", "orders in memory -> final bundles, a shop of 541,909 lines", [self.ours("engine", files)])

    def growth(self):
        for lines in self.sizes:
            files = self.shop(f"{lines} lines", "--lines", str(lines))
            yield Table("growth", f"growth, {lines:,} lines", [self.ours("engine", files, is_slow=lines >= SLOW_LINES)])

    def tables(self, parts):
        for part in PARTS:
            if part in parts:
                yield from getattr(self, part)()


def run_once(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))}: status {done.returncode}")
    return json.loads(done.stdout)


def merged(results):
    """The rounds of one rival as one result."""
    result = dict(results[-1])
    result["seconds"] = [second for each in results for second in each["seconds"]]
    result["runs"] = len(result["seconds"])
    result["median_s"] = statistics.median(result["seconds"])
    result["cpu_s"] = statistics.median(each["cpu_s"] for each in results)
    result["phases_s"] = {phase: statistics.median(each["phases_s"][phase] for each in results)
                          for phase in result["phases_s"]}
    result["peak_mib"] = max(each["peak_mib"] for each in results)
    return result


def measure(table, runs):
    measured = [rival for rival in table.rivals if rival.command]
    results = {rival: [] for rival in measured}
    for done in range(ROUNDS):
        for rival in measured:
            if done > 0 and rival.is_slow:
                continue
            note(f"  {table.title}: round {done + 1}, {rival.name()}")
            results[rival].append(rival.run(1 if rival.is_slow else -(-runs // ROUNDS)))
    rows = [dict(rival.quoted, is_quoted=True) if rival.quoted else merged(results[rival]) for rival in table.rivals]
    check_agreement(table, [row for row in rows if "facts" in row])
    return {"part": table.part, "title": table.title, "rows": rows}


def check_agreement(table, rows):
    for fact in table.agree:
        values = {row["by"]: row["facts"][fact] for row in rows if fact in row["facts"]}
        if len(set(values.values())) > 1:
            sys.exit(f"bench: {table.title}: not the same {fact}: {values}")


def seconds(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.1 else f"{value:.4f}"


def rows_for_people(result):
    ours = result["rows"][0]
    yield result["title"]
    for row in result["rows"]:
        if row.get("is_quoted"):
            yield f"  {row['by']:<48} {seconds(row['median_s']):>9}"
            continue
        ratio = f"{row['cpu_s'] / ours['cpu_s']:.2f}" if row is not ours and ours["cpu_s"] else ""
        yield (f"  {row['by']:<48} {seconds(row['median_s']):>9} {seconds(row['cpu_s']):>9} {ratio:>7} "
               f"{row['base_mib']:>9.0f} {row['peak_mib']:>9.0f} {row['runs']:>5}")
    if ours.get("phases_s"):
        yield "  by phase: " + ", ".join(f"{phase} {value * 1000:.1f} ms" for phase, value in ours["phases_s"].items())
    for row in result["rows"]:
        others = {fact: value for fact, value in row.get("facts", {}).items() if fact != "digest"}
        if row is ours or others.items() - ours["facts"].items():
            yield f"  {row['by']}: " + ", ".join(f"{fact.replace('_', ' ')} {value:,}" for fact, value in others.items())
    yield ""


def growth_for_people(rows):
    """One line for each number of order lines; bytes: the peak, less what the smallest shop needs, over the lines."""
    phases = list(rows[0]["phases_s"])
    yield "how it grows: generated shops, orders in memory -> final bundles, a process for each"
    yield f"  {'lines':>12} {'seconds':>9} {'CPU s':>9}" + "".join(f"{phase + ' s':>10}" for phase in phases) + \
        f" {'base MiB':>9} {'peak MiB':>9} {'bytes':>6} {'bundles':>8}"
    for row in rows:
        lines, more_mib = row["facts"]["lines"], row["peak_mib"] - rows[0]["peak_mib"]
        yield f"  {lines:>12,} {seconds(row['median_s']):>9} {seconds(row['cpu_s']):>9}" + \
            "".join(f"{seconds(row['phases_s'][phase]):>10}" for phase in phases) + \
            f" {row['base_mib']:>9.0f} {row['peak_mib']:>9.0f} {more_mib * 2**20 / lines:>6.0f} {row['facts']['bundles']:>8,}"
    yield ""


HEAD = f"  {'':<48} {'median s':>9} {'CPU s':>9} {'x ours':>7} {'base MiB':>9} {'peak MiB':>9} {'runs':>5}"
LEGEND = """median s: wall time; CPU s: median of all threads together; x ours: by CPU time. base: with the orders in memory, before
the first run; peak: the most during the runs. Rivals took turns, each in processes of their own."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/bench"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--sizes", default="1000 10000 100000 1000000 10000000",
                        type=lambda text: [int(size) for size in text.split()])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    machine = f"{datetime.date.today()}, {os.cpu_count()} cores"
    results, lines = [], [machine, ""] + ([] if options.only == ["growth"] else [HEAD])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for table in Plan(options, pathlib.Path(folder)).tables(options.only):
            results.append(measure(table, options.runs))
            rows = list(rows_for_people(results[-1]))
            note("\n".join([HEAD, *rows]))
            lines += rows if table.part != "growth" else []
    growth = [result["rows"][0] for result in results if result["part"] == "growth"]
    if growth:
        lines += growth_for_people(growth)
        (options.out / "growth.svg").write_text(growth_svg.draw(growth))
    lines.append(LEGEND)
    document = {"version": 1, "machine": machine, "tables": results}
    (options.out / "engine.json").write_text(json.dumps(document, indent=1) + "\n")
    (options.out / "engine.txt").write_text("\n".join(lines) + "\n")
    print(json.dumps(document) if options.json else "\n".join(lines))


main()
