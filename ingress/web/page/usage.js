// Who moved how much, over what; and what is left of what was bought.

import { ask } from "./api.js";
import { element, replace, setAttribute } from "./dom.js";
import { percent, rate, size, whole } from "./format.js";
import { repeat } from "./repeat.js";
import { say } from "./words.js";

const KINDS = ["user", "line", "exit", "site"];
const EVERY = 15_000;
/** Rows that are shown of each kind. */
const MOST = 200;

/**
 * @param {import("./main.js").Context} context
 * @returns {import("./main.js").View}
 */
export function usageView({ refused }) {
    let kind = "user";
    let span = "today";
    const place = element("div", {});
    const quotas = element("section", { class: "card" });
    const choice = (
        /** @type {string[]} */ names,
        /** @type {string} */ label,
        /** @type {(name: string) => void} */ take,
    ) => {
        const group = element(
            "div",
            { class: "spans", role: "group", "aria-label": label },
            names.map((name, index) =>
                element(
                    "button",
                    {
                        type: "button",
                        "aria-pressed": String(index === 0),
                        onclick: (/** @type {Event} */ event) => {
                            group
                                .querySelectorAll("button")
                                .forEach((/** @type {Element} */ button) =>
                                    setAttribute(button, "aria-pressed", String(button === event.currentTarget)),
                                );
                            take(name);
                            look();
                        },
                    },
                    say(`usage.${name}`),
                ),
            ),
        );
        return group;
    };

    async function look() {
        const [by, during] = [kind, span];
        try {
            const told = await ask("usage", { by, since: Math.ceil(Date.now() / 1000 - begin(during)) });
            if (by === kind && during === span) {
                replace(place, usageTable(told));
                replace(quotas, quotaPart(told));
            }
        } catch (error) {
            replace(place, element("p", { class: "note bad", role: "alert" }, refused(error)));
        }
    }

    const stop = repeat(look, () => EVERY);
    const bar = element(
        "div",
        { class: "fields" },
        choice(KINDS, say("usage.title"), (name) => {
            kind = name;
        }),
        choice(["today", "month"], say("history.span"), (name) => {
            span = name;
        }),
    );
    return {
        node: element(
            "div",
            { class: "view" },
            element("section", { class: "card" }, element("h1", { class: "unseen" }, say("usage.title")), bar, place),
            quotas,
        ),
        leave: stop,
    };
}

/**
 * When a span began, by the clock of the browser.
 * @param {string} span
 * @returns {number} seconds since 1970
 */
function begin(span) {
    const now = new Date();
    return (
        (span === "today"
            ? new Date(now.getFullYear(), now.getMonth(), now.getDate())
            : new Date(now.getFullYear(), now.getMonth(), 1)
        ).getTime() / 1000
    );
}

/**
 * What a row moved in all: of lines, what measures them too.
 * @param {Record<string, any>} row
 */
function moved(row) {
    const sum = (/** @type {string[]} */ names) => names.reduce((all, name) => all + (row[name] ?? 0), 0);
    return {
        up: sum(["up", "tcp_up", "udp_up", "probes_up"]),
        down: sum(["down", "tcp_down", "udp_down", "probes_down"]),
        udp: sum(["udp_up", "udp_down"]),
        streams: row.streams,
    };
}

/** @param {any} told */
function usageTable(told) {
    const rows = told.rows
        .map((/** @type {any} */ row) => ({
            name: row.name === "direct" ? say("usage.direct") : row.name || say("usage.unnamed"),
            ...moved(row),
        }))
        .sort((/** @type {any} */ a, /** @type {any} */ b) => b.up + b.down - a.up - a.down);
    if (!rows.length) {
        return [
            element("p", { class: "note" }, say("usage.none")),
            told.notes.map((/** @type {string} */ note) => element("p", { class: "note" }, note)),
        ];
    }
    const most = Math.max(1, ...rows.map((/** @type {any} */ row) => row.up + row.down));
    const hasStreams = rows.some((/** @type {any} */ row) => row.streams !== undefined);
    const numbers = ["down", "up", "all", "udp", ...(hasStreams ? ["streams"] : [])];
    const head = element(
        "tr",
        {},
        element("th", { scope: "col" }, say("usage.name")),
        element("th", { class: "share" }, ""),
        numbers.map((key) => element("th", { scope: "col", class: "number" }, say(`usage.${key}`))),
    );
    const body = rows.slice(0, MOST).map((/** @type {any} */ row) => {
        const bar = element("span", { class: "bar-median" });
        bar.style.width = `${(((row.up + row.down) / most) * 100).toFixed(1)}%`;
        const cell = (/** @type {string} */ key, /** @type {string} */ text) =>
            element("td", { class: "number", "data-name": say(`usage.${key}`) }, text);
        return element(
            "tr",
            {},
            element("th", { scope: "row" }, row.name),
            element("td", { class: "share" }, element("span", { class: "bar", "aria-hidden": "true" }, bar)),
            cell("down", size(row.down)),
            cell("up", size(row.up)),
            cell("all", size(row.up + row.down)),
            cell("udp", size(row.udp)),
            hasStreams && cell("streams", whole(row.streams)),
        );
    });
    const left = told.left_out + Math.max(0, rows.length - MOST);
    return [
        element(
            "div",
            { class: "scroll" },
            element("table", { class: "usage stacked" }, element("thead", {}, head), element("tbody", {}, body)),
        ),
        left > 0 && element("p", { class: "note" }, say("usage.left", { count: left })),
        told.notes.map((/** @type {string} */ note) => element("p", { class: "note" }, note)),
    ];
}

/**
 * Quotas of lines and of those who have one by an allowance.
 * @param {any} told
 */
function quotaPart(told) {
    const lines = Object.entries(told.quotas ?? {}).map(([name, quota]) => quotaRow(name, quota));
    const owners = (told.owners ?? []).map((/** @type {any} */ quota) => quotaRow(quota.subject, quota));
    const rows = [...lines, ...owners];
    return [
        element("h2", {}, say("usage.quota")),
        rows.length
            ? element("ul", { class: "remarks quotas" }, rows)
            : element("p", { class: "note" }, say("usage.quota.none")),
    ];
}

/**
 * @param {string} name
 * @param {any} quota as docs/paths-json.md has it
 */
function quotaRow(name, quota) {
    const figure = quota.counts === "p95" ? rate : size;
    const bar = element("span", { class: "bar-median" });
    bar.style.width = `${Math.min(100, quota.fraction * 100).toFixed(1)}%`;
    const values = {
        used: figure(quota.used),
        amount: figure(quota.amount),
        share: percent(quota.fraction),
        date: quota.ends_on,
    };
    return element(
        "li",
        { "data-grade": quota.fraction >= 1 ? 2 : quota.fraction >= 0.8 ? 1 : 0 },
        element("b", {}, quota.fraction >= 0.8 ? "! " : "", name),
        element("span", { class: "bar", "aria-hidden": "true" }, bar),
        element(
            "span",
            {},
            quota.counts === "p95" && `${say("usage.quota.p95")} · `,
            say(quota.amount === null ? "usage.quota.open" : "usage.quota.line", values),
            quota.effect !== "none" && ` · ${say(`usage.effect.${quota.effect}`)}`,
        ),
    );
}
