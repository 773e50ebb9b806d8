// Asks before something is done that others feel.

import { element } from "./dom.js";

/**
 * @param {string} question
 * @param {string} act what the button says
 * @param {string} leave what the other one says
 * @param {Element} [more] what is to be chosen as well
 * @returns {Promise<boolean>}
 */
export function sure(question, act, leave, more) {
    return new Promise((resolve) => {
        const end = () => {
            dialog.remove();
            resolve(dialog.returnValue === "yes");
        };
        const buttons = element(
            "div",
            { class: "fields" },
            element("button", { value: "no", autofocus: true }, leave),
            element("button", { value: "yes", class: "danger" }, act),
        );
        const dialog = element(
            "dialog",
            { class: "sure", "aria-label": question, onclose: end },
            element("form", { method: "dialog" }, element("p", {}, question), more, buttons),
        );
        document.body.append(dialog);
        dialog.showModal();
    });
}
