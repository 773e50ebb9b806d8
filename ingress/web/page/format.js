// Figures as people read them. Pure. What is not known is a dash.

export const UNKNOWN = "–";
const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];
const RATES = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];

/**
 * @param {number | null | undefined} seconds
 * @returns {string} as `136 ms`; below 10 ms with a tenth
 */
export function milliseconds(seconds) {
    if (seconds === null || seconds === undefined) {
        return UNKNOWN;
    }
    const value = seconds * 1000;
    return `${value < 9.95 && value > 0 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

/**
 * @param {number} value
 * @param {number} base
 * @param {string[]} units
 */
function scaled(value, base, units) {
    let step = 0;
    let rest = value;
    while (rest >= base * 0.9995 && step < units.length - 1) {
        rest /= base;
        step += 1;
    }
    const digits = step === 0 || rest >= 99.5 ? 0 : rest >= 9.95 ? 1 : 2;
    return `${rest.toFixed(digits)} ${units[step]}`;
}

/**
 * @param {number | null | undefined} bytes
 * @returns {string} as `1.23 MB`, in powers of 1,000
 */
export function size(bytes) {
    return bytes === null || bytes === undefined ? UNKNOWN : scaled(bytes, 1000, SIZES);
}

/**
 * @param {number | null | undefined} bytes per second
 * @returns {string} as `9.84 Mbit/s`
 */
export function rate(bytes) {
    return bytes === null || bytes === undefined ? UNKNOWN : scaled(bytes * 8, 1000, RATES);
}

/**
 * @param {number | null | undefined} share from 0 to 1
 * @returns {string} as `0.3%`
 */
export function percent(share) {
    if (share === null || share === undefined) {
        return UNKNOWN;
    }
    const value = share * 100;
    return value > 0 && value < 0.05
        ? "<0.1%"
        : `${value > 0 && value < 9.95 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(0)}%`;
}

/**
 * @param {number | null | undefined} count
 * @returns {string}
 */
export function whole(count) {
    return count === null || count === undefined ? UNKNOWN : count.toLocaleString("en").replaceAll(",", "\u202f");
}

/**
 * How long something took or takes: the two largest units of it.
 * @param {number | null | undefined} seconds
 * @param {Record<"d" | "h" | "min" | "s", string>} units
 * @returns {string}
 */
export function duration(seconds, units) {
    if (seconds === null || seconds === undefined) {
        return UNKNOWN;
    }
    if (seconds < 60) {
        return `${seconds < 10 && seconds > 0 ? seconds.toFixed(1) : Math.round(seconds)}${units.s}`;
    }
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) {
        return joined(minutes, units.min, Math.floor(seconds % 60), units.s);
    }
    const hours = Math.floor(minutes / 60);
    return hours < 24
        ? joined(hours, units.h, minutes % 60, units.min)
        : joined(Math.floor(hours / 24), units.d, hours % 24, units.h);
}

/**
 * @param {number} large
 * @param {string} unit
 * @param {number} small
 * @param {string} part
 */
function joined(large, unit, small, part) {
    return small ? `${large}${unit} ${small}${part}` : `${large}${unit}`;
}

/**
 * Cuts the middle out of what is longer than *most* characters: names begin alike, and often end alike.
 * @param {string} text
 * @param {number} most
 */
export function shortened(text, most) {
    if (text.length <= most) {
        return text;
    }
    const head = Math.ceil((most - 1) * 0.6);
    return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`;
}
