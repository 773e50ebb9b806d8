// How everything was in one span, a row for each: for how much of it it worked, and how it was while it did.

import { ask } from "./api.js";
import { element, replace } from "./dom.js";
import { milliseconds, percent } from "./format.js";
import { lossOf } from "./series.js";
import { duration, say } from "./words.js";

const COLUMNS = ["works", "outages", "longest", "rtt", "p95", "loss"];
const KINDS = ["ingress", "line", "path", "node"];

/** @param {(name: string) => void} choose shows one of them above */
export function overviewPart(choose) {
    const place = element("div", { class: "scroll" });
    const node = element("section", { class: "card", hidden: true }, element("h2", {}, say("overview.title")), place);
    let asked = 0;

    /**
     * @param {number} span seconds
     * @returns {Promise<void>}
     */
    async function look(span) {
        if (asked === span) {
            return; // it is work to sum up, and of a new minute little changes
        }
        asked = span;
        try {
            const told = await ask("history", { since: span });
            if (asked === span) {
                replace(place, overviewTable(told.all, choose));
                node.hidden = told.all.length === 0;
            }
        } catch {
            asked = 0; // what is wrong with the history is said above
        }
    }
    return { node, look };
}

/**
 * @param {Record<string, any>[]} all
 * @param {(name: string) => void} choose
 */
function overviewTable(all, choose) {
    const rows = [...all].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || worth(a) - worth(b));
    const head = COLUMNS.map((key) => element("th", { scope: "col", class: "number" }, say(`overview.${key}`)));
    return element(
        "table",
        { class: "overview stacked" },
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, say("overview.name")), head)),
        element(
            "tbody",
            {},
            rows.map((row) => rowOf(row, choose)),
        ),
    );
}

/** @param {Record<string, any>} row */
function worth(row) {
    return row.availability ?? 2;
}

/**
 * @param {Record<string, any>} row
 * @param {(name: string) => void} choose
 */
function rowOf(row, choose) {
    const texts = {
        works: row.availability === null ? "–" : worked(row.availability),
        outages: row.outages || "–",
        longest: row.longest_outage ? duration(row.longest_outage) : "–",
        rtt: milliseconds(row.rtt),
        p95: milliseconds(row.p95),
        loss: percent(lossOf(/** @type {any} */ (row))),
    };
    const cells = Object.entries(texts).map(([key, text]) =>
        element(
            "td",
            { class: key === "works" ? "number works" : "number", "data-name": say(`overview.${key}`) },
            text,
        ),
    );
    const button = element("button", { type: "button", class: "path-name", onclick: () => choose(row.name) }, row.name);
    const isOdd = row.availability !== null && row.availability < 0.999;
    return element(
        "tr",
        { "data-odd": isOdd },
        element("th", { scope: "row" }, button, " ", element("span", { class: "role" }, say(`overview.${row.kind}`))),
        cells,
    );
}

/**
 * A share of time; never 100 % when a second was missing.
 * @param {number} share
 */
function worked(share) {
    return share >= 1 ? "100%" : `${(Math.floor(share * 100000) / 1000).toFixed(share >= 0.99 ? 3 : 1)}%`;
}
