// Why a connection to a target goes where it goes: every candidate with its cost as a bar of its terms.

import { ask } from "./api.js";
import { element, replace } from "./dom.js";
import { milliseconds, rate } from "./format.js";
import { gravity } from "./model.js";
import { markOf } from "./states.js";
import { duration, say, sayState } from "./words.js";
import { drawnCandidates } from "./terms.js";

/** @typedef {Record<string, any>} Why the ingress's answer, as docs/paths-json.md has it */

/** Candidates that are drawn; of more the best. */
const MOST = 24;

/**
 * @param {import("./main.js").Context} context
 * @returns {import("./main.js").View}
 */
export function whyView({ query, refused }) {
    const answer = element(
        "div",
        { class: "view", "aria-live": "polite" },
        element("p", { class: "note" }, say("why.none")),
    );
    const form = questionForm(query);
    const look = async () => {
        const asked = String(query.get("target") ?? "");
        if (!asked) {
            return;
        }
        const target = query.get("udp") && !asked.endsWith("/udp") ? `${asked}/udp` : asked;
        try {
            const why = await ask("why", { target, client: query.get("client"), user: query.get("user") });
            replace(answer, headline(why), candidates(why), why.protocol === "udp" ? null : remarks(why));
        } catch (error) {
            replace(answer, element("p", { class: "note bad", role: "alert" }, refused(error)));
        }
    };
    look();
    return { node: element("div", { class: "view" }, form, answer) };
}

/** @param {URLSearchParams} query */
function questionForm(query) {
    const field = (/** @type {string} */ name, /** @type {Record<string, any>} */ more) =>
        element("input", {
            id: `why-${name}`,
            name,
            value: query.get(name) ?? "",
            autocomplete: "off",
            spellcheck: "false",
            autocapitalize: "off",
            ...more,
        });
    const target = field("target", { required: true, placeholder: say("why.target.hint"), class: "wide" });
    const udp = element("input", {
        id: "why-udp",
        name: "udp",
        type: "checkbox",
        value: "1",
        checked: query.get("udp") !== null,
    });
    const send = (/** @type {Event} */ event) => {
        event.preventDefault();
        const given = [...new FormData(form)]
            .filter(([, value]) => value !== "")
            .map(([name, value]) => [name, String(value)]);
        location.hash = `why?${new URLSearchParams(given)}`;
    };
    const form = element(
        "form",
        { class: "card question", onsubmit: send },
        element("h1", {}, say("why.title")),
        element(
            "div",
            { class: "fields" },
            element("label", { for: "why-target", class: "unseen" }, say("why.target")),
            target,
            element("button", { type: "submit", class: "strong" }, say("why.ask")),
            element("span", { class: "pair" }, udp, element("label", { for: "why-udp" }, say("why.udp"))),
        ),
        element(
            "details",
            { open: Boolean(query.get("client") || query.get("user")) },
            element("summary", {}, say("why.more")),
            element(
                "div",
                { class: "fields" },
                element("label", { for: "why-client" }, say("why.client")),
                field("client", {}),
                element("label", { for: "why-user" }, say("why.user")),
                field("user", {}),
            ),
        ),
    );
    return form;
}

/**
 * Where it goes, in a sentence.
 * @param {Why} why
 */
function headline(why) {
    const goes = why.paths.length > 0 || why.exit !== null;
    const rule = why.rule && say("why.rule", { place: why.rule.place, title: why.rule.title, does: why.rule.does });
    return element(
        "section",
        { class: "verdict", "data-grade": goes ? "well" : "broken" },
        element("span", { class: "mark", "aria-hidden": "true" }, goes ? "→" : "✕"),
        element(
            "div",
            {},
            element("h2", {}, why.target, " ", goes ? say("why.goes") : say("why.nowhere"), " ", why.paths.join(" + ")),
            element("p", {}, why.exit && say("why.exit", { exit: why.exit }), why.exit && " · ", why.reason),
            rule && element("p", { class: "note" }, rule),
            why.copies && element("p", { class: "note" }, `${say("why.copies")} · ${why.copies}`),
            why.answers_early !== undefined &&
                element("p", { class: "note" }, say(why.answers_early ? "why.early" : "why.late")),
        ),
    );
}

/** @param {Why} why */
function candidates(why) {
    const { legend, rows } = drawnCandidates(why.candidates.slice(0, MOST), new Set(why.paths));
    return element(
        "section",
        { class: "card" },
        element("h2", {}, say("why.cost")),
        element("p", { class: "legend" }, legend, element("span", {}, say("why.cost.unit"))),
        element(
            "ol",
            { class: "candidates" },
            rows.map(({ candidate, bar, sum }) =>
                element(
                    "li",
                    {
                        "data-grade": gravity(candidate.state ?? "up"),
                        class: why.paths.includes(candidate.path) ? "is-taken" : null,
                    },
                    element(
                        "div",
                        { class: "candidate-name" },
                        element(
                            "span",
                            {},
                            candidate.path.replaceAll("/", " › "),
                            " → ",
                            element("b", {}, candidate.exit),
                        ),
                        element(
                            "span",
                            { class: "candidate-reason" },
                            candidate.state && candidate.state !== "up"
                                ? `${markOf(candidate.state)} ${sayState(candidate.state)} · `
                                : "",
                            candidate.reason ?? candidate.datagrams?.why ?? "",
                        ),
                    ),
                    element("b", { class: "candidate-cost" }, milliseconds(candidate.cost)),
                    bar,
                    element("div", { class: "candidate-sum" }, sum),
                ),
            ),
        ),
    );
}

/**
 * What would change it, what did, and where much would go.
 * @param {Why} why
 */
function remarks(why) {
    const list = (/** @type {string} */ title, /** @type {(string | Node)[]} */ rows) =>
        rows.length > 0 &&
        element(
            "section",
            { class: "card" },
            element("h2", {}, title),
            element(
                "ul",
                { class: "remarks" },
                rows.map((row) => element("li", {}, row)),
            ),
        );
    const kept = Object.entries(why.kept ?? {});
    return element(
        "div",
        { class: "columns" },
        list(say("why.switch"), why.would_switch ?? []),
        list(say("why.switches"), (why.switches ?? []).map(switched)),
        list(say("why.bulk"), (why.bulk ?? []).map(placed)),
        kept.length > 0 &&
            list(
                say("why.kept", { site: why.site }),
                kept.map(([exit, count]) => `${exit}: ${count}`),
            ),
    );
}

/** @param {any} one of the last switches */
function switched(one) {
    const values = { age: duration(one.age), old: one.old ?? "–", new: one.new ?? "–" };
    return `${say("why.switched", values)} · ${one.reason}`;
}

/** @param {any} one of the places for a heavy stream */
function placed(one) {
    const expected = one.expected ? say("why.expected", { rate: rate(one.expected) }) : null;
    return [say(`why.bulk.${one.direction}`), one.path, expected, one.reason].filter(Boolean).join(" · ");
}
