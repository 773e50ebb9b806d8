// The paths, best first, each with its reason. A path can be drawn on the map.

import { element, keepRows, setAttribute, setText } from "./dom.js";
import { milliseconds, percent } from "./format.js";
import { gravity, linesOf } from "./model.js";
import { markOf, rateOf } from "./states.js";
import { say, sayState } from "./words.js";

/** @typedef {import("./live.js").Seen} Seen */

const COLUMNS = ["path", "state", "rtt", "late", "streams", "rate", "reason"];

/** @param {(path: string | null) => void} choose */
export function rankingTable(choose) {
    /** @type {string | null} */
    let chosen = null;
    const body = element("tbody", {});
    const head = element(
        "tr",
        {},
        element("th", { scope: "col" }, "#"),
        COLUMNS.map((key) => element("th", { scope: "col", class: key }, say(`ranking.${key}`))),
    );
    const empty = element("p", { class: "note", hidden: true }, say("ranking.none"));
    const node = element(
        "section",
        { class: "card" },
        element("h2", {}, say("ranking.title")),
        element("div", { class: "scroll" }, element("table", { class: "paths" }, element("thead", {}, head), body)),
        empty,
    );
    /** @param {string} path */
    const press = (path) => {
        chosen = chosen === path ? null : path;
        choose(chosen);
        body.querySelectorAll("button").forEach((/** @type {HTMLButtonElement} */ button) =>
            setAttribute(button, "aria-pressed", String(button.dataset.path === chosen)),
        );
    };
    /** @param {Seen} seen */
    const moved = ({ report, rates }) => {
        const slowest = Math.max(
            0.001,
            ...report.paths.map((path) => Math.min(path.p95 ?? 0, 2 * (path.round_trip ?? 0)) || 0),
        );
        keepRows(
            body,
            report.paths,
            (path) => path.path,
            (path) => rowPart(path, press),
        );
        for (const row of body.rows) {
            row.fresh?.(slowest, rates.paths);
        }
        empty.hidden = report.paths.length > 0;
    };
    return { node, moved };
}

/**
 * @param {Record<string, any>} first
 * @param {(path: string) => void} press
 */
function rowPart(first, press) {
    const cells = Object.fromEntries(
        ["rank", "state", "late", "streams", "rate", "reason"].map((key) => [
            key,
            element("td", { class: key, "data-name": key === "rank" ? null : say(`ranking.${key}`) }),
        ]),
    );
    const bar = barPart();
    const names = linesOf(first).flatMap((line, place) => [
        place ? element("span", { class: "step" }, "›") : null,
        element("span", {}, line),
    ]);
    const button = element(
        "button",
        {
            type: "button",
            class: "path-name",
            "data-path": first.path,
            "aria-pressed": "false",
            title: say("ranking.draw", { path: first.path }),
            onclick: () => press(first.path),
        },
        names,
        element("span", { class: "step" }, "→"),
        element("b", {}, first.exit),
    );
    const node = element(
        "tr",
        {},
        cells.rank,
        element("th", { scope: "row", class: "path" }, button),
        cells.state,
        bar.node,
        cells.late,
        cells.streams,
        cells.rate,
        cells.reason,
    );
    const link = element("a", {});
    cells.streams.append(link);
    /** @type {Record<string, any>} */
    let path = first;
    node.fresh = (/** @type {number} */ slowest, /** @type {Map<string, any>} */ now) => {
        bar.update(path, slowest);
        const moving = now.get(path.path);
        setText(cells.rate, rateOf(moving, false) || "–");
    };
    /** @param {Record<string, any>} row */
    const update = (row) => {
        path = row;
        setAttribute(node, "data-grade", gravity(row.state));
        setText(cells.rank, `${row.rank ?? ""}${row.in_band ? "=" : ""}`);
        setAttribute(cells.rank, "title", row.in_band ? say("ranking.band") : null);
        setText(cells.state, `${markOf(row.state)} ${sayState(row.state)}`);
        setText(cells.late, percent(row.late));
        setText(link, streams(row));
        setAttribute(link, "href", row.streams ? `#streams?filter=${encodeURIComponent(row.path)}` : null);
        setText(cells.reason, row.reason);
    };
    return { node, update };
}

/** The round trip as a bar with a whisker to where 95 of 100 are. */
function barPart() {
    const bar = element("span", { class: "bar-median" });
    const whisker = element("span", { class: "bar-spread" });
    const figure = element("span", { class: "figure" });
    const node = element(
        "td",
        { class: "rtt", "data-name": say("ranking.rtt") },
        figure,
        element("span", { class: "bar", "aria-hidden": "true" }, whisker, bar),
    );
    /**
     * @param {Record<string, any>} path
     * @param {number} slowest
     */
    const update = (path, slowest) => {
        const median = Math.min(1, (path.round_trip ?? 0) / slowest);
        const reach = Math.min(1, Math.max(path.p95 ?? 0, path.round_trip ?? 0) / slowest);
        bar.style.width = `${(median * 100).toFixed(1)}%`;
        whisker.style.width = `${(reach * 100).toFixed(1)}%`;
        setText(figure, milliseconds(path.round_trip));
        setAttribute(
            node,
            "title",
            say("ranking.rtt.more", { rtt: milliseconds(path.round_trip), p95: milliseconds(path.p95) }),
        );
    };
    return { node, update };
}

/**
 * How many ride on it; of them `b` are bulk, `r` redundant.
 * @param {Record<string, any>} row
 */
function streams(row) {
    const kinds = [row.bulk && `${row.bulk}b`, row.redundant && `${row.redundant}r`].filter(Boolean).join(" ");
    return kinds ? `${row.streams} (${kinds})` : row.streams;
}
