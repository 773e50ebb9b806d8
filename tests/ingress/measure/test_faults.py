"""docs/protocol.md and the code say the same of what a refusal decides."""

import re
from pathlib import Path

import pytest

from ingress.measure.faults import KINDS, OF_THE_NEXT_LINE, REFUSALS, Asked, FaultKind, SetupFault, kind_of
from relay.model.cause import Cause
from relay.wire.codes import Reason

TEXT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
SECTION = TEXT[TEXT.index("## 8. Who may say what") :]
MISPLACED = FaultKind.MISPLACED
WORDS = {
    FaultKind.REFUSED: "down; a vote if the line is the last",
    FaultKind.FORGOTTEN: "down; the session is over",
    FaultKind.MISPLACED: "down; has no place here",
    **{kind: refusal.value for kind, refusal in REFUSALS.items()},
}
"""What the document says of a kind; of all others it says `down`."""


def test_c1_the_table_of_the_document_is_that_of_the_code() -> None:
    (head, found) = re.findall(r"^\| refused for \| (.*) \|\n\| ---.*\n((?:\|.*\n)+)", SECTION, re.MULTILINE)[0]
    assert head.split(" | ") == [asked.value for asked in Asked]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in found.splitlines()]
    said = {Reason(int(row[0])): tuple(row[1:]) for row in rows}
    assert len(rows) == len(Reason)
    assert said == {reason: tuple(WORDS.get(kind, "down") for kind in kinds) for reason, kinds in KINDS.items()}


def test_c1_two_words_decide_more_than_one_path_and_each_has_one_place() -> None:
    places = {
        (asked, reason, kind)
        for reason in Reason
        for asked in Asked
        if (kind := kind_of(asked, reason)) in (FaultKind.FORGOTTEN, FaultKind.REFUSED)
    }
    assert places == {
        (Asked.RESUME, Reason.UNKNOWN_SESSION, FaultKind.FORGOTTEN),
        (Asked.TRANSIT, Reason.DIAL_REFUSED, FaultKind.REFUSED),
    }


def test_the_document_says_which_reasons_speak_of_lines() -> None:
    asks_about_lines = {
        reason for reason in Reason if kind_of(Asked.HELLO, reason) is kind_of(Asked.RESUME, reason) is MISPLACED
    }
    assert {kind_of(Asked.TRANSIT, reason) for reason in asks_about_lines} == {
        FaultKind.STALE_CONFIG,
        *OF_THE_NEXT_LINE,
    }
    assert f"the line that was asked for ({', '.join(str(int(one)) for one in sorted(asks_about_lines))})" in SECTION


def test_c7_the_document_says_which_causes_no_exit_can_know() -> None:
    known = {cause for cause in Cause if Cause.said_by_exit(cause) is cause}
    unknown = [str(int(cause)) for cause in Cause if cause not in known]
    assert f"cause {', '.join(unknown[:-1])} or {unknown[-1]}, which no exit can know" in SECTION
    assert all(Cause.said_by_exit(int(cause)) is Cause.PROTOCOL for cause in Cause if cause not in known)
    assert Cause.said_by_exit(250) is Cause.INTERNAL


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_path_shows_a_word_of_its_own_only_for_what_waiting_will_not_mend(kind: FaultKind) -> None:
    assert SetupFault(kind, 0, "no", said_by="jp").refusal is REFUSALS.get(kind)
