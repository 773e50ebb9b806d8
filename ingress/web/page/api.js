// Asks the ingress. Every question carries the language of the page; every change the header that no other site can send.

import { language } from "./words.js";

const API = "/api/v1/";
const KEY = "ingress-key";
/** The secret of the session beside its cookie, kept for this origin alone: docs/api.md says why. */

function key() {
    return localStorage.getItem(KEY) ?? "none";
}

/** Begins a session, by the token of a one-use address or by user and password. @param {Record<string, string>} how */
export async function enter(how) {
    localStorage.setItem(KEY, (await change("POST", "session", how)).key);
}

/** What the ingress answered instead of what was asked for. */
export class Refused extends Error {
    /** @param {number} status 0 when there was no answer at all @param {string} why */
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

/** @param {string} method @param {string} path @param {Record<string, any>} [body] @returns {Promise<any>} */
export function change(method, path, body) {
    return send(method, path, {}, body ?? {});
}

/** @param {string} path @param {Record<string, string | number | null | undefined>} [query] @returns {string} */
export function address(path, query = {}) {
    const given = Object.entries({ ...query, lang: language() }).filter(([, value]) => value !== null && value !== undefined && value !== "");
    return `${API}${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** An address for what can send no header. @param {string} path @returns {string} */
export function addressWithKey(path) {
    return address(path, { key: key() });
}

/** @param {string} method @param {string} path @param {Record<string, any>} query @param {Record<string, any>} [body] */
async function send(method, path, query, body) {
    let answer;
    try {
        answer = await fetch(address(path, query), {
            method,
            headers: { "X-Ingress": key(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
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
