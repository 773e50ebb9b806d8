// What the ingress tells every second, joined to what it told whole; whoever shows it is told when it moved.

import { ask, listen, Refused } from "./api.js";
import { merge, rates } from "./model.js";

/** Milliseconds without news after which what is shown is old: news come once a second. */
const LATE = 4000;
const AGAIN = 2000;

/** @typedef {import("./model.js").Report} Report */
/** @typedef {{report: Report, at: number, rates: {paths: Map<string, any>, lines: Map<string, any>}}} Seen */

export class Live {
    /**
     * @typedef {(since: number | null) => void} Late is told for how many seconds nothing came; null when something did
     * @param {{moved: (seen: Seen) => void, late: Late, refused: (why: Refused) => void}} told
     */
    constructor(told) {
        this.told = told;
        /** @type {Seen | null} */
        this.seen = null;
        /** @type {EventSource | null} */
        this.source = null;
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        this.retry = undefined;
        /** @type {ReturnType<typeof setInterval> | undefined} */
        this.watch = undefined;
    }

    /** Ask for all of it, then listen; again after whatever goes wrong. */
    async begin() {
        this.end();
        this.watch = setInterval(() => this.look(), 1000);
        await this.whole();
    }

    end() {
        clearInterval(this.watch);
        clearTimeout(this.retry);
        this.source?.close();
        this.source = null;
    }

    async whole() {
        try {
            const report = await ask("paths");
            this.show(report);
            this.listen();
        } catch (error) {
            if (error instanceof Refused && error.status !== 0) {
                this.told.refused(error);
            }
            if (error instanceof Refused && error.status === 401) {
                this.end(); // whoever comes in begins anew
                return;
            }
            clearTimeout(this.retry);
            this.retry = setTimeout(() => this.whole(), AGAIN);
        }
    }

    listen() {
        if (this.source !== null) {
            return;
        }
        const source = listen("live");
        this.source = source;
        const hear = (/** @type {MessageEvent} */ event) => this.hear(JSON.parse(event.data));
        source.addEventListener("network", hear);
        source.onmessage = hear;
        source.onerror = () => {
            if (source.readyState === EventSource.CLOSED && this.source === source) {
                this.source = null;
                clearTimeout(this.retry);
                this.retry = setTimeout(() => this.whole(), AGAIN);
            }
        };
    }

    /** @param {Record<string, any>} news */
    hear(news) {
        if (this.seen === null) {
            return;
        }
        const { report, isWhole } = merge(this.seen.report, news);
        this.show(report);
        if (!isWhole) {
            this.whole();
        }
    }

    /** @param {Report} report */
    show(report) {
        const at = performance.now();
        const before = this.seen;
        const seconds = before === null ? 0 : (at - before.at) / 1000;
        const moved =
            before === null || seconds < 0.2
                ? (before?.rates ?? { paths: new Map(), lines: new Map() })
                : {
                      paths: rates(before.report.paths, report.paths, "path", seconds),
                      lines: rates(before.report.lines, report.lines, "line", seconds),
                  };
        this.seen = { report, at, rates: moved };
        this.told.late(null);
        this.told.moved(this.seen);
    }

    look() {
        const quiet = this.seen === null ? 0 : performance.now() - this.seen.at;
        if (quiet > LATE) {
            this.told.late(quiet / 1000);
        }
    }
}
