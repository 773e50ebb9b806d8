// How a line, a path or a node was: the round trip with its spread, what was lost, and when it was out of order.

import { ask } from "./api.js";
import { chart } from "./chart.js";
import { element, replace, setText } from "./dom.js";
import { milliseconds, percent } from "./format.js";
import { overviewPart } from "./overview.js";
import { repeat } from "./repeat.js";
import { summary, table } from "./series.js";
import { duration, moment, say } from "./words.js";

const SPANS = [3600, 10800, 86400, 604800, 2592000, 10368000, 34560000];
const USUAL = 86400;
/** Milliseconds between two looks: a row comes once a minute. */
const AGAIN = 60_000;

/**
 * @param {import("./main.js").Context} context
 * @returns {import("./main.js").View}
 */
export function historyView({ query, refused }) {
    const names = { of: query.get("of") ?? "", beside: query.get("beside") ?? "" };
    let span = SPANS.find((one) => String(one) === query.get("since")) ?? USUAL;
    /** @type {{node: HTMLElement, leave: () => void} | null} */
    let drawn = null;
    let isLeft = false;
    const place = element("div", { class: "view" });
    const of = element("select", { id: "history-of", onchange: choose });
    const beside = element("select", { id: "history-beside", onchange: choose });
    const spans = element(
        "div",
        { class: "spans", role: "group", "aria-label": say("history.span") },
        SPANS.map((one) =>
            element(
                "button",
                {
                    type: "button",
                    "data-span": one,
                    "aria-pressed": String(one === span),
                    onclick: () => {
                        span = one;
                        choose();
                    },
                },
                say(`history.span.${one}`),
            ),
        ),
    );
    const form = element(
        "div",
        { class: "card fields" },
        element("label", { for: "history-of" }, say("history.of")),
        of,
        element("label", { for: "history-beside" }, say("history.beside")),
        beside,
        spans,
    );

    const overview = overviewPart((name) => {
        if (![...of.options].some((/** @type {HTMLOptionElement} */ one) => one.value === name)) {
            of.append(element("option", { value: name }, name)); // in no file any more
        }
        of.value = name;
        choose();
        form.scrollIntoView({ block: "center" });
    });

    function choose() {
        [names.of, names.beside] = [of.value, beside.value];
        history.replaceState(
            null,
            "",
            `#history?${new URLSearchParams({ of: names.of, beside: names.beside, since: String(span) })}`,
        );
        spans
            .querySelectorAll("button")
            .forEach((/** @type {HTMLButtonElement} */ button) =>
                button.setAttribute("aria-pressed", String(Number(button.dataset.span) === span)),
            );
        look();
    }

    async function look() {
        const wanted = [names.of, names.beside].filter((name, index, all) => name && all.indexOf(name) === index);
        if (!wanted.length) {
            return;
        }
        const asked = span;
        try {
            overview.look(asked);
            const told = await Promise.all(wanted.map((name) => ask("history", { of: name, since: asked })));
            if (!isLeft && asked === span && wanted[0] === names.of) {
                draw(wanted, told);
            }
        } catch (error) {
            replace(place, element("p", { class: "note bad", role: "alert" }, refused(error)));
        }
    }

    /**
     * @param {string[]} wanted
     * @param {any[]} told
     */
    function draw(wanted, told) {
        drawn?.leave();
        const now = Date.now() / 1000;
        const data = table(told, now - span, now);
        drawn = chart(wanted, data, span);
        replace(
            place,
            drawn.node,
            wanted.map((name, index) => part(name, told[index], span)),
        );
    }

    const stop = repeat(look, () => AGAIN);
    return {
        node: element("div", { class: "view" }, form, place, overview.node),
        moved: ({ report }) => {
            if (!of.options.length && report.lines.length) {
                names.of ||= report.lines[0].line;
                offer(of, report, names.of, false);
                offer(beside, report, names.beside, true);
                look();
            }
        },
        leave: () => {
            isLeft = true;
            stop();
            drawn?.leave();
        },
    };
}

/**
 * @param {HTMLSelectElement} select
 * @param {import("./model.js").Report} report
 * @param {string} chosen
 * @param {boolean} mayBeNone
 */
function offer(select, report, chosen, mayBeNone) {
    const group = (/** @type {string} */ title, /** @type {string[]} */ names) =>
        element(
            "optgroup",
            { label: title },
            names.map((name) => element("option", { value: name, selected: name === chosen }, name)),
        );
    replace(
        select,
        mayBeNone && element("option", { value: "" }, say("history.nothing")),
        group(
            say("history.lines"),
            report.lines.map((line) => line.line),
        ),
        group(
            say("history.paths"),
            report.paths.filter((path) => path.state !== "spare").map((path) => path.path),
        ),
        group(say("history.nodes"), [...report.nodes.map((node) => node.node), report.ingress]),
    );
}

/**
 * What the graph shows, in words: for those who cannot see it, and for a report.
 * @param {string} name
 * @param {any} told
 * @param {number} span
 */
function part(name, told, span) {
    const all = summary(told.series, told.outages, Date.now() / 1000 - span, Date.now() / 1000);
    const rows = told.outages
        .slice(-50)
        .reverse()
        .map((/** @type {any} */ one) => {
            const isOpen = one.to === null || one.to === undefined;
            const length = duration((isOpen ? Date.now() / 1000 : one.to) - one.from);
            return element(
                "li",
                {},
                element(
                    "b",
                    {},
                    say(isOpen ? "history.outage.open" : "history.outage.row", { from: moment(one.from), length }),
                ),
                one.why && " · ",
                one.why,
            );
        });
    const head = element("p", {});
    setText(
        head,
        told.series.length
            ? say("history.summary", {
                  name,
                  rtt: milliseconds(all.median),
                  worst: milliseconds(all.worst),
                  loss: percent(all.loss),
                  outages: duration(all.outage),
              })
            : `${name}: ${say("history.empty")}`,
    );
    return element(
        "section",
        { class: "card" },
        head,
        element("h3", { class: "apart" }, say("history.outages")),
        rows.length
            ? element("ul", { class: "remarks" }, rows)
            : element("p", { class: "note" }, say("history.outages.none")),
    );
}
