// Draws the network. Where things stand is layout.js's; here they get their colour, their figures and the way that the
// best path takes. Drawn anew only when the network or the width is another; else attributes and texts change.

import { element, replace, setAttribute, setText, shape } from "./dom.js";
import { milliseconds, percent, shortened } from "./format.js";
import { layout } from "./layout.js";
import { best, gravity, linesOf, shownState } from "./model.js";
import { lossOf, markOf, nodeState, rateOf, tagsOf } from "./states.js";
import { say, sayState } from "./words.js";

/** @typedef {import("./live.js").Seen} Seen */

export function networkMap() {
    const svg = shape("svg", { class: "map", role: "img" });
    const frame = element("div", { class: "map-frame" }, svg);
    const node = element("section", { class: "card", "aria-label": say("map.title") }, frame, legend());
    /** @type {{lines: Map<string, any>, nodes: Map<string, any>} | null} */
    let parts = null;
    let drawnFor = "";
    /** @type {Seen | null} */
    let last = null;
    /** @type {string | null} */
    let chosen = null;

    /** @param {Seen} seen */
    const moved = (seen) => {
        last = seen;
        const { report } = seen;
        const width = Math.max(300, frame.clientWidth);
        const key = JSON.stringify([
            width,
            report.ingress,
            report.nodes.map((one) => [one.node, one.is_exit]),
            report.lines.map((one) => [one.line, one.start, one.end]),
        ]);
        if (key !== drawnFor || parts === null) {
            drawnFor = key;
            parts = draw(
                svg,
                report,
                layout(report.ingress, /** @type {any} */ (report.nodes), /** @type {any} */ (report.lines), width),
            );
        }
        const path = report.paths.find((one) => one.path === chosen) ?? best(report);
        colour(parts, seen, path, path?.path === chosen);
        const broken = report.lines.filter((line) => gravity(shownState(line, report)) === 2).length;
        setAttribute(
            svg,
            "aria-label",
            say("map.describe", { nodes: report.nodes.length + 1, lines: report.lines.length, broken }),
        );
    };
    const again = new ResizeObserver(() => last && moved(last));
    again.observe(frame);
    return {
        node,
        moved,
        leave: () => again.disconnect(),
        /**
         * Draw this path through instead of the best one.
         * @param {string | null} path
         */
        choose: (path) => {
            chosen = path;
            if (last) moved(last);
        },
        /**
         * Make one line stand out.
         * @param {string | null} line
         */
        point: (line) => parts?.lines.forEach((part, name) => part.group.classList.toggle("is-pointed", name === line)),
    };
}

function legend() {
    const entry = (/** @type {string} */ kind) =>
        element(
            "li",
            {},
            shape(
                "svg",
                { width: 34, height: 12, "aria-hidden": "true" },
                kind === "best" && shape("path", { d: "M2 6H32", class: "halo is-best" }),
                shape("path", {
                    d: "M2 6H32",
                    class: "line",
                    "data-state": { best: "up", poor: "poor", broken: "broken", unknown: "unknown" }[kind],
                }),
            ),
            say(`map.${kind}`),
        );
    return element(
        "ul",
        { class: "legend" },
        ["best", "poor", "broken", "unknown"].map(entry),
        element("li", {}, say("map.unit")),
    );
}

/**
 * @param {SVGElement} svg
 * @param {import("./model.js").Report} report
 * @param {import("./layout.js").Layout} places
 */
function draw(svg, report, places) {
    setAttribute(svg, "width", places.width);
    setAttribute(svg, "height", Math.ceil(places.height));
    setAttribute(svg, "viewBox", `0 0 ${places.width} ${Math.ceil(places.height)}`);
    const lines = new Map(
        report.lines.filter((line) => places.curves.has(line.line)).map((line) => [line.line, linePart(line, places)]),
    );
    const names = [{ node: report.ingress, is_exit: false }, ...report.nodes].filter((one) =>
        places.nodes.has(one.node),
    );
    const nodes = new Map(names.map((one) => [one.node, nodePart(one.node, places.nodes.get(one.node))]));
    replace(
        svg,
        shape(
            "g",
            {},
            [...lines.values()].map((part) => part.halo),
        ),
        shape(
            "g",
            {},
            [...lines.values()].map((part) => part.curve),
        ),
        shape(
            "g",
            {},
            [...lines.values()].map((part) => part.group),
        ),
        shape(
            "g",
            {},
            [...nodes.values()].map((part) => part.group),
        ),
    );
    return { lines, nodes };
}

/**
 * @param {Record<string, any>} line
 * @param {import("./layout.js").Layout} places
 */
