// Takes a line out of use by hand, and gives it back.

import { change, Refused } from "./api.js";
import { element } from "./dom.js";
import { sure } from "./sure.js";
import { say } from "./words.js";

/** Seconds to choose from; 0 is until it is released. */
const LENGTHS = [0, 3600, 28800, 86400];
const REFUSED = 400;

/**
 * Holds a line, after asking for how long; if that leaves an exit without a path, after asking again.
 * @param {string} line
 * @returns {Promise<void>} fails as the ingress refuses it
 */
export async function hold(line) {
    const length = element(
        "select",
        { "aria-label": say("hold.length") },
        LENGTHS.map((seconds) => element("option", { value: seconds }, say(`hold.length.${seconds}`))),
    );
    if (!(await sure(say("hold.sure", { line }), say("hold.act"), say("hold.keep"), length))) {
        return;
    }
    const asked = Number(length.value) ? { seconds: Number(length.value) } : {};
    try {
        await change("POST", place(line, "hold"), asked);
    } catch (error) {
        if (!(error instanceof Refused) || error.status !== REFUSED) {
            throw error;
        }
        if (await sure(error.message, say("hold.force"), say("hold.keep"))) {
            await change("POST", place(line, "hold"), { ...asked, force: true });
        }
    }
}

/** @param {string} line */
export async function release(line) {
    await change("POST", place(line, "release"));
}

/**
 * @param {string} line
 * @param {"hold" | "release"} what
 */
function place(line, what) {
    return `lines/${encodeURIComponent(line)}/${what}`;
}
