// Where things stand on the map.

import assert from "node:assert/strict";
import test from "node:test";
import { columns, crossings, ranks } from "../../../../ingress/web/page/layers.js";
import { increasing, layout } from "../../../../ingress/web/page/layout.js";

const node = (name, isExit = false) => ({ node: name, is_exit: isExit });
const line = (name, start, end) => ({ line: name, start, end });
const NODES = [node("jp1"), node("jp2"), node("us1", true), node("us2", true)];
const LINES = [
    line("ix1", "sh", "jp1"),
    line("ix1-b", "sh", "jp1"),
    line("ix2", "sh", "jp2"),
    line("p1", "jp1", "us1"),
    line("p2", "jp2", "us2"),
    line("c1", "jp1", "us2"),
    line("c2", "jp2", "us1"),
    line("us-us", "us1", "us2"),
    line("direct", "sh", "us1"),
];

/** A network that is drawn from numbers, always the same ones for a seed. */
function drawnNetwork(seed) {
    let state = seed;
    const next = (most) => {
        state = (state * 1103515245 + 12345) % 2147483648;
        return state % most;
    };
    const nodes = Array.from({ length: 1 + next(9) }, (_, place) =>
        node(`node-${place}`, place === 0 || next(2) === 0),
    );
    const names = ["sh", ...nodes.map((one) => one.node)];
    const lines = Array.from({ length: next(40) }, (_, place) =>
        line(`line-${place}-${"x".repeat(next(28))}`, names[next(names.length)], names[next(names.length)]),
    ).filter((one) => one.start !== one.end);
    return [nodes, lines];
}

test("the ingress is left, relays in the middle, exits right", () => {
    const found = columns("sh", [...NODES, node("kr")], [...LINES, line("k", "jp1", "kr"), line("ku", "kr", "us1")]);
    assert.deepEqual(Object.fromEntries(found), { sh: 0, jp1: 1, jp2: 1, kr: 2, us1: 3, us2: 3 });
});

test("an ingress without any node is a map too", () => {
    assert.equal(layout("sh", [], [], 400).nodes.size, 1);
});

for (const width of [320, 700, 1000, 1400]) {
    test(`at ${width} px nothing lies over anything else, and nothing beyond the edge`, () => {
        for (const [nodes, lines] of [
            [NODES, LINES],
            ...Array.from({ length: 40 }, (_, seed) => drawnNetwork(seed + 1)),
        ]) {
            const made = layout("sh", nodes, lines, width);
            assert.deepEqual([...made.labels.keys()].sort(), lines.map((one) => one.line).sort());
            assert.deepEqual([...made.curves.keys()].sort(), lines.map((one) => one.line).sort());
            const boxes = [...made.nodes.values(), ...made.labels.values()];
            for (const [place, box] of boxes.entries()) {
                assert.ok(box.x - box.width / 2 >= 0 && box.x + box.width / 2 <= width + 0.01, `${box.x} of ${width}`);
                assert.ok(box.y - box.height / 2 >= 0 && box.y + box.height / 2 <= made.height);
                for (const other of boxes.slice(place + 1)) {
                    const apart = Math.max(
                        Math.abs(box.x - other.x) - (box.width + other.width) / 2,
                        Math.abs(box.y - other.y) - (box.height + other.height) / 2,
                    );
                    assert.ok(apart >= -0.01, `${JSON.stringify(box)} ${JSON.stringify(other)}`);
                }
            }
        }
    });
}

test("lines side by side are curves of their own", () => {
    const { curves } = layout("sh", NODES, LINES, 1200);
    assert.notEqual(curves.get("ix1"), curves.get("ix1-b"));
});

test("the same network stands in the same places", () => {
    const [one, other] = [layout("sh", NODES, LINES, 1200), layout("sh", NODES, LINES, 1200)];
    assert.deepEqual(one, other);
});

test("crossings are counted, and there are no more than there must be", () => {
    assert.equal(
        crossings(
            ranks(
                "sh",
                NODES,
                LINES.filter((one) => !["c1", "c2", "us-us"].includes(one.line)),
            ),
        ),
        0,
    );
    assert.ok(crossings(ranks("sh", NODES, LINES)) <= 2);
});

test("what wants to pass meets in the middle", () => {
    assert.deepEqual(increasing([3, 1, 5]), [2, 2, 5]);
    assert.deepEqual(increasing([]), []);
});
