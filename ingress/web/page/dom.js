// Makes and changes elements. What is data reaches the page as a text node or the value of an attribute, never as
// markup; style is set through CSSOM alone, because the content security policy allows no style attribute.

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An HTML element. An attribute whose value is a function is a listener (`onclick`); true is an empty attribute; null,
 * undefined and false leave it out.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function element(name, attributes = {}, ...children) {
    return fill(document.createElement(name), attributes, children);
}

/**
 * The same, of SVG.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function shape(name, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, name), attributes, children);
}

/**
 * @param {Element} made
 * @param {Record<string, any>} attributes
 * @param {(Child | Child[])[]} children
 */
function fill(made, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") {
            made.addEventListener(name.slice(2), value);
        } else {
            setAttribute(made, name, value);
        }
    }
    for (const child of children.flat()) {
        if (child !== null && child !== undefined && child !== false) {
            made.append(child instanceof Node ? child : String(child));
        }
    }
    return made;
}

/**
 * Sets an attribute if it is another now; null, undefined and false take it away.
 * @param {Element} target
 * @param {string} name
 * @param {any} value
 */
export function setAttribute(target, name, value) {
    if (value === null || value === undefined || value === false) {
        target.removeAttribute(name);
        return;
    }
    const text = value === true ? "" : String(value);
    if (target.getAttribute(name) !== text) {
        target.setAttribute(name, text);
    }
}

/**
 * Sets a text if it is another now: what stays is not drawn again.
 * @param {Element} target
 * @param {any} text
 */
export function setText(target, text) {
    const said = String(text ?? "");
    if (target.textContent !== said) {
        target.textContent = said;
    }
}

/**
 * @param {Element} target
 * @param {...(Child | Child[])} children
 */
export function replace(target, ...children) {
    target.replaceChildren(
        ...children
            .flat()
            .filter((child) => child !== null && child !== undefined && child !== false)
            .map((child) => (child instanceof Node ? child : String(child))),
    );
}

/**
 * Keeps one element for each row, in the order of the rows, and makes, moves or removes only what changed.
 * @template Row
 * @param {Element} list
 * @param {Row[]} rows
 * @param {(row: Row) => string} keyOf
 * @param {(row: Row) => {node: Element, update: (row: Row) => void}} make
 */
export function keepRows(list, rows, keyOf, make) {
    const kept = kinds.get(list) ?? new Map();
    const next = new Map();
    let place = list.firstElementChild;
    for (const row of rows) {
        const key = keyOf(row);
        const part = kept.get(key) ?? make(row);
        part.update(row);
        next.set(key, part);
        if (place !== null && part.node === place) {
            place = place.nextElementSibling;
        } else {
            list.insertBefore(part.node, place);
        }
    }
    for (const [key, part] of kept) {
        if (next.get(key) !== part) {
            part.node.remove();
        }
    }
    kinds.set(list, next);
}

/**
 * What `keepRows` has made, by list.
 * @type {WeakMap<Element, Map<string, any>>}
 */
const kinds = new WeakMap();
