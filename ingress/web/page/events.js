// What has happened, newest first, and how much of it in the last day.

import { ask } from "./api.js";
import { element, keepRows, replace, setAttribute, setText } from "./dom.js";
import { repeat } from "./repeat.js";
import { chosen, density, kindOf } from "./timeline.js";
import { day, language, moment, say } from "./words.js";

const EVERY = 5000;
const STEPS = [200, 2000];
/** Seconds back: all that is kept. */
const ALL = 34560000;
const MARKS = { bad: "✕", watch: "!", well: "✓", plain: "·" };
const PIECES = 72;

/**
 * @param {import("./main.js").Context} context
 * @returns {import("./main.js").View}
 */
export function eventsView({ refused }) {
    /** @type {import("./timeline.js").Told[]} */
    let events = [];
    let step = 0;
    let isGraveOnly = false;
    const list = element("ol", { class: "events" });
    const strip = element("div", { class: "strip", role: "img" });
    const note = element("p", { class: "note", role: "status" }, say("link.waiting"));
    const more = element(
        "button",
        {
            type: "button",
            hidden: true,
            onclick: () => {
                step += 1;
                look();
            },
        },
        say("events.more"),
    );
    const filter = element("input", {
        id: "events-filter",
        type: "search",
        class: "wide",
        placeholder: say("events.filter.hint"),
        oninput: show,
    });
    const grave = element("input", {
        id: "events-grave",
        type: "checkbox",
        onchange: () => {
            isGraveOnly = grave.checked;
            show();
        },
    });

    async function look() {
        try {
            events = (await ask("events", { since: ALL, limit: STEPS[step] })).events;
            show();
        } catch (error) {
            setText(note, refused(error));
        }
    }

    function show() {
        const rows = chosen(events, filter.value, isGraveOnly);
        const seen = new Map();
        let before = "";
        const keyed = rows.map((row) => {
            const key = `${row.at} ${row.event} ${row.about ?? ""}`;
            seen.set(key, (seen.get(key) ?? 0) + 1);
            const date = dayOf(row.at);
            const isFirst = date !== before;
            before = date;
            return { row, key: `${key} ${seen.get(key)} ${isFirst ? date : ""}`, date: isFirst ? date : null };
        });
        keepRows(
            list,
            keyed,
            (one) => one.key,
            (one) => ({ node: eventPart(one.row, one.date), update: () => {} }),
        );
        setText(note, rows.length ? "" : say("events.none"));
        more.hidden = events.length < STEPS[step] || step + 1 >= STEPS.length;
        drawStrip(strip, events);
    }

    const stop = repeat(look, () => EVERY);
    const bar = element(
        "div",
        { class: "fields" },
        element("label", { for: "events-filter", class: "unseen" }, say("events.filter")),
        filter,
        element("span", { class: "pair" }, grave, element("label", { for: "events-grave" }, say("events.grave"))),
    );
    return {
        node: element(
            "section",
            { class: "card" },
            element("h1", { class: "unseen" }, say("events.title")),
            bar,
            strip,
            note,
            list,
            more,
        ),
        leave: stop,
    };
}

/**
 * @param {number} at
 * @returns {string}
 */
function dayOf(at) {
    const back = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at * 1000).setHours(0, 0, 0, 0)) / 86400000);
    return back === 0 ? say("events.today") : back === 1 ? say("events.yesterday") : day(at);
}

/**
 * @param {import("./timeline.js").Told} one
 * @param {string | null} date said before the first of a day
 */
function eventPart(one, date) {
    const kind = kindOf(one);
    const clock = new Date(one.at * 1000).toLocaleTimeString(language() === "zh" ? "zh-CN" : "en-GB");
    return element(
        "li",
        { "data-kind": kind },
        date !== null && element("h2", {}, date),
        element("time", { datetime: new Date(one.at * 1000).toISOString() }, clock),
        element("span", { class: "dot", "aria-hidden": "true" }, MARKS[kind]),
        element(
            "span",
            { class: "event-text" },
            element("b", {}, one.text || one.about || one.event),
            " ",
            element("span", { class: "event-name" }, one.event),
        ),
    );
}

/**
 * @param {HTMLElement} strip
 * @param {import("./timeline.js").Told[]} events
 */
function drawStrip(strip, events) {
    const pieces = density(events, Date.now() / 1000, 86400, PIECES);
    const most = Math.max(1, ...pieces.map((piece) => piece.bad + piece.other));
    replace(
        strip,
        pieces.map((piece) => {
            const [bad, other] = [element("i", { class: "is-bad" }), element("i", {})];
            bad.style.height = `${(piece.bad / most) * 100}%`;
            other.style.height = `${(piece.other / most) * 100}%`;
            return element("span", { title: `${moment(piece.from)}: ${piece.bad + piece.other}` }, other, bad);
        }),
    );
    setAttribute(
        strip,
        "aria-label",
        say("events.strip", {
            count: pieces.reduce((sum, piece) => sum + piece.bad + piece.other, 0),
            bad: pieces.reduce((sum, piece) => sum + piece.bad, 0),
        }),
    );
}
