// Streams and associations as rows: filtered, sorted, with what moves now. Pure.

/**
 * @typedef {Record<string, any> & {id: string, client: string, target: string, path: string | null, exit: string,
 *   age: number, up: number, down: number, moves: number | null, protocol: string, rate: number | null}} Flow
 */

const SEARCHED = ["client", "user", "target", "rule", "path", "exit", "protocol"];

/**
 * What moves now: bytes per second since the last look.
 * @param {Flow[]} flows
 * @param {Map<string, Flow>} before
 * @param {number} seconds since then
 * @returns {Flow[]}
 */
export function withRates(flows, before, seconds) {
    return flows.map((flow) => {
        const was = before.get(String(flow.id));
        const moved = was ? flow.up + flow.down - was.up - was.down : 0;
        return { ...flow, id: String(flow.id), rate: was && seconds > 0 ? Math.max(0, moved) / seconds : null };
    });
}

/**
 * Those in which every word of *text* stands somewhere.
 * @param {Flow[]} flows
 * @param {string} text
 * @param {string} protocol `tcp`, `udp`, or empty for both
 * @returns {Flow[]}
 */
export function filtered(flows, text, protocol) {
    const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    return flows.filter((flow) => {
        if (protocol && flow.protocol !== protocol) {
            return false;
        }
        const said = SEARCHED.map((key) => flow[key] ?? "")
            .join("\n")
            .toLowerCase();
        return wanted.every((word) => said.includes(word));
    });
}

/**
 * @param {Flow[]} flows
 * @param {string} key
 * @param {boolean} isFalling
 * @returns {Flow[]} numbers by size, names by letter; what is equal stands by its number
 */
export function sorted(flows, key, isFalling) {
    const sign = isFalling ? -1 : 1;
    return [...flows].sort((a, b) => sign * compared(a[key], b[key]) || compared(Number(a.id), Number(b.id)));
}

/**
 * @param {any} a
 * @param {any} b
 */
function compared(a, b) {
    if (typeof a === "number" || typeof b === "number") {
        return (a ?? -1) - (b ?? -1);
    }
    return String(a ?? "").localeCompare(String(b ?? ""));
}

/**
 * Which rows can be seen.
 * @param {number} count
 * @param {number} height of a row
 * @param {number} top of what is seen
 * @param {number} room its height
 * @returns {[number, number]} from, and up to
 */
export function visible(count, height, top, room) {
    const spare = 6;
    const first = Math.max(0, Math.floor(top / height) - spare);
    return [Math.min(first, count), Math.min(count, Math.ceil((top + room) / height) + spare)];
}
