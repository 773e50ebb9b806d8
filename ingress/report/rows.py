"""What a running ingress tells about itself: the answers on its admin socket, as docs/paths-json.md describes them.

Times are seconds, sizes bytes, shares from 0 to 1; None (null) is what is not known. A field may be added
without a new version; one that changes its meaning or goes needs a new version.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ingress.messages.forms import EN
from ingress.messages.message import Message, render
from relay.model.vitals import ConnectedIngress, LineReport, Vitals

VERSION = 1


@attrs.frozen
class DatagramRow:
    """What is known of datagrams on one path."""

    carries: bool
    why: str
    """Why it carries none; empty if it does."""
    role: str
    """`primary` or `spare` of its exit, or empty."""
    in_tcp: list[str]
    """Lines over which they go in TCP."""
    round_trip: float | None
    jitter: float | None
    loss_up: float | None
    loss_down: float | None
    """Shares that were lost of late."""
    size: int
    """Bytes of the largest that is known to get through."""
    interval: float | None
    """Seconds between its heartbeats; None while it is not asked."""
    sent: int
    """Datagrams of clients that it carried as the primary; neither copies nor heartbeats."""
    policed: float | None = None
    """Bytes per second, about, of which UDP lets no more pass."""
    detoured: int = 0
    """Associations that go in TCP for that."""


@attrs.frozen
class PathRow:
    """One path; spare ones have no rank."""

    rank: int | None
    path: str
    exit: str
    state: str
    in_band: bool
    """As good as the best: takes new streams when a line of the best is full."""
    round_trip: float | None
    """Median of the last five."""
    p95: float | None
    deviation: float | None
    late: float | None
    cost: float | None
    """What is compared, for a target of which nothing is known."""
    dial_time: float | None
    streams: int
    bulk: int
    redundant: int
    bytes_up: int
    bytes_down: int
    age: float | None
    """Seconds since its last answer."""
    interval: float | None
    """Seconds between its pings."""
    reason: str
    moves: int
    resumes: int
    longest_pause: float
    lost: dict[str, int]
    """Streams lost, by cause."""
    deaths: int
    datagrams_up: int = 0
    """Of clients, towards the exit, while it was the primary."""
    datagrams: DatagramRow | None = None


@attrs.frozen
class DirectionRow:
    """One direction of a line, as TCP knows it: 10,000 segments of the last ten minutes, or more."""

    start: str
    """Who sends."""
    end: str
    loss: float
    """Share of segments that were lost."""
    loss_least: float
    """What it is at least, and at most, beyond doubt."""
    loss_most: float
    segments: int
    rate: float
    """Bytes per second that arrived, in the same time."""
    policed: float | None
    """Bytes per second beyond which something drops what is sent, if it looks so."""
    told: bool
    """By the node that sends; else this ingress sends, and has measured it."""


@attrs.frozen
class CarriesRow:
    """What one direction of a line carries, as far as it was seen to; bytes per second."""

    start: str
    """Where the bytes come from."""
    end: str
    least: float
    """The most that it was seen to deliver, halved with every week since then."""
    most: float | None
    """What it cannot do more than, by the file, or because it was what held a stream back; None if nobody knows."""
    now: float
    """What passes now."""
    age: float | None
    """Since it was seen; None if it never was."""
    seen_in: str | None
    """`stream` or `speed test`."""


@attrs.frozen
class QuotaRow:
    """What was used of a quota in the running period: bytes, or bytes per second of a percentile."""

    used: float
    amount: float | None
    """None: none is said, of a percentile."""
    fraction: float
    counts: str
    each: str
    begins: float
    ends: float
    """Seconds since 1970."""
    ends_on: str
    """The day on which the next period begins, by the clocks of its zone; ISO 8601."""
    effect: str
    """`none`; `backup`: only when nothing else is up; `closed`: nothing new; `slow`: refused, and 64 kbit/s."""
    subject: str = ""
    """Whose it is, if it is no line's."""
    by: str = ""
    """The allowance that says so."""


