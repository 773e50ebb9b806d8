// Asks before something is done that cannot be undone.

import { element } from "./dom.js";

/**
 * @param {string} question
 * @param {string} act what the button says
 * @param {string} leave what the other one says
 * @returns {Promise<boolean>}
 */
export function sure(question, act, leave) {
    return new Promise((resolve) => {
        const dialog = element(
            "dialog",
            {
                class: "sure",
                "aria-label": question,
                onclose: () => {
                    dialog.remove();
                    resolve(dialog.returnValue === "yes");
                },
            },
            element(
                "form",
                { method: "dialog" },
                element("p", {}, question),
                element(
                    "div",
                    { class: "fields" },
                    element("button", { value: "no", autofocus: true }, leave),
                    element("button", { value: "yes", class: "danger" }, act),
                ),
            ),
        );
        document.body.append(dialog);
        dialog.showModal();
    });
}
