// Where everything on the map stands, in pixels. Pure: the same network and width give the same map.
//
// On a wide page the map reads from left to right, on a narrow one from top to bottom. *Along* is the way bytes go,
// *across* the other one.

import { ranks } from "./layers.js";

/**
 * @typedef {import("./layers.js").Item} Item
 * @typedef {{x: number, y: number, width: number, height: number}} Box its middle, and its size
 * @typedef {Map<string, Box>} Boxes by name
 * @typedef {{width: number, height: number, nodes: Boxes, labels: Boxes, curves: Map<string, string>}} Layout
 *   `curves` are the `d` of SVG paths, by line
 * @typedef {{along: number, across: number}} Spot
 */

const SMALL = { node: { width: 112, height: 42 }, label: { width: 112, height: 38 } };
/** Of a wide page; up to LARGEST where names are long and there is room. */
const LARGE = { node: { width: 132, height: 44 }, label: { width: 158, height: 38 } };
const LARGEST = { node: 230, label: 250 };
/** Pixels of a letter of a name, about. */
const LETTER = 7.3;
const BEND = 16;
/** Room between two ranks, where lines bend. */
const GAP = 46;
const NARROW_GAP = 24;
const APART = 8;
const EDGE = 10;

/**
 * @param {string} ingress
 * @param {import("./layers.js").MapNode[]} nodes
 * @param {import("./layers.js").MapLine[]} lines
 * @param {number} width of the page that there is
 * @returns {Layout}
 */
export function layout(ingress, nodes, lines, width) {
    const order = ranks(ingress, nodes, lines);
    const sizes = wideness(order, LARGE) <= width ? fitting(order, width) : null;
    return sizes
        ? drawn(order, sideways(order, sizes, width), sizes, true, width)
        : drawn(order, downwards(order, width), SMALL, false, width);
}

/** @typedef {typeof LARGE} Sizes */

/**
 * Sizes that let every name be read, as far as there is room.
 * @param {Item[][]} order
 * @param {number} width
 * @returns {Sizes}
 */
function fitting(order, width) {
    const longest = (/** @type {string} */ kind) =>
        Math.max(
            0,
            ...order
                .flat()
                .filter((item) => item.kind === kind)
                .map((item) => item.name.length),
        );
    const more = (/** @type {"node" | "label"} */ kind, /** @type {number} */ beside) =>
        Math.min(LARGEST[kind], Math.max(LARGE[kind].width, longest(kind) * LETTER + beside)) - LARGE[kind].width;
    const wish = { node: more("node", 26), label: more("label", 66) };
    const wider = (/** @type {number} */ share) => ({
        node: { ...LARGE.node, width: LARGE.node.width + share * wish.node },
        label: { ...LARGE.label, width: LARGE.label.width + share * wish.label },
    });
    const [least, most] = [wideness(order, LARGE), wideness(order, wider(1))];
    return wider(most > width ? (width - least) / (most - least) : 1);
}

/**
 * @param {Item[][]} order
 * @param {Sizes} sizes
 */
function wideness(order, sizes) {
    return (
        order.reduce((sum, items) => sum + sizeOf(items, sizes, true).along, 0) + GAP * (order.length - 1) + 2 * EDGE
    );
}

/**
 * @param {Item} item
 * @param {Sizes} sizes
 * @param {boolean} isWide
 * @returns {Spot}
 */
function sizeOfItem(item, sizes, isWide) {
    if (item.kind === "bend") {
        return { along: 0, across: BEND };
    }
    const { width, height } = sizes[item.kind];
    return isWide ? { along: width, across: height } : { along: height, across: width };
}

/**
 * @param {Item[]} items
 * @param {Sizes} sizes
 * @param {boolean} isWide
 * @returns {Spot}
 */
function sizeOf(items, sizes, isWide) {
    const all = items.map((item) => sizeOfItem(item, sizes, isWide));
    return {
        along: Math.max(0, ...all.map((size) => size.along)),
        across: all.reduce((sum, size) => sum + size.across + APART, 0),
    };
}

const ROUNDS = 24;

/**
 * Places for a wide page: every item near the mean of its neighbours, none over another.
 * @param {Item[][]} order
 * @param {Sizes} sizes
 * @param {number} width
 */
