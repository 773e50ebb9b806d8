"""When a client may be answered before its target was reached."""

import pytest

from ingress.choice.reached import MOST_TARGETS, Reached


@pytest.mark.parametrize(
    ("port", "reached", "failed", "now", "early"),
    [
        (443, None, None, 0.0, True),
        (8443, None, None, 0.0, True),
        (22, None, None, 0.0, False),
        (22, 0.0, None, 599.0, True),
        (22, 0.0, None, 600.0, False),
        (443, 0.0, 0.0, 59.0, False),
        (443, 0.0, 0.0, 60.0, True),
        (22, 50.0, 0.0, 59.0, False),
    ],
)
def test_early_answers(port: int, reached: float | None, failed: float | None, now: float, early: bool) -> None:
    memory = Reached()
    if reached is not None:
        memory.reached("Example.com", port, reached)
    if failed is not None:
        memory.failed("example.COM", port, failed)
    assert memory.may_answer_early("example.com", port, now) is early


def test_what_is_remembered_is_bounded() -> None:
    memory = Reached()
    for number in range(MOST_TARGETS + 5):
        memory.reached(f"s{number}.test", 22, 0.0)
        memory.failed(f"s{number}.test", 443, 0.0)
    late = f"s{MOST_TARGETS // 2}.test"
    assert not memory.may_answer_early("s0.test", 22, 1.0)
    assert memory.may_answer_early(late, 22, 1.0)
    assert memory.may_answer_early("s0.test", 443, 1.0)
    assert not memory.may_answer_early(late, 443, 1.0)
