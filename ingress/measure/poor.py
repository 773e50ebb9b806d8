"""Lines that work, and work badly: what is lost or shaken on their own piece of the way, in sentences.

Pings show what comes late, TCP what is lost, in which direction, and to a policer.
"""

from collections.abc import Iterable, Mapping, Sequence

from ingress.measure.blame import Blame
from ingress.measure.directions import Direction
from ingress.measure.pieces import Piece
from ingress.messages.message import Message
from relay.model.network import Line

LATE = 0.03
"""Late share of its own piece from which a line is named: three pings of a hundred. One or two happen on any line."""
SHAKEN = 0.015
SHAKEN_SHARE = 0.15
"""Seconds, and share of its round trip, that the deviation of its own piece has to exceed, both: from there on streams
would leave a path for it. An evening's jitter of some milliseconds is no news."""

SETTLED = 40
"""Round trips before anything is said of a line: the first guesses of a deviation are wide."""


def poor_lines(lines: Iterable[Line], pieces: Mapping[str, Piece]) -> list[Blame]:
    """Findings about *lines* that are up, the worst first."""
    found = [(line, pieces[line.name]) for line in lines if line.name in pieces and is_poor(pieces[line.name])]
    return [_blame(line, piece) for line, piece in sorted(found, key=lambda one: -one[1].late)]


def is_poor(piece: Piece) -> bool:
    """Whether a line of this piece is worth a sentence."""
    return piece.samples >= SETTLED and (piece.late >= LATE or _is_shaken(piece))


def _is_shaken(piece: Piece) -> bool:
    return piece.deviation > max(SHAKEN, SHAKEN_SHARE * piece.round_trip)


def _blame(line: Line, piece: Piece) -> Blame:
    said = []
    if piece.late >= LATE:
        said.append(Message("poor.late", share=piece.late))
    if _is_shaken(piece):
        said.append(Message("poor.shaken", round_trip=piece.round_trip, deviation=piece.deviation))
    return Blame(Message("poor", line=line.name, parts=tuple(said)), (line.name,))


def lossy_lines(known: Iterable[Sequence[Direction]]) -> list[Blame]:
    """Findings about lines of which TCP knows one direction or both, the worst first."""
    found = [both for both in known if any(one.is_lossy for one in both)]
    return [_lossy(both) for both in sorted(found, key=lambda both: -max(one.loss.low for one in both))]


def _lossy(both: Sequence[Direction]) -> Blame:
    said = [_loses(one) for one in both if one.is_lossy]
    said += [Message("lossy.back", share=one.loss.share) for one in both if not one.is_lossy]
    said += [Message("lossy.unknown")] if len(both) == 1 else []
    return Blame(Message("lossy", line=both[0].line, parts=tuple(said)), (both[0].line,))


def _loses(one: Direction) -> Message:
    loss, who = one.loss, Message("lossy.who", node=one.start) if one.is_told else ""
    if one.policed is not None:
        rate, start, end = one.policed, one.start, one.end
        return Message("lossy.policed", rate=rate, start=start, end=end, share=loss.share, who=who)
    return Message(
        "lossy.loses",
        share=loss.share,
        start=one.start,
        end=one.end,
        low=loss.low,
        high=loss.high,
        segments=loss.segments,
        who=who,
    )
