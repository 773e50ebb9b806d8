// Figures, as people read them.

import assert from "node:assert/strict";
import test from "node:test";
import { duration, milliseconds, percent, rate, shortened, size, whole } from "../../../../ingress/web/page/format.js";
import { shortRate } from "../../../../ingress/web/page/states.js";

const UNITS = { d: " d", h: " h", min: " min", s: " s" };

test("what is not known is a dash", () => {
    assert.deepEqual(
        [milliseconds(null), size(undefined), rate(null), percent(null), whole(null), duration(null, UNITS)],
        Array(6).fill("–"),
    );
});

test("round trips have a tenth only where it counts", () => {
    assert.deepEqual([0, 0.00251, 0.00996, 0.1364, 2.5].map(milliseconds), [
        "0 ms",
        "2.5 ms",
        "10 ms",
        "136 ms",
        "2500 ms",
    ]);
});

test("sizes and rates have three digits", () => {
    assert.deepEqual([0, 999, 999.6, 12345, 999_999, 1_500_000_000].map(size), [
        "0 B",
        "999 B",
        "1.00 kB",
        "12.3 kB",
        "1.00 MB",
        "1.50 GB",
    ]);
    assert.deepEqual([0, 125, 1_250_000, 125_000_000].map(rate), [
        "0 bit/s",
        "1.00 kbit/s",
        "10.0 Mbit/s",
        "1.00 Gbit/s",
    ]);
    assert.deepEqual([0, 100, 1_250, 1_250_000, 124_999_999].map(shortRate), ["0", "800", "10k", "10M", "1.0G"]);
});

test("a small loss is never none", () => {
    assert.deepEqual([0, 0.0001, 0.003, 0.04, 0.123, 1].map(percent), ["0%", "<0.1%", "0.3%", "4%", "12%", "100%"]);
});

test("a length of time has its two largest units", () => {
    const told = [0.8, 59.6, 60, 3599, 7260, 90000, 86400 * 400].map((seconds) => duration(seconds, UNITS));
    assert.deepEqual(told, ["0.8 s", "60 s", "1 min", "59 min 59 s", "2 h 1 min", "1 d 1 h", "400 d"]);
});

test("what is long loses its middle, and is no longer than asked for", () => {
    assert.equal(shortened("pacific", 7), "pacific");
    for (let most = 2; most < 20; most += 1) {
        assert.ok(shortened("a-very-long-name-of-a-line", most).length <= most);
    }
    assert.equal(shortened("a-very-long-name-7", 9), "a-ver…e-7");
});