function sideways(order, sizes, width) {
    const spare = width - wideness(order, sizes);
    const tallest = Math.max(...order.map((items) => sizeOf(items, sizes, true).across));
    /** @type {Map<Item, Spot>} */
    const spots = new Map();
    const gap = GAP + Math.min(90, spare / Math.max(1, order.length - 1));
    let along = EDGE + Math.max(0, spare - (gap - GAP) * (order.length - 1)) / 2;
    for (const items of order) {
        const { along: wide, across } = sizeOf(items, sizes, true);
        let place = (tallest - across) / 2;
        for (const item of items) {
            const size = sizeOfItem(item, sizes, true).across + APART;
            spots.set(item, { along: along + wide / 2, across: place + size / 2 });
            place += size;
        }
        along += wide + gap;
    }
    for (let round = 0; round < ROUNDS; round += 1) {
        (round % 2 ? [...order].reverse() : order).forEach((items) => settle(items, sizes, spots));
    }
    const top = Math.min(...[...spots].map(([item, spot]) => spot.across - sizeOfItem(item, sizes, true).across / 2));
    spots.forEach((spot) => {
        spot.across += EDGE - top;
    });
    return spots;
}

/**
 * Moves one rank's items to where they wish to be, as far as they leave each other room.
 * @param {Item[]} items
 * @param {Sizes} sizes
 * @param {Map<Item, Spot>} spots
 */
function settle(items, sizes, spots) {
    const across = (/** @type {Item} */ item) => /** @type {Spot} */ (spots.get(item)).across;
    const wishes = items.map((item) =>
        item.near.length ? item.near.reduce((sum, near) => sum + across(near), 0) / item.near.length : across(item),
    );
    /** @type {number[]} */
    const offsets = [];
    let offset = 0;
    items.forEach((item, place) => {
        const half = (sizeOfItem(item, sizes, true).across + APART) / 2;
        offset += place ? half : 0;
        offsets.push(offset);
        offset += half;
    });
    const placed = increasing(wishes.map((wish, place) => wish - offsets[place]));
    items.forEach((item, place) => {
        /** @type {Spot} */ (spots.get(item)).across = placed[place] + offsets[place];
    });
}

/**
 * The sequence that never falls and is nearest to *wishes*: neighbours that want to pass each other meet in the middle.
 * @param {number[]} wishes
 * @returns {number[]}
 */
export function increasing(wishes) {
    /** @type {{sum: number, count: number}[]} */
    const blocks = [];
    for (const wish of wishes) {
        let block = { sum: wish, count: 1 };
        while (
            blocks.length &&
            blocks[blocks.length - 1].sum / blocks[blocks.length - 1].count > block.sum / block.count
        ) {
            const before = /** @type {{sum: number, count: number}} */ (blocks.pop());
            block = { sum: before.sum + block.sum, count: before.count + block.count };
        }
        blocks.push(block);
    }
    return blocks.flatMap(({ sum, count }) => Array(count).fill(sum / count));
}

/** Of the room between two boxes: what a line that passes between them adds to it. */
const BEND_SHARE = 0.25;

/**
 * Places for a narrow page: the boxes of a rank stand in as many rows as they need, in turn.
 * @param {Item[][]} order
 * @param {number} width
 */
function downwards(order, width) {
    /** @type {Map<Item, Spot>} */
    const spots = new Map();
    let along = EDGE;
    for (const items of order) {
        const high = sizeOf(items, SMALL, false).along;
        const { rows, across } = spread(items, width);
        let boxes = 0;
        items.forEach((item, index) => {
            const row = item.kind === "bend" ? (rows - 1) / 2 : boxes % rows;
            boxes += item.kind === "bend" ? 0 : 1;
            spots.set(item, { along: along + row * (high + APART) + high / 2, across: across[index] });
        });
        along += rows * (high + APART) + NARROW_GAP;
    }
    return spots;
}

/**
 * Where the items of a rank stand across the page, and how many rows keep boxes apart.
 * @param {Item[]} items
 * @param {number} width
 */
function spread(items, width) {
    const box = SMALL.label.width;
    /** @type {number[]} */
    const places = [];
    let place = 0;
    for (const [index, item] of items.entries()) {
        const isBeside = index > 0 && item.kind !== "bend" && items[index - 1].kind !== "bend";
        place += index === 0 ? 0 : isBeside ? 1 : (1 + BEND_SHARE) / 2;
        places.push(place);
    }
    const ofBoxes = places.filter((_, index) => items[index].kind !== "bend");
    const [first, last] = ofBoxes.length ? [ofBoxes[0], ofBoxes[ofBoxes.length - 1]] : [-1, place + 1];
    const [from, room] = [box / 2 + 2, width - box - 4];
    const across = places.map((one) => {
        if (one < first || one > last) {
            return one < first ? BEND : width - BEND;
        }
        return from + (last > first ? (one - first) / (last - first) : 0.5) * room;
    });
    return { rows: ofBoxes.length > 1 ? Math.ceil(((box + 4) * (last - first)) / room) : 1, across };
}

/**
 * @param {Item[][]} order
 * @param {Map<Item, Spot>} spots
 * @param {Sizes} sizes
 * @param {boolean} isWide
 * @param {number} width
 * @returns {Layout}
 */