@attrs.frozen
class LineRow:
    """One line. Its round trip is that of its piece of the way."""

    line: str
    start: str
    end: str
    state: str
    """`up`, `poor` (what is sent over it comes late, or unevenly, or is lost), `broken`, `suspect` (it or the node
    behind it), or `unknown` (nothing leads to its beginning now)."""
    round_trip: float | None
    uncertainty: float | None
    """By which the round trip may be wrong: it is the difference of two walks'."""
    deviation: float | None
    late: float | None
    """Share of pings that came late, and were not late before this line."""
    dial_time: float | None
    dial_error: str | None
    """Why the last dial of its address failed, if it did."""
    dial_age: float | None
    """Since that dial."""
    probe_bytes_per_day: int
    streams: int
    bytes_up: int
    bytes_down: int
    provider: str | None
    directions: list[DirectionRow]
    """Those that are known, the one away from its start first."""
    carries: list[CarriesRow]
    """The same, of what it was seen to deliver."""
    backup: bool = False
    """By the file: used only when nothing else is up."""
    quota: QuotaRow | None = None


@attrs.frozen
class ToldRow:
    """What a node said of itself last (STATUS). Older nodes say nothing of most of it."""

    age: float
    """Since then."""
    vitals: Vitals | None
    connected: tuple[ConnectedIngress, ...]
    lines: tuple[LineReport, ...]
    """Those at one of whose ends it is. The ages are as of when it said so."""
    counters: Mapping[str, int]
    """Without those that are zero, as are the two that follow."""
    refusals: Mapping[str, int]
    failures: Mapping[str, int]


@attrs.frozen
class NodeRow:
    """What a node told in its last WELCOME, and when its certificate ends (ISO 8601)."""

    node: str
    is_exit: bool
    state: str
    """`up`, or the state of the best carrier that should end there."""
    version: str | None = None
    stale_config: bool = False
    config: str | None = None
    """How its file differs from ours, and which of the two is to be updated."""
    draining: bool = False
    certificate_ends: str | None = None
    told: ToldRow | None = None
    """None until it has."""
    families: list[str] | None = None
    """Those that it reaches the world by, as it has tried: `ipv4`, `ipv6`. None until it has told."""
    clock_offset: float | None = None
    """Seconds by which its clock is ahead of this machine's, as far as half a round trip tells."""


@attrs.frozen
class HoldRow:
    """A line that an operator holds (`ingress hold`); times in seconds since 1970."""

    line: str
    since: float
    until: float | None
    """None: until it is released."""
    said: str
    """The same, as a sentence."""


@attrs.frozen
class Totals:
    """Sums over all paths."""

    opened: int
    """Streams that clients have opened since the start."""
    streams: int
    bytes_up: int
    bytes_down: int
    moves: int
    resumes: int
    longest_pause: float
    lost: dict[str, int]
    probe_bytes_per_day: int


@attrs.frozen
class Report:
    """The answer to `paths`."""

    ingress: str
    time: str
    """The wall clock of the ingress, ISO 8601."""
    paths: list[PathRow]
    lines: list[LineRow]
    nodes: list[NodeRow]
    totals: Totals
    blame: Sequence[str]
    """Sentences that name the broken or poor line, or the node, or say what is planned, the gravest first; there is one
    while any path is not up."""
    warnings: Sequence[str]
    vitals: Vitals
    """How this process is."""
    counters: dict[str, int]
    """What every bound has counted since the start; by the names of docs/threats.md, "All bounds"."""
    wishes: Sequence[str]
    """What was asked for by hand (`ingress use`), and what cannot be had of it now."""
    holds: list[HoldRow]
    version: int = VERSION


@attrs.frozen
class TermRow:
    """One summand of a candidate's cost, in seconds."""

    name: str
    value: float
    source: str
    """`measured`, `used` or `assumed`."""
    note: str


