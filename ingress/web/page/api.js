// Asks the ingress. Every question carries the language of the page and the key of the session, which only this page
// knows: the cookie alone is of no use, because a browser sends it to every port of a host.

import { language } from "./words.js";

const API = "/api/v1/";
const KEY = "ingress-key";
const HEADER = "X-Ingress";

let key = kept();

function kept() {
    try {
        return localStorage.getItem(KEY) ?? "";
    } catch {
        return ""; // a browser that keeps nothing for this page
    }
}

/**
 * Begins a session, by the token of a one-use address or by user and password.
 * @param {Record<string, string>} how
 */
export async function enter(how) {
    keep((await change("POST", "session", how)).key);
}

/** Ends the session, here and at the ingress. */
export async function leave() {
    await change("DELETE", "session");
    keep("");
}

/** @param {string} told empty when the session is over */
function keep(told) {
    key = told;
    try {
        localStorage.setItem(KEY, told);
    } catch {
        // it holds until the page is left
    }
}

/** What the ingress answered instead of what was asked for. */
export class Refused extends Error {
    /**
     * @param {number} status 0 when there was no answer at all
     * @param {string} why
     */
    constructor(status, why) {
        super(why);
        this.status = status;
    }
}

/**
 * @param {string} path below /api/v1/
 * @param {Record<string, string | number | null | undefined>} [query] empty values are left out
 * @returns {Promise<any>}
 */
export function ask(path, query = {}) {
    return send("GET", path, query);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Record<string, any>} [body]
 * @returns {Promise<any>}
 */
export function change(method, path, body) {
    return send(method, path, {}, body ?? {});
}

/**
 * Where events come from: a browser sends no header there, so that the key stands in the query.
 * @param {string} path
 * @returns {EventSource}
 */
export function listen(path) {
    return new EventSource(address(path, { key }));
}

/**
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} query
 * @returns {string}
 */
function address(path, query) {
    /** @type {Record<string, string | number | null | undefined>} */
    const all = { ...query, lang: language() };
    const given = Object.entries(all).filter(([, value]) => value !== null && value !== undefined && value !== "");
    return `${API}${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Record<string, any>} query
 * @param {Record<string, any>} [body]
 */
async function send(method, path, query, body) {
    let answer;
    try {
        answer = await fetch(address(path, query), {
            method,
            headers: { [HEADER]: key || "none", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
            body: body === undefined || method === "DELETE" ? undefined : JSON.stringify(body),
            credentials: "same-origin",
            cache: "no-store",
        });
    } catch (error) {
        throw new Refused(0, String(error instanceof Error ? error.message : error));
    }
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) {
        throw new Refused(answer.status, told.error ?? `${answer.status} ${answer.statusText}`);
    }
    return told;
}
