// What is out of order at this moment, since when, and for how long: by the history, which is asked only while
// something is.

import { ask } from "./api.js";
import { element, keepRows, setText } from "./dom.js";
import { verdict } from "./model.js";
import { duration, moment, say } from "./words.js";

/** Milliseconds between two questions. */
const EVERY = 5000;
/** Seconds: an outage that lasts is told whenever it began. */
const BACK = 60;
/** Rows; what is more stands in the history. */
const MOST = 6;
/** Whose outages are shown: those of paths follow from them. */
const KINDS = new Set(["line", "node", "ingress"]);

export function lastingPart() {
    const node = element("ul", { class: "lasting" });
    /** @type {{kind: string, name: string, from: number, to: number | null}[]} */
    let outages = [];
    let askedAt = -EVERY;

    async function look() {
        try {
            const told = await ask("history", { since: BACK });
            outages = told.outages
                .filter((/** @type {any} */ one) => one.to === null && KINDS.has(one.kind))
                .slice(0, MOST);
        } catch {
            outages = []; // no history is kept: the verdict stands without it
        }
    }

    /** @param {import("./live.js").Seen} seen */
    const moved = ({ report, at }) => {
        const isGrave = ["broken", "down"].includes(verdict(report).grade);
        if (!isGrave) {
            outages = [];
            askedAt = -EVERY;
        } else if (at - askedAt >= EVERY) {
            askedAt = at;
            look();
        }
        keepRows(
            node,
            outages,
            (one) => `${one.kind} ${one.name} ${one.from}`,
            (one) => {
                const text = element("span", {});
                return {
                    node: element(
                        "li",
                        {},
                        element("a", { href: `#history?of=${encodeURIComponent(one.name)}` }, one.name),
                        " ",
                        text,
                    ),
                    update: () =>
                        setText(
                            text,
                            say("history.outage.open", {
                                from: moment(one.from),
                                length: duration(Math.max(0, Date.now() / 1000 - one.from)),
                            }),
                        ),
                };
            },
        );
    };
    return { node, moved };
}
