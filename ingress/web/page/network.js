// The first view: the verdict, the map, the ranking, the lines.

import { element, keepRows, setAttribute, setText } from "./dom.js";
import { duration, say } from "./words.js";
import { milliseconds, rate, whole } from "./format.js";
import { networkMap } from "./map.js";
import { lastingPart } from "./lasting.js";
import { best, verdict } from "./model.js";
import { rankingTable } from "./ranking.js";
import { linesTable } from "./lines.js";

/** @typedef {import("./live.js").Seen} Seen */

/**
 * @param {import("./main.js").Context} context
 * @returns {import("./main.js").View}
 */
export function networkView(context) {
    const map = networkMap();
    const head = verdictPart();
    const sums = sumsPart();
    const paths = rankingTable((path) => map.choose(path));
    const lines = linesTable((line) => map.point(line), context.refused);
    const parts = [head, sums, map, paths, lines];
    const node = element("div", { class: "view" }, head.node, sums.node, map.node, paths.node, lines.node);
    return { node, moved: (seen) => parts.forEach((part) => part.moved(seen)), leave: () => map.leave() };
}

const MARKS = { empty: "…", down: "✕", broken: "✕", fair: "!", well: "✓" };

/** What a person has to know first, and who is to blame. */
function verdictPart() {
    const mark = element("span", { class: "mark", "aria-hidden": "true" });
    const title = element("h1", { role: "status" }, say("link.waiting"));
    const more = element("p", { class: "verdict-best" });
    const lasting = lastingPart();
    const blames = element("ul", { class: "blames", "aria-live": "polite" });
    const node = element("section", { class: "verdict" }, mark, element("div", {}, title, more, blames, lasting.node));
    /** @param {Seen} seen */
    const moved = (seen) => {
        const { report } = seen;
        lasting.moved(seen);
        const found = verdict(report);
        const leader = best(report);
        setAttribute(node, "data-grade", found.grade);
        setText(mark, MARKS[found.grade]);
        setText(title, say(`verdict.${found.grade}`, { all: found.all, broken: found.all - found.works || 1 }));
        setText(
            more,
            leader
                ? say("verdict.best", { path: leader.path, exit: leader.exit, rtt: milliseconds(leader.round_trip) })
                : found.grade === "empty"
                  ? say("verdict.empty.more")
                  : "",
        );
        const said = [
            ...report.blame.map((text) => ({ kind: "blame", text })),
            ...report.warnings.map((text) => ({ kind: "warning", text })),
            ...(report.holds ?? []).map((/** @type {any} */ hold) => ({ kind: "hold", text: hold.said })),
            ...(report.wishes ?? []).map((/** @type {string} */ text) => ({ kind: "wish", text })),
        ];
        keepRows(
            blames,
            said,
            (row) => `${row.kind} ${row.text}`,
            (row) => ({
                node: element(
                    "li",
                    { class: row.kind },
                    row.kind !== "blame" && element("b", {}, say(`verdict.${row.kind}`), " "),
                    row.text,
                ),
                update: () => {},
            }),
        );
    };
    return { node, moved };
}

/** The sums of all traffic. */
function sumsPart() {
    /** @type {Record<string, Element>} */
    const figures = Object.fromEntries(
        ["streams", "down", "up", "resumes", "moves", "pause", "lost"].map((key) => [key, element("dd", {})]),
    );
    const node = element(
        "dl",
        { class: "sums" },
        Object.entries(figures).map(([key, figure]) =>
            element("div", {}, element("dt", {}, say(`sum.${key}`)), figure),
        ),
    );
    /** @param {Seen} seen */
    const moved = ({ report, rates }) => {
        const totals = report.totals ?? {};
        const now = [...rates.paths.values()].reduce(
            (sum, one) => ({ up: sum.up + one.up, down: sum.down + one.down }),
            { up: 0, down: 0 },
        );
        const lost = Object.values(totals.lost ?? {}).reduce(
            (/** @type {number} */ sum, count) => sum + Number(count),
            0,
        );
        setText(figures.streams, whole(totals.streams));
        setText(figures.down, rates.paths.size ? rate(now.down) : "–");
        setText(figures.up, rates.paths.size ? rate(now.up) : "–");
        setText(figures.resumes, whole(totals.resumes));
        setText(figures.moves, whole(totals.moves));
        setText(
            figures.pause,
            totals.longest_pause
                ? totals.longest_pause < 10
                    ? milliseconds(totals.longest_pause)
                    : duration(totals.longest_pause)
                : "–",
        );
        setText(figures.lost, whole(lost));
        setAttribute(/** @type {Element} */ (figures.lost.parentElement), "class", lost ? "has-lost" : null);
    };
    return { node, moved };
}
