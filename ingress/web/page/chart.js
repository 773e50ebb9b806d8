// The graph of the past: uPlot gives axes, scales and the cursor; the shade of the spread, the colour of loss and the
// outages are drawn here.

import { element, setText } from "./dom.js";
import { milliseconds, percent, rate } from "./format.js";
import { LOSSES, lossGrade } from "./series.js";
import { language, moment, say } from "./words.js";

const HEIGHT = 340;
/** The place of the series that lies over the first. */
const SECOND = 1;

/** @type {Promise<any> | null} */
let library = null;

/**
 * uPlot, fetched when the first graph is drawn.
 * @returns {Promise<any>}
 */
function uPlot() {
    library ??= new Promise((resolve, reject) => {
        const script = element("script", {
            src: "uplot/uPlot.iife.min.js",
            onload: () => resolve(/** @type {any} */ (globalThis).uPlot),
            onerror: reject,
        });
        document.head.append(script);
    });
    return library;
}

/** @param {string} name of a colour in base.css */
function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/**
 * @param {string[]} names of the one or two series
 * @param {import("./series.js").Table} data
 * @param {number} span seconds
 * @returns {{node: HTMLElement, leave: () => void}}
 */
export function chart(names, data, span) {
    const label = say("history.chart", { name: names.join(", "), span: say(`history.span.${span}`) });
    const frame = element("div", {
        class: "chart",
        tabindex: "0",
        role: "img",
        "aria-label": `${label}. ${say("history.read")}`,
    });
    const read = element("p", { class: "read", "aria-live": "polite" });
    const node = element("section", { class: "card" }, element("div", { class: "legend" }, legend(names)), frame, read);
    /** @type {any} */
    let plot = null;
    let isLeft = false;
    const redraw = async () => {
        const Plot = await uPlot();
        if (!isLeft && data.at.length) {
            plot?.destroy();
            plot = new Plot(
                options(data, frame.clientWidth || 600, read, names),
                [data.at, ...data.series.map((one) => one.rtt)],
                frame,
            );
            tell(data, data.at.length - 1, read, names);
        }
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", redraw);
    const wide = new ResizeObserver(
        () => plot && frame.clientWidth && plot.setSize({ width: frame.clientWidth, height: HEIGHT }),
    );
    wide.observe(frame);
    frame.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => step(event, plot, data));
    requestAnimationFrame(redraw);
    if (!data.at.length) {
        setText(read, say("history.empty"));
    }
    return {
        node,
        leave: () => {
            isLeft = true;
            plot?.destroy();
            wide.disconnect();
            dark.removeEventListener("change", redraw);
        },
    };
}

/** @param {string[]} names */
function legend(names) {
    const series = names.map((name, index) =>
        element("span", { class: "key" }, element("i", { class: `series-${index + 1}` }), name),
    );
    const losses = LOSSES.map((from, grade) =>
        element(
            "span",
            { class: "key" },
            element("i", { class: `loss-${grade}` }),
            grade === 0 ? `0% ${say("history.loss")}` : `≥ ${percent(from)}`,
        ),
    );
    return [
        ...series,
        element("span", { class: "key" }, element("i", { class: "spread" }), say("history.spread")),
        ...losses,
        element("span", { class: "key" }, element("i", { class: "outage" }), say("history.outage")),
    ];
}

/**
 * @param {KeyboardEvent} event
 * @param {any} plot
 * @param {import("./series.js").Table} data
 */
function step(event, plot, data) {
    const by = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 })[
        event.key
    ];
    if (!by || plot === null) {
        return;
    }
    event.preventDefault();
    const place = Math.min(data.at.length - 1, Math.max(0, (plot.cursor.idx ?? data.at.length - 1) + by));
    plot.setCursor({ left: plot.valToPos(data.at[place], "x"), top: 10 });
}

