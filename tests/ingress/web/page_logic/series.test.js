// What was kept, made ready to be drawn; streams and events in their order.

import assert from "node:assert/strict";
import test from "node:test";
import { filtered, sorted, visible, withRates } from "../../../../ingress/web/page/flows.js";
import { lossGrade, summary, table } from "../../../../ingress/web/page/series.js";
import { chosen, density, kindOf } from "../../../../ingress/web/page/timeline.js";

const row = (at, rtt, more = {}) => ({
    at,
    rtt,
    p95: rtt === null ? null : rtt * 2,
    late: 0,
    loss_up: null,
    loss_down: null,
    ...more,
});
const told = (series, outages = []) => ({ step: 60, series, outages });

test("where nothing was kept there is a hole, not a line", () => {
    const { at, series } = table([told([row(60, 1), row(120, 2), row(600, 3)])], 0, 660);
    assert.deepEqual(at, [60, 120, 180, 600]);
    assert.deepEqual(series[0].rtt, [1, 2, null, 3]);
});

test("two series that were kept at other moments stand under one axis", () => {
    const { at, series } = table([told([row(60, 1), row(120, 2)]), told([row(90, 5), row(150, 6)])], 0, 200);
    assert.deepEqual(at, [60, 90, 120, 150]);
    assert.deepEqual(
        series.map((one) => one.rtt),
        [
            [1, 1, 2, 2],
            [null, 5, 5, 6],
        ],
    );
});

test("an outage that lasts ends at the edge, one that began before begins there", () => {
    const { series } = table(
        [
            told(
                [],
                [
                    { from: -50, to: 10 },
                    { from: 90, to: null },
                ],
            ),
        ],
        0,
        100,
    );
    assert.deepEqual(series[0].outages, [
        [0, 10],
        [90, 100],
    ]);
});

test("the graver of what was lost and what was late counts", () => {
    const { series } = table(
        [told([row(60, 1, { late: 0.01, loss_up: 0.2 }), row(120, null, { late: null })])],
        0,
        200,
    );
    assert.deepEqual(series[0].loss, [0.2, null]);
    assert.deepEqual([0, 0.001, 0.003, 0.05, 0.1, 1, null].map(lossGrade), [0, 0, 1, 2, 3, 4, 0]);
});

test("a span is summed up", () => {
    const whole = summary(
        [row(60, 3), row(120, 1), row(180, 2, { late: 0.3 })],
        [
            { from: -10, to: 20 },
            { from: 190, to: null },
        ],
        0,
        200,
    );
    assert.deepEqual([whole.median, whole.worst, whole.outage], [2, 6, 30]);
    assert.ok(Math.abs(/** @type {number} */ (whole.loss) - 0.1) < 1e-9);
    assert.deepEqual(summary([], [], 0, 1), { median: null, worst: null, loss: null, outage: 0 });
});

const flow = (id, more = {}) => ({
    id,
    client: "10.0.0.1:5",
    user: "alice",
    target: "a.example:443",
    rule: "",
    path: "ix/p",
    exit: "us",
    age: 1,
    up: 0,
    down: 0,
    moves: 0,
    protocol: "tcp",
    rate: null,
    ...more,
});

test("every word that is typed has to stand somewhere in a stream", () => {
    const flows = [flow("1"), flow("2", { user: "bob", target: "b.example:53", protocol: "udp" })];
    const ids = (text, protocol) => filtered(flows, text, protocol).map((one) => one.id);
    assert.deepEqual(
        [ids("", ""), ids("ALICE", ""), ids("bob example", ""), ids("bob a.example", ""), ids("", "udp")],
        [["1", "2"], ["1"], ["2"], [], ["2"]],
    );
});

test("streams are sorted by size or by letter, equals by their number", () => {
    const flows = [flow("10", { down: 5 }), flow("9", { down: 5 }), flow("1", { down: 7, target: "z" })];
    assert.deepEqual(
        sorted(flows, "down", true).map((one) => one.id),
        ["1", "9", "10"],
    );
    assert.deepEqual(
        sorted(flows, "target", false).map((one) => one.id),
        ["9", "10", "1"],
    );
    assert.deepEqual(
        sorted([flow("1", { rate: 0 }), flow("2", { rate: null })], "rate", true).map((one) => one.id),
        ["1", "2"],
    );
});

test("a rate is known from the second look on", () => {
    const before = new Map([["1", flow("1", { up: 100 })]]);
    assert.deepEqual(
        withRates([flow(1, { up: 300 }), flow(2)], before, 2).map((one) => [one.id, one.rate]),
        [
            ["1", 100],
            ["2", null],
        ],
    );
});

test("of thousands of rows only those near the window are there", () => {
    const [first, last] = visible(2000, 36, 36 * 500, 600);
    assert.ok(first <= 500 && last >= 517 && last - first < 40);
    assert.deepEqual(
        [visible(3, 36, 0, 600), visible(0, 36, 900, 600)],
        [
            [0, 3],
            [0, 0],
        ],
    );
});

test("events are told newest first, and what went wrong can be had alone", () => {
    const events = [
        { at: 1, event: "path-dead", about: "ix" },
        { at: 2, event: "path-up", about: "ix" },
        { at: 3, event: "anything", level: "error" },
    ];
    assert.deepEqual(
        chosen(events, "", false).map((one) => one.at),
        [3, 2, 1],
    );
    assert.deepEqual(
        chosen(events, "ix", true).map((one) => one.at),
        [1],
    );
    assert.deepEqual(
        ["exit-sick", "streams-rescued", "reloaded", "carrier-lost", "quota-used", "quota-near"].map((event) =>
            kindOf({ at: 0, event }),
        ),
        ["bad", "watch", "well", "plain", "bad", "watch"],
    );
});

test("each event counts once, in its part of the day", () => {
    const pieces = density(
        [
            { at: 95, event: "path-dead" },
            { at: 96, event: "path-up" },
            { at: 1, event: "path-up" },
            { at: -5, event: "x" },
            { at: 100, event: "x" },
        ],
        100,
        100,
        10,
    );
    assert.deepEqual(
        [pieces[9], pieces[0]],
        [
            { bad: 1, other: 1, from: 90 },
            { bad: 0, other: 1, from: 0 },
        ],
    );
});
