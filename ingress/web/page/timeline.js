// Events put in order for a timeline. Pure.

/**
 * @typedef {Record<string, any>} Fields
 * @typedef {{at: number, event: string, level?: string, about?: string, text?: string, fields?: Fields}} Told
 */

/** Of carriers one goes and another comes all the time; what a line does is told by its paths. */
const ORDINARY = /^carrier-|^leader-/;
const BAD = endings(
    "dead failed lost sick stalled damaged forgotten refused wrong down broken not-kept quota-used short policed paused",
);
const WATCH = endings(
    "rescued moved draining lagged warned leaves-exit leave-exit held switched carried not-fetched quota-near used-up " +
        "drain-started ended",
);

/**
 * What fits a name that ends with one of these words.
 * @param {string} words
 */
function endings(words) {
    return new RegExp(`(${words.replaceAll(" ", "|")})$`);
}

/**
 * By its level, and what its name says of it.
 * @param {Told} one
 * @returns {"bad" | "watch" | "well" | "plain"}
 */
export function kindOf({ event, level }) {
    if (ORDINARY.test(event)) {
        return "plain";
    }
    if (level === "error" || BAD.test(event)) {
        return "bad";
    }
    return level === "warning" || WATCH.test(event) ? "watch" : "well";
}

/**
 * @param {Told[]} events
 * @param {string} text
 * @param {boolean} isGraveOnly
 * @returns {Told[]} newest first
 */
export function chosen(events, text, isGraveOnly) {
    const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    return events
        .filter((one) => !isGraveOnly || kindOf(one) === "bad")
        .filter((one) => {
            const said = [one.event, one.about, one.text, ...Object.values(one.fields ?? {})].join("\n").toLowerCase();
            return wanted.every((word) => said.includes(word));
        })
        .sort((a, b) => b.at - a.at);
}

/**
 * How many events there were in each piece of the last *span* seconds.
 * @param {Told[]} events
 * @param {number} now
 * @param {number} span
 * @param {number} pieces
 * @returns {{bad: number, other: number, from: number}[]}
 */
export function density(events, now, span, pieces) {
    const found = Array.from({ length: pieces }, (_, place) => ({
        bad: 0,
        other: 0,
        from: now - span + (place * span) / pieces,
    }));
    for (const one of events) {
        const place = Math.floor(((one.at - now + span) / span) * pieces);
        if (place >= 0 && place < pieces) {
            found[place][kindOf(one) === "bad" ? "bad" : "other"] += 1;
        }
    }
    return found;
}
