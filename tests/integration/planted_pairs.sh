#!/usr/bin/env bash
# What the sample shop's orders hold together is found: of the planted pairs that met in five orders or more at least 95 %
# stand among the ranked pairs (whose order is another matter: they come by the orders that they newly cover), among each
# other's five nearest neighbours and, in small shops of which all is known, in bundles.
source "$(dirname "$0")/../support/test.sh"

recall() { # recall TRUTH PAIRS [BUNDLES]: documents of `pairs` and `preview`
    python3 - "$@" <<'END'
import itertools, json, sys
truth, evidence = (json.load(open(path)) for path in sys.argv[1:3])
planted = {frozenset(pair) for kind in ("pairs", "triples", "add_ons") for group in truth[kind]
           if group["joint_orders"] >= 5 for pair in itertools.combinations(group["variants"], 2)}
assert planted, "nothing was planted"

def found(pairs, where):
    share = len(planted & set(pairs)) / len(planted)
    print(f"{share:.3f} of {len(planted)} {where}")
    return share >= 0.95

ranked = [frozenset((pair["a"]["variant_id"], pair["b"]["variant_id"])) for pair in evidence["pairs"]]
near = {frozenset((item["variant_id"], other["variant_id"])) for item in evidence["neighbours"]
        for other in item["neighbours"]}
all_found = [found(ranked, f"among {len(ranked)} ranked pairs"), found(near, "among each other's neighbours")]
if len(sys.argv) > 3:
    bundles = json.load(open(sys.argv[3]))["bundles"]
    sold = {frozenset(pair) for bundle in bundles
            for pair in itertools.combinations((part["variant_id"] for part in bundle["products"]), 2)}
    all_found.append(found(sold, "in bundles"))
sys.exit(not all(all_found))
END
}

check() { # check LINES SEED [option...]: the bundles too, where there are few lines and no options
    local shop=$TEST_DIR/shop files=()
    note "$*"
    rm -rf "$shop"
    generate "$shop" "$1" --seed "${@:2}" --truth "$TEST_DIR/truth.json"
    files=("$shop"/*.csv)
    bundlectl pairs --json --top 20000 --neighbours 5 "${files[@]}" >"$TEST_DIR/pairs.json"
    if [ "$1" -gt 5000 ] || [ $# -gt 2 ]; then
        expect recall "$TEST_DIR/truth.json" "$TEST_DIR/pairs.json"
    else
        bundlectl preview --json "${files[@]}" >"$TEST_DIR/preview.json"
        expect recall "$TEST_DIR/truth.json" "$TEST_DIR/pairs.json" "$TEST_DIR/preview.json"
    fi
}

for lines in 1000 5000 20000 100000; do
    for seed in 1 2 3; do check "$lines" "$seed"; done
done
check 5000 4 --no-catalog
check 5000 5 --no-catalog --no-prices --no-dates
check 5000 6 --hostile
check 20000 7 --items 2000 --basket 4
