// Who may see more: by the one-use address that `ingress page` prints, or by name and password.

import { ask, enter, Refused } from "./api.js";
import { element, setText } from "./dom.js";
import { say } from "./words.js";

let isExpired = false;

/**
 * If the page was opened by a one-use address, begins the session and takes the address out of the history.
 * @returns {Promise<boolean>} whether it did
 */
export async function enterByAddress() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (!token) {
        return false;
    }
    history.replaceState(null, "", location.pathname);
    try {
        await enter({ token });
        isExpired = false;
    } catch {
        isExpired = true;
    }
    return !isExpired;
}

/**
 * @param {() => void} entered
 * @returns {import("./main.js").View}
 */
export function loginView(entered) {
    const name = element("input", { id: "login-name", name: "name", autocomplete: "username", required: true });
    const password = element("input", {
        id: "login-password",
        name: "password",
        type: "password",
        autocomplete: "current-password",
        required: true,
    });
    const wrong = element("p", { class: "note bad", role: "alert" }, isExpired ? say("login.expired") : "");
    const send = async (/** @type {Event} */ event) => {
        event.preventDefault();
        try {
            await enter({ user: name.value, password: password.value });
            isExpired = false;
            entered();
        } catch (error) {
            setText(wrong, say("login.wrong", { why: error instanceof Refused ? error.message : String(error) }));
            password.select();
        }
    };
    const form = element(
        "form",
        { hidden: true, onsubmit: send },
        element("label", { for: "login-name" }, say("login.name")),
        name,
        element("label", { for: "login-password" }, say("login.password")),
        password,
        element("button", { type: "submit", class: "strong" }, say("login.enter")),
    );
    const showForm = async () => {
        const told = await ask("session").catch(() => ({ has_users: false }));
        form.hidden = !told.has_users;
    };
    showForm();
    return {
        node: element(
            "section",
            { class: "card login" },
            element("h1", {}, say("login.title")),
            element("p", {}, say("login.why")),
            wrong,
            form,
        ),
        isLogin: true,
    };
}
