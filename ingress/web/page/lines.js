// The lines as a table: what the map says, for those who cannot see it, and what the map has no room for.

import { element, keepRows, setAttribute, setText } from "./dom.js";
import { milliseconds, percent, rate, size } from "./format.js";
import { hold, release } from "./hold.js";
import { gravity, shownState } from "./model.js";
import { markOf, rateOf, tagsOf } from "./states.js";
import { say, sayState } from "./words.js";

/** @typedef {import("./live.js").Seen} Seen */

const COLUMNS = ["line", "way", "state", "rtt", "loss", "carries", "dial", "streams", "rate", "total"];

/**
 * @param {(line: string | null) => void} point
 * @param {(error: unknown) => string} refused
 */
export function linesTable(point, refused) {
    const note = element("p", { class: "note bad", role: "alert" });
    const body = element("tbody", {});
    const head = element(
        "tr",
        {},
        COLUMNS.map((key) => element("th", { scope: "col", class: key }, say(`lines.${key}`))),
        element("th", { scope: "col" }, element("span", { class: "unseen" }, say("hold.act"))),
    );
    const node = element(
        "section",
        { class: "card" },
        element("h2", {}, say("lines.title")),
        note,
        element("div", { class: "scroll" }, element("table", { class: "lines" }, element("thead", {}, head), body)),
    );
    /** @param {Promise<void>} change */
    const told = (change) =>
        change.then(
            () => setText(note, ""),
            (error) => setText(note, refused(error)),
        );
    /** @param {Seen} seen */
    const moved = ({ report, rates }) => {
        const rows = report.lines.map(
            (/** @type {Record<string, any>} */ line) =>
                /** @type {Record<string, any>} */ ({
                    ...line,
                    shown: shownState(line, report),
                    holds: report.holds,
                    moving: rates.lines.get(line.line),
                }),
        );
        keepRows(
            body,
            rows,
            (line) => line.line,
            (line) => rowPart(line, point, told),
        );
    };
    return { node, moved };
}

/**
 * @param {Record<string, any>} first
 * @param {(line: string | null) => void} point
 * @param {(change: Promise<void>) => void} told
 */
function rowPart(first, point, told) {
    let isHeld = false;
    const button = element("button", {
        type: "button",
        onclick: () => told((isHeld ? release : hold)(first.line)),
    });
    const cells = Object.fromEntries(
        COLUMNS.slice(1).map((key) => [key, element("td", { class: key, "data-name": say(`lines.${key}`) })]),
    );
    const link = element(
        "a",
        {
            href: `#history?of=${encodeURIComponent(first.line)}`,
            title: say("lines.history", { name: first.line }),
            onfocus: () => point(first.line),
            onblur: () => point(null),
        },
        first.line,
    );
    const node = element(
        "tr",
        { onmouseenter: () => point(first.line), onmouseleave: () => point(null) },
        element("th", { scope: "row", class: "line" }, link),
        Object.values(cells),
        element("td", { class: "act" }, button),
    );
    /** @param {Record<string, any>} line */
    const update = (line) => {
        const { shown, moving } = line;
        isHeld = (line.holds ?? []).some((/** @type {any} */ one) => one.line === line.line);
        setText(button, say(isHeld ? "hold.release" : "hold.act"));
        setAttribute(button, "aria-label", say(isHeld ? "hold.release.label" : "hold.act.label", { line: line.line }));
        setAttribute(node, "data-grade", gravity(shown));
        setText(cells.way, `${line.start} → ${line.end}`);
        setText(
            cells.state,
            [`${markOf(shown)} ${sayState(shown)}`, ...tagsOf(line, line.holds).map(sayState)].join(" · "),
        );
        setText(
            cells.rtt,
            line.round_trip === null
                ? "–"
                : `${milliseconds(line.round_trip)} ± ${milliseconds(line.deviation ?? line.uncertainty)}`,
        );
        setText(cells.loss, `${percent(line.late)} · ${lost(line)}`);
        setText(cells.carries, carries(line));
        setText(cells.dial, line.dial_error ? "✕" : milliseconds(line.dial_time));
        setAttribute(cells.dial, "title", line.dial_error ? say("lines.dial.failed", { why: line.dial_error }) : null);
        setText(cells.streams, line.streams);
        setText(cells.rate, rateOf(moving, false) || "–");
        setText(cells.total, `↓ ${size(line.bytes_down)} ↑ ${size(line.bytes_up)}`);
    };
    return { node, update };
}

/**
 * What TCP knows to be lost, away from the line's start and back.
 * @param {Record<string, any>} line
 */
function lost(line) {
    const by = new Map((line.directions ?? []).map((/** @type {any} */ one) => [one.start, one.loss]));
    return by.size ? `→ ${percent(by.get(line.start))} ← ${percent(by.get(line.end))}` : "–";
}

/**
 * The most that each direction was seen to deliver.
 * @param {Record<string, any>} line
 */
function carries(line) {
    const by = new Map((line.carries ?? []).map((/** @type {any} */ one) => [one.start, one.least]));
    const words = [
        [line.end, "↓"],
        [line.start, "↑"],
    ]
        .filter(([start]) => by.get(start))
        .map(([start, mark]) => `${mark} ${rate(by.get(start))}`);
    return words.join(" ") || "–";
}
