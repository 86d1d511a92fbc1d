"""What others do with the same orders: one work, one line of JSON, as bench_engine prints it.

    peers.py scipy|counter BASKETS [--runs N]            all pair counts
    peers.py gensim BASKETS --out NEIGHBOURS [--runs N]  item2vec; lines of an item and its ten nearest

BASKETS: one order a line, item numbers ascending (bench_engine baskets). Needs Debian's python3-scipy, python3-gensim.
"""
import argparse
import collections
import itertools
import json
import resource
import statistics
import time


def memory_mib(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Bench:
    """Times runs as bench_engine does: memory when the first begins, the most during them."""

    def __init__(self, runs):
        self.runs, self.seconds, self.cpu, self.base, self.peak = runs, [], [], 0, 0

    def measure(self, work):
        result = None
        for run in range(self.runs):
            result = None
            if run == 0:
                self.base = memory_mib("VmRSS:")
            with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
                refs.write("5")
            cpu, begun = cpu_s(), time.perf_counter()
            result = work()
            self.seconds.append(time.perf_counter() - begun)
            self.cpu.append(cpu_s() - cpu)
            self.peak = max(self.peak, memory_mib("VmHWM:"))
        return result

    def print(self, work, by, facts):
        print(json.dumps({
            "work": work, "by": by, "runs": len(self.seconds), "seconds": [round(s, 6) for s in self.seconds],
            "median_s": round(statistics.median(self.seconds), 6), "cpu_s": round(statistics.median(self.cpu), 6),
            "phases_s": {}, "base_mib": round(self.base, 1), "peak_mib": round(self.peak, 1), "facts": facts}))


def read_baskets(path):
    with open(path, encoding="ascii") as lines:
        return [[int(item) for item in line.split()] for line in lines]


def pairs_scipy(bench, baskets, _):
    import numpy
    import scipy
    from scipy import sparse

    first = numpy.cumsum([0] + [len(basket) for basket in baskets])
    items = numpy.fromiter(itertools.chain.from_iterable(baskets), numpy.int32)
    orders = sparse.csr_matrix((numpy.ones(len(items), numpy.int32), items, first))
    counts = bench.measure(lambda: orders.T.tocsr() @ orders)
    of_items = counts.diagonal()
    bench.print("pairs", f"scipy {scipy.__version__}, sparse product",
                {"multi_orders": len(baskets), "pair_increments": int(counts.sum() - of_items.sum()) // 2,
                 "pairs_distinct": int(counts.nnz - (of_items > 0).sum()) // 2})


def pairs_counter(bench, baskets, _):
    def count():
        counts = collections.Counter()
        for basket in baskets:
            counts.update(itertools.combinations(basket, 2))
        return counts

    counts = bench.measure(count)
    bench.print("pairs", "Python, Counter",
                {"multi_orders": len(baskets), "pair_increments": counts.total(), "pairs_distinct": len(counts)})


def item2vec_gensim(bench, baskets, out):
    import gensim
    import numpy
    from gensim.models import Word2Vec

    sentences = [[str(item) for item in basket] for basket in baskets]
    model = bench.measure(lambda: Word2Vec(sentences, vector_size=64, window=1000, shrink_windows=False, sg=1, hs=0,
                                           negative=5, min_count=1, epochs=5, workers=1, seed=1))
    items = numpy.array([int(item) for item in model.wv.index_to_key])
    vectors = model.wv.get_normed_vectors()
    with open(out, "w", encoding="ascii") as lines:
        for row, likeness in enumerate(vectors @ vectors.T):
            likeness[row] = -numpy.inf
            best = numpy.argsort(-likeness, kind="stable")[:10]
            print(items[row], *items[best], file=lines)
    bench.print("item2vec", f"gensim {gensim.__version__}, 5 epochs, whole baskets", {})


WORKS = {"gensim": item2vec_gensim, "scipy": pairs_scipy, "counter": pairs_counter}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("baskets")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out")
    options = parser.parse_args()
    WORKS[options.work](Bench(options.runs), read_baskets(options.baskets), options.out)


main()
