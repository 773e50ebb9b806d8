"""The call's sentence: what was lost, how long it was silent, by which exit and port. It runs in tests/network."""

from hypothesis import given
from hypothesis import strategies as st

from ingress.demo.call import EVERY, LATE, SIZE, Call


def called(*echoes: tuple[float, str] | None) -> Call:
    """One datagram each EVERY seconds from 0.0; each is echoed after so long, as from there, or is lost."""
    call = Call()
    sent = [call.next(number * EVERY) for number in range(len(echoes))]
    arrivals = [
        (number * EVERY + echo[0], data + b" " + echo[1].encode())
        for number, (data, echo) in enumerate(zip(sent, echoes, strict=True))
        if echo is not None
    ]
    for when, data in sorted(arrivals):
        call.hear(data, when)
    return call


US, OTHER, EU = (0.1, "us 4001"), (0.1, "us 4002"), (0.1, "eu 4001")


def test_a_whole_call() -> None:
    assert called(US, US, US).sentence(["a", "b"]) == (
        "3 datagrams, 0 lost, over a, then b; longest gap 17 ms; exit us, its port kept."
    )


def test_what_is_lost_is_a_gap() -> None:
    assert called(US, None, None, US).sentence([]) == (
        "4 datagrams, 2 lost (50.0%); longest gap 50 ms; exit us, its port kept."
    )


def test_an_echo_that_is_late_or_comes_twice_does_not_count() -> None:
    call = called(US, (LATE + 1, "us 4001"))
    assert call.echoed == 1
    call.hear(bytes(SIZE), 9.0)
    call.hear(b"short", 9.0)
    assert call.echoed == 1


def test_where_it_came_from_is_told() -> None:
    assert "exit us, whose port changed 1 times" in called(US, OTHER).sentence([])
    assert "exits us, then eu" in called(US, EU).sentence([])
    assert called(None).sentence([], "the proxy answers 7") == (
        "1 datagrams, 1 lost (100.0%); longest gap 0 ms; nothing came back; it ended early: the proxy answers 7."
    )


def test_silence_at_the_end_is_a_gap_too() -> None:
    call = called(US)
    call.finish(2.0)
    assert 1.8 < call.longest_gap < 2.0


@given(st.lists(st.none() | st.tuples(st.floats(0, 3), st.sampled_from(["us 1", "eu 2"])), max_size=30))
def test_no_more_is_echoed_than_was_sent(echoes: list[tuple[float, str] | None]) -> None:
    call = called(*echoes)
    assert call.echoed <= call.sent == len(echoes)
    assert call.sentence([]).endswith(".") if call.sent else True
