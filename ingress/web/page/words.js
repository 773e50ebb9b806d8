// The language of the page: the browser's, or what was chosen here the last time; and every word in it.

import { ENGLISH } from "./words_en.js";
import { CHINESE } from "./words_zh.js";
import { duration as lasted } from "./format.js";

const KEY = "ingress-language";
const WORDS = { en: ENGLISH, zh: CHINESE };

/** @typedef {keyof typeof WORDS} Language */

/** @type {Language} */
let chosen = remembered() ?? preferred();

/** @returns {Language} */
function preferred() {
    return navigator.languages
        .find((name) => /^(zh|en)/i.test(name))
        ?.toLowerCase()
        .startsWith("zh")
        ? "zh"
        : "en";
}

/** @returns {Language | null} */
function remembered() {
    try {
        const kept = localStorage.getItem(KEY);
        return kept === "en" || kept === "zh" ? kept : null;
    } catch {
        return null; // a browser that keeps nothing for this page
    }
}

/** @returns {Language} */
export function language() {
    return chosen;
}

/** @param {Language} name */
export function setLanguage(name) {
    chosen = name;
    try {
        localStorage.setItem(KEY, name);
    } catch {
        // it holds until the page is left
    }
}

/**
 * The words for *key*, in the language of the page.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function say(key, values = {}) {
    const words = WORDS[chosen][key] ?? key;
    return words.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * The words for a state; one that this page does not know is said as the ingress says it.
 * @param {string} state
 * @returns {string}
 */
export function sayState(state) {
    return WORDS[chosen][`state.${state}`] ?? state;
}

/**
 * @param {number | null | undefined} seconds
 * @returns {string}
 */
export function duration(seconds) {
    return lasted(seconds, { d: say("unit.d"), h: say("unit.h"), min: say("unit.min"), s: say("unit.s") }).trim();
}

/**
 * A moment, in the browser's time zone: with the day unless it is today.
 * @param {number} at seconds since 1970
 * @returns {string}
 */
export function moment(at) {
    const date = new Date(at * 1000);
    const isToday = date.toDateString() === new Date().toDateString();
    return date.toLocaleString(
        chosen === "zh" ? "zh-CN" : "en-GB",
        isToday
            ? { hour: "2-digit", minute: "2-digit", second: "2-digit" }
            : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
    );
}

/**
 * @param {number} at seconds since 1970
 * @returns {string}
 */
export function day(at) {
    return new Date(at * 1000).toLocaleDateString(chosen === "zh" ? "zh-CN" : "en-GB", {
        year: "numeric",
        month: "short",
        day: "numeric",
    });
}