function drawn(order, spots, sizes, isWide, width) {
    /** @type {Layout} */
    const made = { width, height: 0, nodes: new Map(), labels: new Map(), curves: new Map() };
    for (const item of order.flat()) {
        const { along, across } = /** @type {Spot} */ (spots.get(item));
        const size = sizeOfItem(item, sizes, isWide);
        const box = isWide
            ? { x: along, y: across, width: size.along, height: size.across }
            : { x: across, y: along, width: size.across, height: size.along };
        made.height = Math.max(made.height, box.y + box.height / 2 + EDGE);
        if (item.kind !== "bend") {
            (item.kind === "node" ? made.nodes : made.labels).set(item.name, box);
        }
    }
    const ports = portsOf(order, spots, sizes, isWide);
    for (const item of order.flat().filter((one) => one.kind === "node")) {
        for (const first of item.near.filter((near) => near.rank > item.rank)) {
            const points = walk(item, first, spots, ports, sizes, isWide);
            if (points.length && !made.curves.has(first.name)) {
                made.curves.set(first.name, curve(points, isWide));
            }
        }
    }
    return made;
}

/** Pixels between two lines where they leave a node. */
const PORTS = 12;

/**
 * Where each line touches its node: side by side, in the order in which they go on.
 * @param {Item[][]} order
 * @param {Map<Item, Spot>} spots
 * @param {Sizes} sizes
 * @param {boolean} isWide
 */
function portsOf(order, spots, sizes, isWide) {
    /** @type {Map<string, Spot>} */
    const ports = new Map();
    for (const node of order.flat().filter((item) => item.kind === "node")) {
        const { along, across } = /** @type {Spot} */ (spots.get(node));
        const size = sizeOfItem(node, sizes, isWide);
        for (const side of [-1, 1]) {
            const near = node.near.filter((item) => Math.sign(item.rank - node.rank) === side);
            near.sort((a, b) => /** @type {Spot} */ (spots.get(a)).across - /** @type {Spot} */ (spots.get(b)).across);
            const step = Math.min(PORTS, (size.across - 16) / Math.max(1, near.length - 1));
            near.forEach((item, place) =>
                ports.set(`${node.name} ${item.key}`, {
                    along: along + (side * size.along) / 2,
                    across: across + (place - (near.length - 1) / 2) * step,
                }),
            );
        }
    }
    return ports;
}

/**
 * The points of one line, from its node on; a line between two nodes of one column comes back on the same side.
 * @param {Item} node
 * @param {Item} first
 * @param {Map<Item, Spot>} spots
 * @param {Map<string, Spot>} ports
 * @param {Sizes} sizes
 * @param {boolean} isWide
 */
function walk(node, first, spots, ports, sizes, isWide) {
    const points = [/** @type {Spot} */ (ports.get(`${node.name} ${first.key}`))];
    let before = node;
    let item = first;
    while (item.kind !== "node") {
        const { along, across } = /** @type {Spot} */ (spots.get(item));
        const half = sizeOfItem(item, sizes, isWide).along / 2;
        const next = /** @type {Item} */ (item.near.find((near) => near !== before));
        points.push(
            ...(next.rank > item.rank || half === 0
                ? [
                      { along: along - half, across },
                      { along: along + half, across },
                  ]
                : [{ along, across }]),
        );
        [before, item] = [item, next];
    }
    return [...points, /** @type {Spot} */ (ports.get(`${item.name} ${before.key}`))];
}

/**
 * A smooth curve through points, which leaves and reaches each of them along.
 * @param {Spot[]} points
 * @param {boolean} isWide
 */
function curve(points, isWide) {
    const at = (/** @type {Spot} */ { along, across }) => {
        const [x, y] = isWide ? [along, across] : [across, along];
        return `${x.toFixed(1)} ${y.toFixed(1)}`;
    };
    const comesBack = points.length === 3;
    const parts = points.slice(1).map((to, place) => {
        const from = points[place];
        const [first, second] = !comesBack
            ? across(from, to)
            : place === 0
              ? around(from, to)
              : around(to, from).reverse();
        return `C${at(first)} ${at(second)} ${at(to)}`;
    });
    return `M${at(points[0])}${parts.join("")}`;
}

/**
 * What a curve is bent by on its way from one rank to the next.
 * @param {Spot} from
 * @param {Spot} to
 * @returns {[Spot, Spot]}
 */
function across(from, to) {
    const bend = (to.along - from.along) / 2;
    return [
        { along: from.along + bend, across: from.across },
        { along: to.along - bend, across: to.across },
    ];
}

/**
 * The same, of a line between two nodes of one column: it goes out to its label, and comes back.
 * @param {Spot} node
 * @param {Spot} label
 * @returns {Spot[]}
 */
function around(node, label) {
    return [
        { along: node.along + Math.abs(label.along - node.along), across: node.across },
        { along: label.along, across: (node.across + label.across) / 2 },
    ];
}