function linePart(line, places) {
    const d = places.curves.get(line.line);
    const { x, y, width, height } = /** @type {import("./layout.js").Box} */ (places.labels.get(line.line));
    const [left, right, small] = [x - width / 2, x + width / 2, width < 120];
    const title = shape("title", {});
    const [upper, lower] = [y - height / 2 + 15, y + height / 2 - 7];
    const name = shape(
        "text",
        { class: "name", x: left + 8, y: upper },
        shortened(line.line, Math.floor((small ? width - 14 : width - 62) / 6.9)),
    );
    const figure = shape("text", {
        class: "figure",
        x: small ? left + 8 : right - 7,
        y: small ? lower : upper,
        "text-anchor": small ? null : "end",
    });
    const state = shape("text", {
        class: "state",
        x: small ? right - 7 : left + 8,
        y: lower,
        "text-anchor": small ? "end" : null,
    });
    const rate = shape("text", { class: "rate", x: right - 7, y: lower, "text-anchor": "end" });
    return {
        isSmall: small,
        halo: shape("path", { class: "halo", d }),
        curve: shape("path", { class: "line", d }),
        group: shape(
            "a",
            { class: "label", href: `#history?of=${encodeURIComponent(line.line)}`, tabindex: "-1" },
            title,
            shape("rect", { x: left, y: y - height / 2, width, height, rx: 7 }),
            name,
            figure,
            state,
            rate,
        ),
        title,
        figure,
        state,
        rate,
    };
}

/**
 * @param {string} node
 * @param {any} box
 */
function nodePart(node, box) {
    const { x, y, width, height } = box;
    const title = shape("title", {});
    const text = shape("text", { class: "state", x, y: y + 13, "text-anchor": "middle" });
    const group = shape(
        "g",
        { class: "node" },
        title,
        shape("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 9 }),
        shape(
            "text",
            { class: "name", x, y: y - 4, "text-anchor": "middle" },
            shortened(node, Math.floor((width - 14) / 7.6)),
        ),
        text,
    );
    return { group, text, title };
}

/**
 * @param {any} parts
 * @param {Seen} seen
 * @param {Record<string, any> | null} path that is drawn through
 * @param {boolean} isChosen
 */
function colour(parts, { report, rates }, path, isChosen) {
    const through = new Set(path ? linesOf(path) : []);
    for (const line of report.lines) {
        const part = parts.lines.get(line.line);
        if (part) {
            colourLine(part, line, shownState(line, report), rates.lines.get(line.line), report.holds);
            part.halo.setAttribute(
                "class",
                `halo${through.has(line.line) ? (isChosen ? " is-chosen" : " is-best") : ""}`,
            );
        }
    }
    const ends = new Set([report.ingress, path?.exit]);
    for (const [name, part] of parts.nodes) {
        colourNode(part, name, report);
        part.group.classList.toggle("is-end", ends.has(name) && path !== null);
    }
}

/**
 * @param {any} part
 * @param {Record<string, any>} line
 * @param {string} state
 * @param {{up: number, down: number} | undefined} now
 * @param {{line: string}[] | undefined} holds
 */
function colourLine(part, line, state, now, holds) {
    const kinds = tagsOf(line, holds);
    const tags = kinds.map(sayState);
    const grave = gravity(state) > 0 || state === "unknown";
    setAttribute(part.curve, "data-state", state);
    setAttribute(part.group, "data-state", state);
    setAttribute(
        part.group,
        "data-closed",
        kinds.some((kind) => kind !== "backup"),
    );
    setAttribute(
        part.curve,
        "data-closed",
        kinds.some((kind) => kind !== "backup"),
    );
    setAttribute(part.curve, "stroke-width", thickness(now));
    setText(part.figure, gravity(state) === 2 ? markOf(state) : milliseconds(line.round_trip));
    const loss = lossOf(line);
    const words = [
        grave ? `${gravity(state) === 2 ? "" : markOf(state)} ${sayState(state)}`.trim() : "",
        ...tags,
    ].filter(Boolean);
    const share = part.isSmall && !loss ? "" : percent(loss);
    setText(
        part.state,
        grave || words.length > 1 || (part.isSmall && words.length) ? words.join(" ") : [...words, share].join(" "),
    );
    setText(
        part.rate,
        gravity(state) === 2 || (part.isSmall && part.state.textContent) ? "" : rateOf(now, part.isSmall),
    );
    setText(
        part.title,
        [
            `${line.line}: ${line.start} → ${line.end}`,
            sayState(state),
            ...tags,
            milliseconds(line.round_trip),
            say("map.late", { share: percent(line.late) }),
            line.dial_error ? say("lines.dial.failed", { why: line.dial_error }) : "",
        ]
            .filter(Boolean)
            .join("\n"),
    );
}

/**
 * Pixels: a busy line is a thick one.
 * @param {{up: number, down: number} | undefined} now
 */
function thickness(now) {
    const bytes = now ? now.up + now.down : 0;
    return bytes < 2000 ? 2 : Math.min(6, 2 + Math.log10(bytes / 2000)).toFixed(1);
}

/**
 * @param {any} part
 * @param {string} name
 * @param {import("./model.js").Report} report
 */
function colourNode(part, name, report) {
    const node = report.nodes.find((one) => one.node === name);
    const state = nodeState(node);
    const streams = report.paths
        .filter((path) => path.exit === name)
        .reduce((sum, path) => sum + (path.streams ?? 0), 0);
    const role = say(!node ? "map.ingress" : node.is_exit ? "map.exit" : "map.relay");
    setAttribute(part.group, "data-state", state);
    setText(
        part.text,
        state !== "up"
            ? `${markOf(state)} ${sayState(state)}`
            : streams
              ? `${role} · ${say(streams === 1 ? "map.stream" : "map.streams", { count: streams })}`
              : role,
    );
    setText(part.title, `${name}: ${role}, ${sayState(state)}`);
}