/**
 * @param {import("./series.js").Table} data
 * @param {number} width
 * @param {Element} read
 * @param {string[]} names
 */
function options(data, width, read, names) {
    const axis = {
        stroke: colour("soft"),
        grid: { stroke: colour("edge"), width: 1 },
        ticks: { stroke: colour("edge"), width: 1 },
        font: "12px system-ui, sans-serif",
    };
    const locale = language() === "zh" ? "zh-CN" : "en-GB";
    const highest = Math.max(0.001, ...data.series.flatMap((one) => reach(one.high, one.rtt)));
    return {
        width,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
        scales: { x: { time: true, range: [data.from, data.to] }, y: { range: [0, highest * 1.12] } },
        axes: [
            {
                ...axis,
                space: 70,
                values: (/** @type {any} */ _, /** @type {number[]} */ times) =>
                    ticks(times, data.to - data.from, locale),
            },
            {
                ...axis,
                size: 62,
                values: (/** @type {any} */ _, /** @type {number[]} */ values) =>
                    values.map((value) => milliseconds(value)),
            },
        ],
        series: [{}, ...data.series.map(() => ({ paths: () => null, points: { show: false } }))],
        hooks: {
            drawClear: [(/** @type {any} */ plot) => data.series.forEach((one) => drawOutages(plot, one.outages))],
            draw: [
                (/** @type {any} */ plot) => data.series.forEach((one, index) => drawSeries(plot, data, one, index)),
            ],
            setCursor: [(/** @type {any} */ plot) => tell(data, plot.cursor.idx, read, names)],
        },
    };
}

/** The highest spread that is drawn whole, of the 98th of 100: one second of 3 s would flatten a whole day. */
const CLIPPED = 1.6;

/**
 * @param {(number | null)[]} high
 * @param {(number | null)[]} rtt
 */
function reach(high, rtt) {
    const known = /** @type {number[]} */ (high.filter((value) => value !== null)).sort((a, b) => a - b);
    const usual = known[Math.floor(known.length * 0.98)] ?? 0;
    const most = Math.max(0, .../** @type {number[]} */ (rtt.filter((value) => value !== null)));
    return [Math.min(known[known.length - 1] ?? 0, Math.max(usual, most) * CLIPPED)];
}

/**
 * @param {number[]} times
 * @param {number} span
 * @param {string} locale
 */
function ticks(times, span, locale) {
    /** @type {Intl.DateTimeFormatOptions} */
    const clock = { hour: "2-digit", minute: "2-digit" };
    /** @type {Intl.DateTimeFormatOptions} */
    const day = { month: "short", day: "numeric" };
    return times.map((time) => {
        const date = new Date(time * 1000);
        const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
        return date.toLocaleString(locale, span > 2 * 86400 || isMidnight ? day : clock);
    });
}

/**
 * @param {any} plot
 * @param {[number, number][]} outages
 */
function drawOutages(plot, outages) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const [from, to] of outages) {
        const left = plot.valToPos(from, "x", true);
        const width = Math.max(3, plot.valToPos(to, "x", true) - left);
        ctx.fillStyle = colour("bad-ground");
        ctx.fillRect(left, bbox.top, width, bbox.height);
        ctx.fillStyle = colour("bad-line");
        ctx.fillRect(left, bbox.top, width, 5 * devicePixelRatio);
    }
    ctx.restore();
}

/**
 * Shade, then the median in the colour of its loss, then the loss itself as bars at the foot.
 * @param {any} plot
 * @param {import("./series.js").Table} data
 * @param {any} one
 * @param {number} index
 */
