"""The bed does to one direction what it is told, and leaves the other alone; where there can be none, that is said."""

from collections.abc import Iterator

import pytest

from bench.load import Failed
from bench.wan.bed import Bed, missing
from bench.wan.network import LINES, ends_of, reference_bed
from bench.wan.plain import ASKED, FAR, NEAR, PATIENCE, USUAL, connected, delay, judged

WHY_NOT = missing()


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    if WHY_NOT is not None:
        pytest.skip(WHY_NOT)
    try:
        with reference_bed() as made:
            yield made
    except Failed as reason:  # another run has it
        pytest.skip(str(reason))


def usual(bed: Bed) -> None:
    bed.order("up", NEAR, FAR)
    bed.order("link", NEAR, FAR, *USUAL)


def test_what_is_down_one_way_passes_the_other(bed: Bed) -> None:
    usual(bed)
    with connected(bed) as (near, far):
        bed.order_one_way("down", NEAR, FAR)
        assert delay(near, far) == PATIENCE
        assert delay(far, near) < PATIENCE
        bed.order_one_way("up", NEAR, FAR)
        assert far.recv(1) == b"?"


def test_what_is_longer_one_way_is_as_long_as_before_the_other(bed: Bed) -> None:
    usual(bed)
    with connected(bed) as (near, far):
        bed.order_one_way("link", NEAR, FAR, 300.0, 0.0, 0.0, 0.0, 0.0)
        assert delay(near, far) >= 0.3 > delay(far, near)


@pytest.mark.parametrize(
    "words",
    [
        ("link", NEAR, "nowhere", *USUAL),
        ("link", NEAR, FAR, 1.0),
        ("police", NEAR, FAR, 1.0),
        ("flood", NEAR, FAR),
    ],
)
def test_what_the_bed_does_not_understand_is_refused(bed: Bed, words: tuple[str, str, str]) -> None:
    for order in (bed.order, bed.order_one_way):
        with pytest.raises(Failed, match="error: "):
            order(*words)


def test_figures_that_were_not_asked_for_are_named() -> None:
    lossy = next(one for one in ASKED if one.name == "1 % loss")
    found = {"there.loss": 0.001, "back.delay": 0.01, "back.loss": 0.0, "back.rate": 3e7}
    assert list(judged(lossy, found)) == ["there: loss is 0.001, not from 0.005 to 0.015"]
    assert list(judged(lossy, found | {"there.loss": 0.01})) == []
    del found["back.rate"]
    assert list(judged(lossy, found | {"there.loss": 0.01})) == [
        "back: rate is None, not from 25000000.0 to 40000000.0"
    ]


def test_a_direction_is_from_who_sends() -> None:
    line = LINES[2]
    assert ends_of(line, "towards") == ("jpd", "usd") and ends_of(line, "back") == ("usd", "jpd")
