// What the ingress told, and what follows from it. Pure: reports in, reports and words for states out.

/** @typedef {Record<string, any>} Row */
/**
 * @typedef {{ingress: string, paths: Row[], lines: Row[], nodes: Row[], blame: string[], warnings: string[]}} Told
 * @typedef {Record<string, any> & Told} Report
 */

/**
 * Lists of rows, by what names a row.
 * @type {Record<string, string>}
 */
const NAMED_BY = { paths: "path", lines: "line", nodes: "node" };

/**
 * The report, with what has moved since.
 * @param {Report} report
 * @param {Record<string, any>} news rows may lack fields, and lists rows, that did not move
 * @returns {{report: Report, isWhole: boolean}} not whole when the news are of other rows: ask for all of it
 */
export function merge(report, news) {
    let isWhole = true;
    const merged = { ...report };
    for (const [field, value] of Object.entries(news)) {
        const name = NAMED_BY[field];
        if (name === undefined || !Array.isArray(value)) {
            merged[field] = isTable(value) && isTable(report[field]) ? { ...report[field], ...value } : value;
            continue;
        }
        const known = new Map((report[field] ?? []).map((/** @type {Row} */ row) => [row[name], row]));
        isWhole &&= value.length === known.size && value.every((row) => known.has(row[name]));
        const told = value.map((row) => ({ ...known.get(row[name]), ...row }));
        const named = new Set(told.map((row) => row[name]));
        merged[field] = [...told, ...(report[field] ?? []).filter((/** @type {Row} */ row) => !named.has(row[name]))];
    }
    merged.paths = byRank(merged.paths);
    return { report: merged, isWhole };
}

/** @param {any} value */
function isTable(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @param {Row[]} paths
 * @returns {Row[]} best first, as the ingress lists them
 */
function byRank(paths) {
    return paths.every((path) => path.rank === null || path.rank === undefined)
        ? paths
        : [...paths].sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity) || 0);
}

/**
 * Bytes per second of every row since an earlier report; what was not there then, or counts anew, has none.
 * @param {Row[]} before
 * @param {Row[]} now
 * @param {string} name
 * @param {number} seconds between them
 * @returns {Map<string, {up: number, down: number}>}
 */
export function rates(before, now, name, seconds) {
    const old = new Map(before.map((row) => [row[name], row]));
    const found = new Map();
    for (const row of now) {
        const was = old.get(row[name]);
        if (was && seconds > 0) {
            const up = (row.bytes_up - was.bytes_up) / seconds;
            const down = (row.bytes_down - was.bytes_down) / seconds;
            found.set(row[name], { up: Math.max(0, up) || 0, down: Math.max(0, down) || 0 });
        }
    }
    return found;
}

/**
 * @param {Row} path
 * @returns {string[]} the names of its lines
 */
export function linesOf(path) {
    return path.path.split("/");
}

const WORKS = new Set(["up", "held"]);

/** @param {Row} path */
export function works(path) {
    return WORKS.has(path.state);
}

/**
 * What a line is shown as: its state; or `silent` where the ingress does not blame it (yet), and nothing comes over it
 * though something leads to its beginning.
 * @param {Row} line
 * @param {Report} report
 * @returns {string}
 */
export function shownState(line, report) {
    if (["broken", "suspect", "poor"].includes(line.state)) {
        return line.state;
    }
    const over = report.paths.filter((path) => path.state !== "spare" && linesOf(path).includes(line.line));
    if (!over.length || over.some(works)) {
        return line.state;
    }
    const start = report.nodes.find((node) => node.node === line.start);
    return line.start === report.ingress || start?.state === "up" ? "silent" : "unknown";
}

/**
 * How grave a state is: 2 is broken, 1 is worth a look, 0 is well, -1 nobody knows.
 * @type {Record<string, number>}
 */
const GRAVITY = {
    up: 0,
    poor: 1,
    held: 1,
    broken: 2,
    suspect: 2,
    silent: 2,
    unknown: -1,
    unused: -1,
    spare: -1,
    stalled: 2,
    down: 2,
    auth: 2,
    version: 2,
    "stale config": 2,
    backup: 0,
};

/** @param {string} state */
export function gravity(state) {
    return GRAVITY[state] ?? 1;
}

/**
 * @param {Report} report
 * @returns {Row | null} the path that new streams take
 */
export function best(report) {
    return report.paths.find((path) => path.rank === 1 && works(path)) ?? null;
}

/**
 * What a person has to know first.
 * @param {Report} report
 * @returns {{grade: "empty" | "down" | "broken" | "fair" | "well", works: number, all: number}}
 */
export function verdict(report) {
    const asked = report.paths.filter((path) => path.state !== "spare");
    const working = asked.filter(works).length;
    const found = { works: working, all: asked.length };
    if (!asked.length) {
        return { grade: "empty", ...found };
    }
    if (!working) {
        return { grade: "down", ...found };
    }
    const isBroken = working < asked.length || report.lines.some((line) => gravity(shownState(line, report)) === 2);
    const isFair =
        report.blame.length > 0 ||
        report.warnings.length > 0 ||
        (report.holds ?? []).length > 0 ||
        asked.some((path) => path.state === "held");
    return { grade: isBroken ? "broken" : isFair ? "fair" : "well", ...found };
}
