// Asks again and again, one question at a time, and none while nobody sees the page.

/**
 * Looks now, and from then on so many milliseconds after each answer.
 * @param {() => Promise<void>} look never fails
 * @param {() => number} every
 * @returns {() => void} ends it
 */
export function repeat(look, every) {
    let isOver = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const step = async () => {
        if (!document.hidden) {
            await look();
        }
        if (!isOver) {
            timer = setTimeout(step, every());
        }
    };
    step();
    return () => {
        isOver = true;
        clearTimeout(timer);
    };
}
