// In which column of the map a node stands, and in which order: ingress left, relays in the middle, exits right. Pure,
// and a matter of the file alone: nothing that is measured moves a node.

/**
 * @typedef {{node: string, is_exit: boolean}} MapNode
 * @typedef {{line: string, start: string, end: string}} MapLine
 * @typedef {{key: string, kind: "node" | "label" | "bend", name: string, rank: number, near: Item[]}} Item
 *   What takes up room in a rank: a node (even ranks), the label of a line (odd ones), or a place where a line passes.
 */

/**
 * The column of every node: 0 is the ingress; relays stand by how many lines away they are, exits in the last.
 * @param {string} ingress
 * @param {MapNode[]} nodes
 * @param {MapLine[]} lines
 * @returns {Map<string, number>}
 */
export function columns(ingress, nodes, lines) {
    const exits = new Set(nodes.filter((node) => node.is_exit).map((node) => node.node));
    const found = new Map([[ingress, 0]]);
    for (let front = [ingress], depth = 1; front.length; depth += 1) {
        const ends = lines.filter((line) => front.includes(line.start)).map((line) => line.end);
        front = [...new Set(ends)].filter((end) => !exits.has(end) && !found.has(end));
        front.forEach((end) => found.set(end, depth));
    }
    for (const node of nodes) {
        if (!exits.has(node.node) && !found.has(node.node)) {
            found.set(node.node, 1);
        }
    }
    const last = Math.max(...found.values()) + 1;
    exits.forEach((exit) => found.set(exit, last));
    return found;
}

/**
 * All ranks from left to right, each with its items in their order. Between two columns there is a rank of labels, so
 * that lines side by side are curves of their own, and no label covers another.
 * @param {string} ingress
 * @param {MapNode[]} nodes
 * @param {MapLine[]} lines
 * @returns {Item[][]}
 */
export function ranks(ingress, nodes, lines) {
    const column = columns(ingress, nodes, lines);
    /** @type {Item[][]} */
    const found = [];
    /**
     * @param {Item["kind"]} kind
     * @param {string} name
     * @param {number} rank
     */
    const add = (kind, name, rank) => {
        /** @type {Item} */
        const item = { key: `${kind} ${name} ${rank}`, kind, name, rank, near: [] };
        (found[rank] ??= []).push(item);
        return item;
    };
    const stands = new Map([...column].map(([name, place]) => [name, add("node", name, 2 * place)]));
    for (const { line, from, to, at } of labelled(column, lines)) {
        const last = from.column === to.column ? 2 * to.column + 1 : 2 * to.column - 1;
        let before = /** @type {Item} */ (stands.get(from.name));
        for (let rank = 2 * from.column + 1; rank <= last; rank += 1) {
            before = joined(before, add(rank === at ? "label" : "bend", line, rank));
        }
        joined(before, /** @type {Item} */ (stands.get(to.name)));
    }
    return untangled(Array.from(found, (items) => items ?? []));
}

/**
 * Which gap has the label of which line: the only one of those that are between neighbours; of longer ones the
 * emptiest.
 * @param {Map<string, number>} column
 * @param {MapLine[]} lines
 */
function labelled(column, lines) {
    const drawn = lines
        .filter((line) => column.has(line.start) && column.has(line.end))
        .map((line) => {
            const ends = [line.start, line.end].map((name) => ({
                name,
                column: /** @type {number} */ (column.get(name)),
            }));
            const [from, to] = ends[0].column <= ends[1].column ? ends : ends.reverse();
            return { line: line.line, from, to, at: 0 };
        });
    const taken = new Map();
    for (const one of [...drawn].sort((a, b) => a.to.column - a.from.column - (b.to.column - b.from.column))) {
        let best = 2 * one.from.column + 1;
        for (let gap = best; gap < 2 * one.to.column; gap += 2) {
            best = (taken.get(gap) ?? 0) < (taken.get(best) ?? 0) ? gap : best;
        }
        one.at = best;
        taken.set(best, (taken.get(best) ?? 0) + 1);
    }
    return drawn;
}

/**
 * @param {Item} left
 * @param {Item} right
 */
function joined(left, right) {
    left.near.push(right);
    right.near.push(left);
    return right;
}

const SWEEPS = 10;

/**
 * Orders every rank by where its neighbours stand, to and fro; the order with the fewest crossings is kept.
 * @param {Item[][]} found
 */
function untangled(found) {
    let best = found.map((items) => [...items]);
    let fewest = crossings(best);
    const order = best.map((items) => [...items]);
    for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
        const steps = order.map((_, rank) => rank);
        (sweep % 2 ? steps.reverse() : steps).forEach((rank) => sortRank(order, rank, sweep % 2 ? 1 : -1));
        const now = crossings(order);
        if (now < fewest) {
            [best, fewest] = [order.map((items) => [...items]), now];
        }
    }
    return best;
}

/**
 * @param {Item[][]} order
 * @param {number} rank
 * @param {number} side
 */
function sortRank(order, rank, side) {
    const beside = new Map((order[rank + side] ?? []).map((item, place) => [item, place]));
    const own = new Map(order[rank].map((item, place) => [item, place]));
    const wish = new Map(
        order[rank].map((item) => {
            const places = item.near.flatMap((near) => beside.get(near) ?? []);
            const mean = places.reduce((sum, place) => sum + place, 0) / places.length;
            return [item, places.length ? mean : (own.get(item) ?? 0)];
        }),
    );
    order[rank].sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0) || (own.get(a) ?? 0) - (own.get(b) ?? 0));
}

/**
 * How many pairs of lines cross between neighbouring ranks.
 * @param {Item[][]} order
 */
export function crossings(order) {
    let count = 0;
    for (let rank = 0; rank + 1 < order.length; rank += 1) {
        const place = new Map(order[rank + 1].map((item, index) => [item, index]));
        const pairs = order[rank].flatMap((item, left) =>
            item.near.filter((near) => place.has(near)).map((near) => [left, /** @type {number} */ (place.get(near))]),
        );
        pairs.forEach(([left, right], index) => {
            count += pairs.slice(index + 1).filter(([a, b]) => (left - a) * (right - b) < 0).length;
        });
    }
    return count;
}
