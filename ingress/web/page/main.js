// Begins the page: the frame around the views, which of them is shown, and what is told to it.

import { leave, Refused } from "./api.js";
import { element, replace, setAttribute, setText } from "./dom.js";
import { Live } from "./live.js";
import { loginView, enterByAddress } from "./login.js";
import { gravity, shownState, verdict } from "./model.js";
import { networkView } from "./network.js";
import { whyView } from "./why.js";
import { historyView } from "./history.js";
import { streamsView } from "./streams.js";
import { eventsView } from "./events.js";
import { usageView } from "./usage.js";
import { nodesView } from "./nodes.js";
import { duration, language, say, setLanguage } from "./words.js";

/**
 * @typedef {import("./live.js").Seen} Seen
 * @typedef {{node: HTMLElement, moved?: (seen: Seen) => void, leave?: () => void, isLogin?: boolean}} View
 * @typedef {{query: URLSearchParams, refused: (error: unknown) => string}} Context
 */

/** @type {[string, (context: Context) => View][]} */
const VIEWS = [
    ["network", networkView],
    ["why", whyView],
    ["history", historyView],
    ["streams", streamsView],
    ["events", eventsView],
    ["usage", usageView],
    ["nodes", nodesView],
];

/** @type {View | null} */
let view = null;
const content = element("main", { id: "content", tabindex: "-1" });
const name = element("span", { class: "brand-name" });
const late = element("p", { class: "stale", role: "status" });
const nav = element("nav", {});
const live = new Live({ moved, late: showLate, refused: askWho });

/** Everything again: at the start, and in another language. */
function build() {
    document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
    setAttribute(nav, "aria-label", say("page.views"));
    replace(
        nav,
        VIEWS.map(([key]) => element("a", { href: `#${key}`, "data-view": key }, say(`view.${key}`))),
    );
    const other = element(
        "button",
        {
            class: "quiet",
            type: "button",
            lang: language() === "zh" ? "en" : "zh-CN",
            "aria-label": say("page.language.label"),
            onclick: switchLanguage,
        },
        say("page.language"),
    );
    const skip = element(
        "a",
        {
            class: "skip",
            href: "#content",
            onclick: (/** @type {Event} */ event) => {
                event.preventDefault();
                content.focus();
            },
        },
        say("page.skip"),
    );
    const out = element("button", { class: "quiet", type: "button", onclick: goOut }, say("login.out"));
    const head = element(
        "header",
        { class: "head" },
        element("span", { class: "brand" }, element("img", { src: "icon.svg", alt: "", width: 22, height: 22 }), name),
        nav,
        element("span", { class: "tools" }, other, out),
    );
    replace(document.body, skip, head, late, content);
    open();
}

function switchLanguage() {
    setLanguage(language() === "zh" ? "en" : "zh");
    build();
    live.begin();
}

async function goOut() {
    live.end();
    live.seen = null;
    await leave().catch(() => {}); // a session that is over already
    askWho(new Refused(401, ""));
}

/** Shows the view that the address names. */
function open() {
    const [key, query] = location.hash.slice(1).split("?");
    const [shown, make] = VIEWS.find(([one]) => one === key) ?? VIEWS[0];
    nav.querySelectorAll("a").forEach((/** @type {HTMLAnchorElement} */ link) =>
        setAttribute(link, "aria-current", link.dataset.view === shown ? "page" : null),
    );
    nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    show(make({ query: new URLSearchParams(query), refused: sentence }));
}

/** @param {View} next */
function show(next) {
    view?.leave?.();
    view = next;
    replace(content, next.node);
    if (live.seen !== null) {
        next.moved?.(live.seen);
    }
}

/** @param {import("./live.js").Seen} seen */
function moved(seen) {
    const { report } = seen;
    const grave = ["down", "broken"].includes(verdict(report).grade);
    const broken = report.lines.filter((line) => gravity(shownState(line, report)) === 2).length;
    setText(name, report.ingress);
    document.title = `${grave ? "✕ " : ""}${report.ingress}${broken ? ` (${broken})` : ""}`;
    setAttribute(
        /** @type {Element} */ (document.querySelector("link[rel=icon]")),
        "href",
        grave ? "icon_broken.svg" : "icon.svg",
    );
    view?.moved?.(seen);
}

/** @param {number | null} seconds */
function showLate(seconds) {
    setText(late, seconds === null ? "" : say("link.lost", { age: duration(seconds) }));
    document.body.classList.toggle("is-late", seconds !== null);
}

/** @param {Refused} refused */
function askWho(refused) {
    if (refused.status === 401) {
        showLate(null); // it has answered
        if (!view?.isLogin) {
            show(
                loginView(() => {
                    live.begin();
                    open();
                }),
            );
        }
    } else {
        replace(content, element("p", { class: "note bad" }, say("link.failed", { why: refused.message })));
    }
}

/**
 * What to say of an error; a session that is over leads to the log-in.
 * @param {unknown} error
 * @returns {string}
 */
function sentence(error) {
    if (error instanceof Refused && error.status === 401) {
        askWho(error);
    }
    return say("link.failed", { why: error instanceof Error ? error.message : String(error) });
}

addEventListener("hashchange", async () => {
    if (await enterByAddress()) {
        live.begin();
    }
    open();
});
document.addEventListener("visibilitychange", () => (document.hidden ? live.end() : live.begin()));
await enterByAddress();
build();
live.begin();
