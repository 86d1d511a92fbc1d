#!/usr/bin/env bash
# The sample shop that other tests rest on: the same bytes for the same seed, exactly the lines that were asked for, and a
# truth that a recount of its files confirms.
source "$(dirname "$0")/../support/test.sh"

recount() { # recount DIR: the truth once more, from orders.csv
    /usr/bin/python3 - "$1" <<'END'
import collections, csv, json, sys
truth = json.load(open(sys.argv[1] + "/truth.json"))
orders, lines, statuses = collections.defaultdict(set), 0, {}
for row in csv.DictReader(open(sys.argv[1] + "/orders.csv", encoding="utf-8")):
    lines += 1
    statuses[row["order_id"]] = row["financial_status"]
    orders[row["order_id"]].add(row["variant_id"])
paid = [items for order, items in orders.items() if statuses[order] == "paid"]
assert lines == truth["lines"], (lines, truth["lines"])
assert len(orders) == truth["orders"] and len(paid) == truth["paid_orders"], (len(orders), len(paid))
for group in truth["pairs"] + truth["triples"] + truth["add_ons"]:
    joint = sum(set(group["variants"]) <= items for items in paid)
    assert joint == group["joint_orders"], (joint, group)
    assert group["orders"] == [sum(v in items for items in paid) for v in group["variants"]], group
for group in truth["add_ons"]:
    assert group["joint_orders"] >= 0.8 * group["orders"][1], group
known = {row["variant_id"] for row in csv.DictReader(open(sys.argv[1] + "/variants.csv", encoding="utf-8"))}
assert len(known) == truth["variants"]
assert set().union(*orders.values()) - {""} <= known
END
}

for lines in 5 15 44 1000 20000; do
    for seed in 1 2 3; do
        generate "$TEST_DIR/shop" "$lines" --seed "$seed"
        expect recount "$TEST_DIR/shop"
    done
done

note 'the same seed gives the same bytes, another one does not'
generate "$TEST_DIR/again" 20000 --seed 3
for file in orders.csv variants.csv inventory.csv catalog.csv truth.json; do
    expect cmp "$TEST_DIR/shop/$file" "$TEST_DIR/again/$file"
done
generate "$TEST_DIR/other" 20000 --seed 4
expect_status 1 cmp -s "$TEST_DIR/shop/orders.csv" "$TEST_DIR/other/orders.csv"

note 'what is wrong with the options is said'
expect_status 2 "$BUILD_BIN/generate_shop" --lines 4 --out "$TEST_DIR/none"
expect_match '--lines: 4' "$OUTPUT" 'the error'
expect_status 2 "$BUILD_BIN/generate_shop" --currency ABC --out "$TEST_DIR/none"
expect_status 2 "$BUILD_BIN/generate_shop"
