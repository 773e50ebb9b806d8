"""That memory is short is said once, and who holds it."""

from relay.engine.kernel_memory import KernelMemory
from relay.serve.shortage import Shortages, shortage
from relay.session.window import INITIAL_WINDOW, Memory
from tests.relay.session.pair import INGRESS, SessionPair
from tests.world import Journal


def test_b1_it_is_said_once_and_again_after_it_was_well(journal: Journal) -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    pair.sinks[INGRESS][stream.id].is_holding = True
    pair.at_exit(stream).write(bytes(INITIAL_WINDOW))
    pair.run()
    memory, other = pair.ingress.memory, Memory(1 << 20)
    watch = Shortages(lambda: {"shanghai": memory, "beijing": other}, pair.ingress.streams.values)
    watch.look()
    assert journal.of("memory-short") == [] and shortage(memory, []) is None
    memory.used += memory.short_at + 1
    watch.look()
    watch.look()
    (said,) = journal.of("memory-short")
    assert said["about"] == "shanghai"
    assert said["why"] == (
        "memory is short: 192 of 1024 MiB are taken by windows that have grown; 1 streams that nobody reads hold 0 MiB"
    )
    memory.used -= memory.short_at // 4
    watch.look()
    memory.used += memory.short_at // 4
    watch.look()
    assert len(journal.of("memory-short")) == 1  # it was never well in between
    memory.used = 0
    watch.look()
    memory.used = memory.limit
    watch.look()
    assert len(journal.of("memory-short")) == 2


def test_the_kernels_is_said_once_and_again_after_it_was_well(journal: Journal) -> None:
    watch = Shortages(dict, list)

    def told_at(used: int | None) -> int:
        watch.look_at_kernel(None if used is None else KernelMemory(used << 20, 150 << 20, 200 << 20))
        return len(journal.of("kernel-memory-short"))

    assert [told_at(used) for used in (None, 149, 150, 200, 100, 160, 75, 150, None, 150)] == [
        0,
        0,
        1,
        1,
        1,
        1,
        1,
        2,
        2,
        3,
    ]
    assert str(journal.of("kernel-memory-short")[0]["why"]).startswith("the kernel holds 150 of 200 MiB")
