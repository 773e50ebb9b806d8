// Streams and associations as they are now. Only rows that can be seen are in the page: thousands cost no more than
// thirty.

import { ask, change } from "./api.js";
import { element, keepRows, setAttribute, setText } from "./dom.js";
import { filtered, sorted, visible, withRates } from "./flows.js";
import { rate, size } from "./format.js";
import { repeat } from "./repeat.js";
import { sure } from "./sure.js";
import { duration, say } from "./words.js";

/** @typedef {import("./flows.js").Flow} Flow */

const COLUMNS = ["target", "client", "user", "rule", "path", "exit", "age", "down", "up", "rate", "moves"];
/** Columns of which the largest are of interest. */
const FALLING = new Set(["age", "down", "up", "rate", "moves"]);
/**
 * How the ingress calls an order, where it is not the column's name.
 * @type {Record<string, string>}
 */
const SORTS = { age: "-age", down: "bytes", up: "bytes" };
/** Milliseconds between two looks. */
const EVERY = 2000;
/** Milliseconds between two questions for each row at least: a long list is not to cost the ingress 1 % of a core. */
const FOR_EACH = 3;
/** Rows in one answer. */
const MOST = 2000;
const HEIGHTS = { wide: 36, narrow: 92 };

/**
 * @param {import("./main.js").Context} context
 * @returns {import("./main.js").View}
 */
export function streamsView({ query, refused }) {
    const shown = { text: query.get("filter") ?? "", protocol: "", key: "down", isFalling: true };
    /** @type {Flow[]} */
    let flows = [];
    let lookedAt = 0;
    let total = 0;
    let isWhole = true;
    /** Whether all that are open were told; else the ingress sorts and filters. */
    let isWrong = false;
    const narrow = matchMedia("(max-width: 900px)");
    const parts = frame(shown, show);
    const { body, box, count, note, head } = parts;

    async function look() {
        try {
            const told = await ask(
                "streams",
                isWhole ? {} : { sort: SORTS[shown.key] ?? shown.key, match: shown.text },
            );
            const now = performance.now();
            flows = withRates(
                told.streams,
                new Map(flows.map((flow) => [flow.id, flow])),
                lookedAt ? (now - lookedAt) / 1000 : 0,
            );
            lookedAt = now;
            [isWhole, total] = [told.total <= MOST, told.total];
            if (isWrong) {
                tell("", false);
            }
            show();
        } catch (error) {
            tell(refused(error), true);
        }
    }

    /**
     * @param {string} text
     * @param {boolean} isError which is taken back by the next answer
     */
    function tell(text, isError) {
        setText(note, text);
        isWrong = isError;
    }

    /** @param {Flow} flow */
    async function end(flow) {
        if (!(await sure(say("streams.end.sure", flow), say("streams.end"), say("streams.keep")))) {
            return;
        }
        try {
            await change("DELETE", `streams/${encodeURIComponent(flow.id)}`);
            tell(say("streams.ended", flow), false);
            await look();
        } catch (error) {
            tell(refused(error), true);
        }
    }

    function show() {
        const rows = sorted(filtered(flows, shown.text, shown.protocol), shown.key, shown.isFalling);
        const height = narrow.matches ? HEIGHTS.narrow : HEIGHTS.wide;
        const [first, last] = visible(rows.length, height, box.scrollTop, box.clientHeight || 600);
        body.style.height = `${rows.length * height}px`;
        setAttribute(box, "aria-rowcount", rows.length + 1);
        keepRows(
            body,
            rows.slice(first, last).map((flow, place) => ({ flow, place: first + place, height })),
            (row) => row.flow.id,
            (row) => rowPart(row.flow, end),
        );
        setText(count, say("streams.shown", { shown: rows.length, all: total }));
        setText(
            parts.empty,
            rows.length
                ? ""
                : flows.length
                  ? say("streams.unmatched", { all: flows.length, text: shown.text })
                  : lookedAt
                    ? say("streams.none")
                    : say("link.waiting"),
        );
        head.forEach((cell, key) =>
            setAttribute(
                cell,
                "aria-sort",
                key === shown.key ? (shown.isFalling ? "descending" : "ascending") : "none",
            ),
        );
    }

    box.addEventListener("scroll", show, { passive: true });
    narrow.addEventListener("change", show);
    const stop = repeat(look, () => Math.max(EVERY, flows.length * FOR_EACH));
    return {
        node: parts.node,
        leave: () => {
            stop();
            narrow.removeEventListener("change", show);
        },
    };
}

