// What follows from what the ingress tells.

import assert from "node:assert/strict";
import test from "node:test";
import { best, gravity, merge, rates, shownState, verdict } from "../../../../ingress/web/page/model.js";
import { tagsOf } from "../../../../ingress/web/page/states.js";

const path = (name, more = {}) => ({
    path: name,
    exit: "us",
    rank: 1,
    state: "up",
    bytes_up: 0,
    bytes_down: 0,
    ...more,
});
const line = (name, start, end, state = "up") => ({ line: name, start, end, state });
const report = (more = {}) => ({
    ingress: "sh",
    blame: [],
    warnings: [],
    totals: { streams: 1, resumes: 2 },
    nodes: [
        { node: "jp", is_exit: false, state: "up" },
        { node: "us", is_exit: true, state: "up" },
    ],
    paths: [path("a/b"), path("c", { rank: 2 })],
    lines: [line("a", "sh", "jp"), line("b", "jp", "us"), line("c", "sh", "us")],
    ...more,
});

test("news change what they name, and nothing else", () => {
    const before = report();
    const { report: now, isWhole } = merge(before, {
        paths: [
            { path: "c", rank: 1 },
            { path: "a/b", rank: 2, state: "down" },
        ],
        totals: { streams: 5 },
        blame: ["x"],
    });
    assert.deepEqual(
        now.paths.map((one) => [one.path, one.exit, one.state]),
        [
            ["c", "us", "up"],
            ["a/b", "us", "down"],
        ],
    );
    assert.deepEqual([now.totals, now.blame, isWhole], [{ streams: 5, resumes: 2 }, ["x"], true]);
    assert.deepEqual(now.lines, before.lines);
    assert.equal(before.paths[0].state, "up");
});

test("news of other lines than those that are known ask for all again", () => {
    const lines = report().lines;
    assert.equal(merge(report(), { lines: [...lines, { line: "new" }] }).isWhole, false);
    assert.equal(merge(report(), { lines: lines.slice(1) }).isWhole, false);
    assert.equal(merge(report(), { lines }).isWhole, true);
});

test("rates are what was added, and none where counting began anew", () => {
    const found = rates(
        [{ line: "a", bytes_up: 0, bytes_down: 100 }],
        [
            { line: "a", bytes_up: 50, bytes_down: 20 },
            { line: "b", bytes_up: 1, bytes_down: 1 },
        ],
        "line",
        2,
    );
    assert.deepEqual([...found], [["a", { up: 25, down: 0 }]]);
});

test("a line over which nothing comes is silent where something leads to it, else nobody knows", () => {
    const dead = report({ paths: [path("a/b", { state: "stalled" }), path("c")] });
    assert.deepEqual(
        dead.lines.map((one) => shownState(one, dead)),
        ["silent", "silent", "up"],
    );
    dead.nodes[0].state = "stalled";
    assert.deepEqual(
        dead.lines.map((one) => shownState(one, dead)),
        ["silent", "unknown", "up"],
    );
});

test("the ingress's own word on a line comes first", () => {
    const told = report({
        lines: [line("a", "sh", "jp", "poor"), line("b", "jp", "us", "broken"), line("c", "sh", "us", "suspect")],
    });
    assert.deepEqual(
        told.lines.map((one) => shownState(one, told)),
        ["poor", "broken", "suspect"],
    );
});

test("the verdict is the gravest of what there is", () => {
    const grade = (more) => verdict(report(more)).grade;
    assert.equal(grade({}), "well");
    assert.equal(grade({ warnings: ["a certificate"] }), "fair");
    assert.equal(grade({ paths: [path("a/b"), path("c", { state: "down" })] }), "broken");
    assert.equal(grade({ paths: [path("a/b", { state: "stalled" }), path("c", { state: "down" })] }), "down");
    assert.equal(grade({ paths: [path("c", { state: "spare", rank: null })] }), "empty");
    assert.deepEqual([verdict(report()).works, verdict(report()).all], [2, 2]);
});

test("the best path is the first one that works", () => {
    assert.equal(best(report())?.path, "a/b");
    assert.equal(best(report({ paths: [path("a/b", { state: "down" })] })), null);
});

test("every state has its gravity; one that this page does not know is worth a look", () => {
    assert.deepEqual(["up", "poor", "down", "unknown", "of another version"].map(gravity), [0, 1, 2, -1, 1]);
});

test("what is held, used up or a backup is said to be", () => {
    const quota = (effect) => ({ quota: { effect } });
    assert.deepEqual(tagsOf({ line: "a" }, [{ line: "a" }]), ["line-held"]);
    assert.deepEqual(tagsOf({ line: "a", ...quota("closed"), backup: true }, [{ line: "b" }]), ["used-up", "backup"]);
    assert.deepEqual(
        [tagsOf({ line: "a", ...quota("backup") }), tagsOf({ line: "a", ...quota("none") })],
        [["backup"], []],
    );
});
