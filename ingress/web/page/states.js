// How states look beside their colour: a mark, a word, a tag. Pure.

import { gravity } from "./model.js";

/**
 * @param {string} state
 * @returns {string} what a state is marked with, for eyes that see no red
 */
export function markOf(state) {
    if (state === "up") {
        return "✓";
    }
    if (state === "suspect") {
        return "✕?";
    }
    const grade = gravity(state);
    return grade === 2 ? "✕" : grade === 1 ? "!" : "·";
}

/**
 * @param {Record<string, any> | undefined} node undefined is the ingress itself
 * @returns {string}
 */
export function nodeState(node) {
    if (!node) {
        return "up";
    }
    return node.draining ? "draining" : node.state;
}

/**
 * What else a line is: held by hand, used up, a backup.
 * @param {Record<string, any>} line
 * @param {{line: string}[]} [holds] the lines that are held
 * @returns {string[]} keys of states
 */
export function tagsOf(line, holds = []) {
    const effect = line.quota?.effect;
    return [
        holds.some((one) => one.line === line.line) && "line-held",
        effect === "closed" && "used-up",
        (line.backup || effect === "backup") && "backup",
    ].flatMap((tag) => tag || []);
}

/**
 * The larger of what came late and what TCP knows to be lost.
 * @param {Record<string, any>} line
 * @returns {number | null}
 */
export function lossOf(line) {
    const known = [line.late, ...(line.directions ?? []).map((/** @type {any} */ one) => one.loss)].filter(
        (share) => typeof share === "number",
    );
    return known.length ? Math.max(...known) : null;
}

/** Bytes per second below which only pings pass. */
const QUIET = 2000;

const UNITS = ["", "k", "M", "G"];

/**
 * Bytes per second as bits, short: `9.8M`.
 * @param {number} bytes
 */
export function shortRate(bytes) {
    let [rest, step] = [bytes * 8, 0];
    while (rest >= 999.5 && step < UNITS.length - 1) {
        [rest, step] = [rest / 1000, step + 1];
    }
    return `${step && rest < 9.95 ? rest.toFixed(1) : rest.toFixed(0)}${UNITS[step]}`;
}

/**
 * What moves on a line now.
 * @param {{up: number, down: number} | undefined} now
 * @param {boolean} isSmall only the busier direction
 * @returns {string}
 */
export function rateOf(now, isSmall) {
    if (!now || now.up + now.down < QUIET) {
        return "";
    }
    const down = `↓${shortRate(now.down)}`;
    const up = `↑${shortRate(now.up)}`;
    return isSmall ? (now.down >= now.up ? down : up) : `${down} ${up}`;
}