/**
 * @param {{text: string, protocol: string, key: string, isFalling: boolean}} shown
 * @param {() => void} show
 */
function frame(shown, show) {
    const sortBy = (/** @type {string} */ key) => {
        [shown.isFalling, shown.key] = [key === shown.key ? !shown.isFalling : FALLING.has(key), key];
        show();
    };
    const head = new Map(
        COLUMNS.map((key) => [
            key,
            element(
                "div",
                { role: "columnheader", class: key },
                element(
                    "button",
                    {
                        type: "button",
                        title: say("streams.sort", { column: say(`streams.${key}`) }),
                        onclick: () => sortBy(key),
                    },
                    say(`streams.${key}`),
                ),
            ),
        ]),
    );
    const body = element("div", { class: "flow-rows", role: "rowgroup" });
    const empty = element("p", { class: "note" });
    const box = element(
        "div",
        { class: "flow-box", role: "table", tabindex: "0", "aria-label": say("streams.title") },
        element(
            "div",
            { class: "flow-head", role: "rowgroup" },
            element(
                "div",
                { class: "flow", role: "row" },
                [...head.values()],
                element("div", { role: "columnheader" }, element("span", { class: "unseen" }, say("streams.end"))),
            ),
        ),
        body,
    );
    const count = element("span", { class: "count" });
    const note = element("p", { class: "note", role: "alert" });
    const filter = element("input", {
        id: "streams-filter",
        type: "search",
        class: "wide",
        value: shown.text,
        placeholder: say("streams.filter.hint"),
        oninput: () => {
            shown.text = filter.value;
            box.scrollTop = 0;
            show();
        },
    });
    const protocol = element(
        "select",
        {
            "aria-label": say("streams.protocol"),
            onchange: () => {
                shown.protocol = protocol.value;
                show();
            },
        },
        ["both", "tcp", "udp"].map((kind) =>
            element("option", { value: kind === "both" ? "" : kind }, say(`streams.${kind}`)),
        ),
    );
    const order = element(
        "select",
        { class: "narrow-only", "aria-label": say("streams.order"), onchange: () => sortBy(order.value) },
        COLUMNS.map((key) =>
            element(
                "option",
                { value: key, selected: key === shown.key },
                say("streams.sort", { column: say(`streams.${key}`) }),
            ),
        ),
    );
    const bar = element(
        "div",
        { class: "fields" },
        element("label", { for: "streams-filter", class: "unseen" }, say("streams.filter")),
        filter,
        protocol,
        order,
        count,
    );
    return {
        node: element(
            "section",
            { class: "card" },
            element("h1", { class: "unseen" }, say("streams.title")),
            bar,
            note,
            box,
            empty,
        ),
        body,
        box,
        count,
        note,
        head,
        empty,
    };
}

/**
 * @param {Flow} first
 * @param {(flow: Flow) => void} end
 */
function rowPart(first, end) {
    const cells = Object.fromEntries(COLUMNS.map((key) => [key, element("div", { role: "cell", class: key })]));
    let last = first;
    const button = element(
        "button",
        { type: "button", class: "danger", "aria-label": say("streams.end.label", first), onclick: () => end(last) },
        say("streams.end"),
    );
    const node = element(
        "div",
        { class: "flow", role: "row" },
        Object.values(cells),
        element("div", { role: "cell", class: "end" }, button),
    );
    /** @param {{flow: Flow, place: number, height: number}} row */
    const update = ({ flow, place, height }) => {
        last = flow;
        node.style.transform = `translateY(${place * height}px)`;
        setAttribute(node, "aria-rowindex", place + 2);
        setText(cells.target, flow.target);
        setAttribute(cells.target, "title", flow.target);
        setText(cells.client, flow.client);
        setText(cells.user, flow.user ?? "");
        setText(cells.rule, flow.rule ?? "");
        setText(cells.path, flow.path ?? "");
        setAttribute(cells.path, "title", flow.path ?? "");
        setText(cells.exit, flow.exit ?? "");
        setText(cells.age, duration(flow.age));
        setText(cells.down, `↓ ${size(flow.down)}`);
        setText(cells.up, `↑ ${size(flow.up)}`);
        setText(cells.rate, flow.rate ? rate(flow.rate) : "–");
        setText(cells.moves, flow.moves || "–");
        setAttribute(node, "data-protocol", flow.protocol);
    };
    return { node, update };
}