@attrs.frozen
class OfferRow:
    """What a path has for one more bulk stream; bytes per second."""

    direction: str
    """`down`: from the target to the client, or `up`."""
    known: float
    """What its lines were seen to deliver, minus what rides there; 0 if nothing is known."""
    most: float | None
    """If it is lucky; None while nobody knows."""


@attrs.frozen
class BulkRow:
    """Where a stream to the target would go once it filled its window."""

    direction: str
    path: str
    expected: float
    """Bytes per second that it is known to have there at least; 0 if nothing is known."""
    is_trial: bool
    """To see what the path carries."""
    reason: str


@attrs.frozen
class CandidateRow:
    """One path as a candidate for the target. Its cost is the sum of its terms."""

    rank: int
    path: str
    exit: str
    state: str
    in_band: bool
    cost: float
    terms: list[TermRow]
    reason: str
    offers: list[OfferRow]


@attrs.frozen
class SwitchRow:
    """New streams left one path for another."""

    age: float
    """Seconds ago."""
    old: str
    new: str
    reason: str


@attrs.frozen
class RuleRow:
    """The rule that a target falls under."""

    title: str
    """Its name, or its place."""
    place: str
    """In the file: `rule 2 (line 97)`."""
    because: str
    """The conditions that held; empty if it has none."""
    does: str
    """What becomes of the connection."""


@attrs.frozen
class Why:
    """The answer to `why`."""

    target: str
    site: str
    paths: list[str]
    """What a new stream would be given now; empty if no path is up."""
    exit: str | None
    reason: str
    margin: float | None
    """Seconds; paths this near to the leader are one band."""
    candidates: list[CandidateRow]
    would_switch: Sequence[str]
    """Sentences."""
    switches: list[SwitchRow]
    """The last ones, newest first."""
    kept: dict[str, int]
    """Clients that keep an exit for this site, by exit."""
    answers_early: bool
    """Whether success would be told before the exit has connected, under `answer = "auto"`."""
    rule: RuleRow | None = None
    """None if no rule says anything of it."""
    bulk: list[BulkRow] = attrs.field(factory=list)
    """Where a download would go, and an upload; empty if no path is up."""
    version: int = VERSION


@attrs.frozen
class DatagramCandidateRow:
    """One path as a candidate for datagrams."""

    path: str
    exit: str
    cost: float | None
    """Seconds: round trip, four times the jitter, and 20 ms for each per cent lost; None if it was never answered."""
    datagrams: DatagramRow


@attrs.frozen
class WhyDatagrams:
    """The answer to `why` for a target's datagrams."""

    target: str
    site: str
    paths: list[str]
    """The primary and the spare of the exit; empty if nothing leads there."""
    exit: str | None
    """Of the client's next association; None if there is none to be had."""
    reason: str
    copies: str
    """Whether datagrams go in two copies, and why; empty if none go."""
    candidates: list[DatagramCandidateRow]
    """Those of the exit first, as they take each other's place."""
    would_switch: Sequence[str]
    rule: RuleRow | None = None
    protocol: str = "udp"
    version: int = VERSION


SENTENCES = frozenset(
    [
        "reason",
        "why",
        "blame",
        "warnings",
        "wishes",
        "config",
        "dial_error",
        "note",
        "copies",
        "would_switch",
        "title",
        "place",
        "does",
    ]
)
"""Fields that are written in the language of whoever asks, a list of them too. All others are for programs."""


def to_json(answer: Report | Why | WhyDatagrams | HoldRow, language: str = EN) -> dict[str, Any]:
    """*answer* as json.dumps takes it, its sentences in *language*."""
    if language == EN:
        return attrs.asdict(answer)

    def write(_: object, field: "attrs.Attribute[Any] | None", value: Any) -> Any:
        is_sentence = field is not None and field.name in SENTENCES
        if isinstance(value, Message) or (is_sentence and isinstance(value, str)):
            return render(value, language)
        return [render(one, language) for one in value] if is_sentence and value is not None else value

    return attrs.asdict(answer, value_serializer=write)