function drawSeries(plot, data, one, index) {
    const { ctx, bbox } = plot;
    const x = data.at.map((time) => plot.valToPos(time, "x", true));
    const y = (/** @type {number} */ value) => plot.valToPos(value, "y", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.globalAlpha = index === SECOND ? 0.22 : 0.28;
    ctx.fillStyle = colour(index === SECOND ? "t2" : "quiet-line");
    for (const [first, last] of stretches(one.rtt)) {
        ctx.beginPath();
        for (let place = first; place <= last; place += 1) {
            ctx.lineTo(x[place], y(one.high[place]));
        }
        for (let place = last; place >= first; place -= 1) {
            ctx.lineTo(x[place], y(one.low[place]));
        }
        ctx.fill();
    }
    ctx.globalAlpha = 1;
    drawMedian(ctx, x, y, one, index);
    const step = plot.valToPos(data.from + data.step, "x", true) - plot.valToPos(data.from, "x", true);
    drawLoss(ctx, bbox, x, one.loss, Math.max(1, step));
    ctx.restore();
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {number[]} x
 * @param {(value: number) => number} y
 * @param {any} one
 * @param {number} index
 */
function drawMedian(ctx, x, y, one, index) {
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.lineJoin = "round";
    const colours = LOSSES.map((_, grade) => colour(grade === 0 ? (index === SECOND ? "t2" : "t1") : `loss-${grade}`));
    for (const [first, last] of stretches(one.rtt)) {
        for (let place = first; place <= last; place += 1) {
            const before = Math.max(first, place - 1);
            ctx.strokeStyle = colours[lossGrade(one.loss[place])];
            ctx.beginPath();
            ctx.moveTo(first === last ? x[place] - 1.5 * devicePixelRatio : x[before], y(one.rtt[before]));
            ctx.lineTo(first === last ? x[place] + 1.5 * devicePixelRatio : x[place], y(one.rtt[place]));
            ctx.stroke();
        }
    }
}

/** Of the height: where all is lost, a bar is so high. */
const FOOT = 0.16;

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {any} bbox
 * @param {number[]} x
 * @param {(number | null)[]} loss
 * @param {number} width of a bar
 */
function drawLoss(ctx, bbox, x, loss, width) {
    loss.forEach((share, place) => {
        if (share !== null && lossGrade(share) > 0) {
            const height = Math.max(3 * devicePixelRatio, Math.sqrt(share) * bbox.height * FOOT);
            ctx.fillStyle = colour(`loss-${lossGrade(share)}`);
            ctx.fillRect(x[place] - width / 2, bbox.top + bbox.height - height, width, height);
        }
    });
}

/**
 * Where something is known, from and to.
 * @param {(number | null)[]} values
 * @returns {[number, number][]}
 */
function stretches(values) {
    /** @type {[number, number][]} */
    const found = [];
    values.forEach((value, place) => {
        if (value === null) {
            return;
        }
        const last = found[found.length - 1];
        if (last !== undefined && last[1] === place - 1) {
            last[1] = place;
        } else {
            found.push([place, place]);
        }
    });
    return found;
}

/**
 * What stands under the cursor, in words.
 * @param {import("./series.js").Table} data
 * @param {number | null | undefined} place
 * @param {Element} read
 * @param {string[]} names
 */
function tell(data, place, read, names) {
    if (place === null || place === undefined) {
        return;
    }
    const said = data.series.flatMap((one, index) => {
        const row = one.rows[place];
        const name = names.length > 1 ? `${names[index]} ` : "";
        return row === null ? [] : [`${name}${sentence(row, data.at[place], one.loss[place])}`];
    });
    setText(read, said.join("\n"));
}

/**
 * @param {import("./series.js").Kept} row
 * @param {number} at
 * @param {number | null} loss
 */
function sentence(row, at, loss) {
    return say("history.at", {
        time: moment(at),
        rtt: milliseconds(row.rtt),
        p95: milliseconds(row.p95),
        loss: percent(loss),
        down: perSecond(row, "down"),
        up: perSecond(row, "up"),
    });
}

/**
 * @param {any} row
 * @param {"up" | "down"} way
 */
function perSecond(row, way) {
    return rate(row?.watched ? row[way] / row.watched : null);
}
