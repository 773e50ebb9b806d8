// What was kept of the past, made ready to be drawn. Pure.

/**
 * @typedef {number | null} Known null where it is not
 * @typedef {{at: number, rtt: Known, p95: Known, late: Known, deviation?: Known, loss_up?: Known, loss_down?: Known,
 *   watched?: number, up?: number, down?: number}} Kept one row, as docs/paths-json.md has it
 * @typedef {{from: number, to: number | null, why?: string}} Outage
 * @typedef {{rows: (Kept | null)[], rtt: Known[], low: Known[], high: Known[], loss: Known[],
 *   outages: [number, number][]}} Drawn what one series has at the times of a table
 * @typedef {{at: number[], series: Drawn[], step: number, from: number, to: number}} Table in seconds
 */

/**
 * The larger of what came late and what was lost.
 * @param {Kept} row
 * @returns {number | null}
 */
export function lossOf(row) {
    const shares = known([row.late, row.loss_up, row.loss_down]);
    return shares.length ? Math.max(...shares) : null;
}

/**
 * @param {(number | null | undefined)[]} values
 * @returns {number[]}
 */
function known(values) {
    return values.flatMap((value) => (typeof value === "number" ? [value] : []));
}

/**
 * Rows of one or two series under one axis of time. Where nothing was kept for longer than usual there is a hole.
 * @param {{step: number, series: Kept[], outages: Outage[]}[]} told
 * @param {number} from
 * @param {number} to
 * @returns {Table}
 */
export function table(told, from, to) {
    const at = [
        ...new Set(
            told.flatMap((one) =>
                withHoles(
                    one.series.map((row) => row.at),
                    one.step,
                ),
            ),
        ),
    ].sort((a, b) => a - b);
    const series = told.map((one) => {
        const by = new Map(one.series.map((row) => [row.at, row]));
        const rows = spread(at, by, one.step);
        const pick = (/** @type {(row: Kept) => number | null | undefined} */ value) =>
            rows.map((row) => (row === null ? null : (value(row) ?? null)));
        return {
            rows,
            rtt: pick((row) => row.rtt),
            low: pick((row) => (row.rtt === null ? null : Math.max(0, row.rtt - (row.deviation ?? 0)))),
            high: pick((row) => (row.rtt === null ? null : Math.max(row.rtt, row.p95 ?? row.rtt))),
            loss: pick(lossOf),
            outages: one.outages
                .map(
                    (outage) =>
                        /** @type {[number, number]} */ ([Math.max(from, outage.from), Math.min(to, outage.to ?? to)]),
                )
                .filter(([begin, end]) => end >= begin),
        };
    });
    return { at, series, step: Math.max(0, ...told.map((one) => one.step)), from, to };
}

/** Of the usual step: what is longer is a time of which nothing is known. */
const LONG = 2.5;

/**
 * @param {number[]} times
 * @param {number} usual step
 * @returns {number[]} the same, and one more inside every hole, at which there is no row
 */
function withHoles(times, usual) {
    return times.flatMap((time, index) =>
        index > 0 && time - times[index - 1] > usual * LONG ? [times[index - 1] + usual, time] : [time],
    );
}

/**
 * The row at each time; of two series that were kept at other moments, the one before, unless it is old.
 * @param {number[]} at
 * @param {Map<number, Kept>} by
 * @param {number} usual step
 */
function spread(at, by, usual) {
    /** @type {Kept | null} */
    let last = null;
    return at.map((time) => {
        last = by.get(time) ?? (last !== null && time - last.at < usual ? last : null);
        return last;
    });
}

/**
 * What a whole span was like.
 * @param {Kept[]} rows
 * @param {Outage[]} outages
 * @param {number} from
 * @param {number} to
 * @returns {{median: number | null, worst: number | null, loss: number | null, outage: number}} seconds, a share
 */
export function summary(rows, outages, from, to) {
    const rtts = known(rows.map((row) => row.rtt)).sort((a, b) => a - b);
    const worst = known(rows.map((row) => row.p95));
    const losses = known(rows.map(lossOf));
    return {
        median: rtts.length ? rtts[Math.floor(rtts.length / 2)] : null,
        worst: worst.length ? Math.max(...worst) : null,
        loss: losses.length ? losses.reduce((sum, loss) => sum + loss, 0) / losses.length : null,
        outage: outages.reduce(
            (sum, one) => sum + Math.max(0, Math.min(to, one.to ?? to) - Math.max(from, one.from)),
            0,
        ),
    };
}

/** Of what share on a colour of loss begins: the scale that people know from SmokePing. */
export const LOSSES = [0, 0.003, 0.02, 0.1, 0.3];

/**
 * @param {number | null} loss
 * @returns {number} the place of its colour; 0 for none, or unknown
 */
export function lossGrade(loss) {
    return loss === null ? 0 : Math.max(0, LOSSES.filter((from) => loss >= from).length - 1);
}
