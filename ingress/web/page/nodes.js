// How the machines are: what each node tells of itself over its carriers.

import { ask } from "./api.js";
import { element, replace, setText } from "./dom.js";
import { milliseconds, percent, size, whole } from "./format.js";
import { gravity } from "./model.js";
import { repeat } from "./repeat.js";
import { markOf, nodeState } from "./states.js";
import { day, duration, say, sayState } from "./words.js";

/** Milliseconds: nodes tell every 10 s. */
const EVERY = 10_000;
/** Seconds before its end from which on a certificate is worth a colour. */
const SOON = 30 * 86400;

/**
 * @param {import("./main.js").Context} context
 * @returns {import("./main.js").View}
 */
export function nodesView({ refused }) {
    const place = element("div", { class: "nodes" });
    const note = element("p", { class: "note", role: "alert" });
    async function look() {
        try {
            const report = await ask("paths");
            replace(place, ingressPart(report), report.nodes.map(nodePart));
            setText(note, "");
        } catch (error) {
            setText(note, refused(error));
        }
    }
    const stop = repeat(look, () => EVERY);
    return {
        node: element("div", {}, element("h1", { class: "unseen" }, say("nodes.title")), note, place),
        leave: stop,
    };
}

/** @param {any} report */
function ingressPart(report) {
    return card(
        report.ingress,
        say("nodes.this"),
        "up",
        [...vitals(report.vitals), ["streams", whole(report.totals.streams)]],
        [],
        null,
    );
}

/** @param {any} node */
function nodePart(node) {
    const told = node.told;
    const state = nodeState(node);
    const rows = [["version", node.version], ...certificate(node.certificate_ends)];
    const more = [];
    if (node.config) {
        more.push(`${say("nodes.config")} · ${node.config}`);
    }
    if (told) {
        const connected = told.connected ?? [];
        rows.push(
            ...clock(node),
            ...vitals(told.vitals ?? {}),
            ["carriers", whole(sum(connected, "carriers") + sum(connected, "passed_on"))],
            ["streams", whole(sum(connected, "streams"))],
        );
        more.push(...counts("nodes.refusals", told.refusals), ...counts("nodes.failures", told.failures));
    }
    const age = told ? say("nodes.told", { age: duration(told.age) }) : say("nodes.untold");
    return card(node.node, say(node.is_exit ? "map.exit" : "map.relay"), state, rows, more, age);
}

/**
 * @param {any[]} rows
 * @param {string} key
 * @returns {number}
 */
function sum(rows, key) {
    return rows.reduce((all, row) => all + (row[key] ?? 0), 0);
}

/**
 * @param {any} told
 * @returns {any[][]} key, text, and how much of what there may be
 */
function vitals(told) {
    const share = (/** @type {any} */ one) => (one?.limit ? one.used / one.limit : null);
    return [
        ["up", duration(told.up)],
        ["cpu", told.up ? percent(told.cpu / told.up) : null],
        ["load", told.load?.toFixed(2)],
        [
            "lag",
            told.worst_lag === undefined || told.worst_lag === null ? null : milliseconds(told.worst_lag),
            null,
            told.worst_lag > 0.25,
        ],
        ["resident", told.resident ? size(told.resident) : null],
        [
            "memory",
            told.memory && say("nodes.of", { used: size(told.memory.used), limit: size(told.memory.limit) }),
            share(told.memory),
        ],
        [
            "descriptors",
            told.descriptors &&
                say("nodes.of", { used: whole(told.descriptors.used), limit: whole(told.descriptors.limit) }),
            share(told.descriptors),
        ],
    ];
}

/**
 * @param {string | null} ends ISO 8601
 * @returns {any[][]}
 */
function certificate(ends) {
    if (!ends) {
        return [];
    }
    const at = Date.parse(ends) / 1000;
    const left = at - Date.now() / 1000;
    return [["certificate", `${duration(Math.max(0, left))} (${day(at)})`, null, left < SOON]];
}

/**
 * @param {any} node
 * @returns {any[][]}
 */
function clock(node) {
    const offset = node.clock_offset ?? node.told?.clock_offset;
    return typeof offset === "number" ? [["clock", milliseconds(Math.abs(offset)), null, Math.abs(offset) > 2]] : [];
}

/**
 * @param {string} key
 * @param {Record<string, number> | undefined} counted
 * @returns {string[]}
 */
function counts(key, counted) {
    const some = Object.entries(counted ?? {}).filter(([, count]) => count > 0);
    return some.length
        ? [`${say(key)} · ${some.map(([name, count]) => `${name} ${count}`).join(say("unit.list"))}`]
        : [];
}

/**
 * @param {string} name
 * @param {string} role
 * @param {string} state
 * @param {any[][]} rows
 * @param {string[]} more
 * @param {string | null} age
 */
function card(name, role, state, rows, more, age) {
    const known = rows.filter(([, text]) => text !== null && text !== undefined && text !== "");
    return element(
        "section",
        { class: "card node-card", "data-grade": gravity(state) },
        element("h2", {}, name, " ", element("span", { class: "role" }, role)),
        element(
            "p",
            { class: "node-state" },
            `${markOf(state)} ${sayState(state)}`,
            age && element("span", { class: "age" }, ` · ${age}`),
        ),
        element(
            "dl",
            { class: "facts" },
            known.map(([key, text, share, isOdd]) => {
                const bar = element("span", { class: "bar-median" });
                bar.style.width = `${Math.min(100, (share ?? 0) * 100).toFixed(1)}%`;
                return element(
                    "div",
                    { class: isOdd || share > 0.8 ? "is-odd" : null },
                    element("dt", {}, say(`nodes.${key}`)),
                    element(
                        "dd",
                        {},
                        isOdd || share > 0.8 ? "! " : "",
                        text,
                        typeof share === "number" && element("span", { class: "bar", "aria-hidden": "true" }, bar),
                    ),
                );
            }),
        ),
        more.map((text) => element("p", { class: "note" }, text)),
    );
}
