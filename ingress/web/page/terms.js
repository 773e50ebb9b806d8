// The terms of a cost as pieces of a bar: each has its colour, its name in the legend, and its figure in the sum
// below.

import { element } from "./dom.js";
import { milliseconds } from "./format.js";
import { say } from "./words.js";

/** @typedef {{name: string, value: number, source: string, note: string, place: number}} Term `place` is its colour */

const KINDS = new Set(["round trip", "2 x deviation", "late", "lost", "exit to target", "first byte", "jitter"]);
const SOURCES = /** @type {Record<string, string>} */ ({ assumed: "?", used: "*", told: "~" });
/** Seconds below which a term is not worth a word. */
const NOTHING = 0.00005;
/** Costs are drawn up to so many times the best; what is dearer fills its bar to the end, and has a mark there. */
const REACH = 2.5;

/**
 * @param {Record<string, any>[]} all candidates, as the ingress tells them
 * @param {Set<string>} taken names of the paths that are taken
 */
export function drawnCandidates(all, taken) {
    const costs = all.map((candidate) => candidate.cost).filter((cost) => typeof cost === "number" && cost > 0);
    const chosen = all
        .filter((candidate) => taken.has(candidate.path) && candidate.cost > 0)
        .map((candidate) => candidate.cost);
    const scale = Math.min(Math.max(...costs, 0.001), REACH * Math.min(...costs, Infinity), Infinity) || 0.001;
    const most = Math.max(scale, ...chosen);
    const rows = all
        .map((candidate) => ({ candidate, terms: termsOf(candidate) }))
        .map(({ candidate, terms }) => ({ candidate, bar: bar(terms, candidate.cost, most), sum: sum(terms) }));
    return {
        rows,
        legend: legend(all.flatMap((candidate) => termsOf(candidate).filter((term) => term.value >= NOTHING))),
    };
}

/**
 * Of datagrams there is the sum, and its first part.
 * @param {Record<string, any>} candidate
 * @returns {Term[]}
 */
function termsOf(candidate) {
    if (candidate.terms) {
        return candidate.terms.map((/** @type {Term} */ term, /** @type {number} */ index) => ({
            ...term,
            place: index + 1,
        }));
    }
    const { cost, datagrams } = candidate;
    if (typeof cost !== "number" || typeof datagrams?.round_trip !== "number") {
        return [];
    }
    const term = (/** @type {string} */ name, /** @type {number} */ value, /** @type {number} */ place) => ({
        name,
        value,
        source: "measured",
        note: "",
        place,
    });
    return [term("round trip", datagrams.round_trip, 1), term("jitter", Math.max(0, cost - datagrams.round_trip), 2)];
}

/**
 * What a term is called: by the page where it knows the name, else by the ingress, which speaks the page's language.
 * @param {Term} term
 */
function called(term) {
    return KINDS.has(term.name) ? say(`term.${term.name}`) : term.name;
}

/**
 * @param {Term[]} terms
 * @param {number} cost
 * @param {number} most seconds at the end of the bar
 */
function bar(terms, cost, most) {
    const made = element("div", { class: "cost-bar", "aria-hidden": "true" });
    let room = 1;
    for (const term of terms.filter((one) => one.value >= NOTHING)) {
        const share = Math.min(room, term.value / most);
        room -= share;
        const piece = element("span", { class: `term-${term.place}`, title: words(term) });
        piece.style.width = `${(share * 100).toFixed(2)}%`;
        made.append(piece);
    }
    if (cost > most * 1.001) {
        made.append(element("span", { class: "beyond" }, "»"));
    }
    return made;
}

/** @param {Term} term */
function words(term) {
    const how = [say(`source.${term.source}`), term.note].filter(Boolean).join(", ");
    return `${called(term)} ${milliseconds(term.value)} (${how})`;
}

/** @param {Term[]} terms */
function sum(terms) {
    return terms
        .filter((term) => term.value >= NOTHING)
        .flatMap((term, index) => [
            index ? " + " : "",
            element(
                "span",
                { title: words(term) },
                `${called(term)} ${milliseconds(term.value)}${SOURCES[term.source] ?? ""}`,
            ),
        ]);
}

/**
 * @param {Term[]} shown
 */
function legend(shown) {
    const kinds = new Map(shown.map((term) => [term.place, called(term)]));
    const terms = [...kinds]
        .sort(([a], [b]) => a - b)
        .map(([place, name]) => element("span", { class: "key" }, element("i", { class: `term-${place}` }), name));
    const sources = new Set(shown.map((term) => term.source));
    const marks = Object.entries(SOURCES)
        .filter(([source]) => sources.has(source))
        .map(([source, mark]) => element("span", {}, `${mark} ${say(`source.${source}`)}`));
    return [...terms, ...marks];
}
