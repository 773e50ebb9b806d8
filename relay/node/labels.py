"""The labels of a node: those that it passes on, those that end here, and the ports at which datagrams come.

A label belongs to the ingress that set it; another's is refused. What comes under a label that nobody set is a
stranger's, and is dropped without a word.
"""

import socket

import attrs

from relay.engine import DatagramAddress, DatagramOut, Loop, UdpPort, Where
from relay.exit.label_end import LabelEnd
from relay.node.label_relay import PassedLabel
from relay.wire.codes import Verdict
from relay.wire.datagrams import CHALLENGE_SIZE, LABEL_SIZE, TO_INGRESS, runs, turned

MOST_LABELS = 256
"""Of one ingress: 64 paths, twice, since those of a process that was killed may still be here; and as many that end."""
UNUSED = 60.0
"""Seconds of silence after which a label that ends here gives way to another; an ingress asks each now and then."""
LINGER = 30.0
"""Seconds for which a label outlives the last carrier that was passed on with it: another is set up by then."""


@attrs.frozen
class LabelsStatistics:
    """Since the start, but for `count`."""

    count: int
    refused: int
    """Labels that were too many, or another's."""
    strange: int
    """Datagrams under a label that nobody set."""
    misplaced: int
    """Datagrams under one that is known, from where none should come, or with a MAC that is wrong."""
    forged: int
    """That ended here and could not be opened, or had come before."""


class Labels:
    """All of a node's. Its ports may come and go; a label stays."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._passed: dict[bytes, PassedLabel] = {}
        self._ending: dict[bytes, tuple[str, LabelEnd]] = {}
        self._refused = self._strange = self._misplaced = self._forged = 0

    def statistics(self) -> LabelsStatistics:
        """What there is, and was."""
        forged = self._forged + sum(end.end.forged + end.end.replayed for _, end in self._ending.values())
        count = len(self._passed) + len(self._ending)
        return LabelsStatistics(count, self._refused, self._strange, self._misplaced, forged)

    # ---- which labels there are

    def may_have(self, label: bytes, owner: str) -> Verdict:
        """Whether the ingress *owner* may set *label*, which it may have set before."""
        self._forget_old()
        passed, ending = self._passed.get(label), self._ending.get(label)
        owners = {one for one in (passed and passed.owner, ending and ending[0]) if one}
        if owners - {owner}:
            self._refused += 1
            return Verdict.NOT_YOURS
        if not owners and self._count(owner) >= MOST_LABELS and not self._make_room(owner):
            self._refused += 1
            return Verdict.FULL
        return Verdict.TAKEN

    def _count(self, owner: str) -> int:
        passed = sum(one.owner == owner for one in self._passed.values())
        return passed + sum(name == owner for name, _ in self._ending.values())

    def _make_room(self, owner: str) -> bool:
        """Whether a label of *owner* that ends here could be forgotten: the one that was silent for longest."""
        silent = [(end.end.heard_at, label) for label, (name, end) in self._ending.items() if name == owner]
        if not silent or min(silent)[0] > self._loop.now - UNUSED:
            return False
        self.forget(min(silent)[1])
        return True

    def pass_on(self, label: bytes, owner: str, place: int, key: bytes, onwards: DatagramOut) -> None:
        """A carrier of *owner* was passed on, and *label*, which it may have, goes with it."""
        passed = self._passed.get(label)
        if passed is None:
            passed = self._passed[label] = PassedLabel(owner, self._drop)
        passed.carriers += 1
        passed.use(place, key, onwards)

    def carrier_ended(self, label: bytes) -> None:
        """One that was passed on with *label* is gone."""
        passed = self._passed[label]
        passed.carriers -= 1
        passed.until = self._loop.now + LINGER

    def end_here(self, label: bytes, owner: str, end: LabelEnd) -> None:
        """*label*, which *owner* may have, ends in one of its sessions."""
        self._ending[label] = owner, end

    def ending(self, label: bytes) -> LabelEnd | None:
        """In what *label* ends, if it does here."""
        found = self._ending.get(label)
        return None if found is None else found[1]

    def forget(self, label: bytes) -> None:
        """Nothing that ends here has this label any more."""
        ending = self._ending.pop(label, None)
        if ending is not None:
            self._forged += ending[1].end.forged + ending[1].end.replayed

    def _forget_old(self) -> None:
        now = self._loop.now
        old = [label for label, one in self._passed.items() if not one.carriers and one.until <= now]
        for label in old:
            del self._passed[label]

    def _drop(self, count: int) -> None:
        self._misplaced += count

    # ---- what comes

    def take(self, data: bytes, size: int, where: Where) -> None:
        """One datagram, or a run of data, all of one label and epoch. *where* it came at, and from."""
        label, now = data[:LABEL_SIZE], self._loop.now
        if label[0] & TO_INGRESS:
            self._take_back(label, data, size, where, now)
            return
        ending, passed = self._ending.get(label), self._passed.get(label)
        is_probe, is_challenge = bool(data[LABEL_SIZE] & 0x80), size == CHALLENGE_SIZE
        if ending is not None:
            if is_challenge:
                ending[1].on_challenge(data, where, now)
            elif is_probe:
                ending[1].on_probe(data, where, now)
            else:
                ending[1].on_run(data, size, where, now)
        elif passed is None or self._is_over(passed, now):
            self._strange += -(-len(data) // size)
        elif is_challenge:
            passed.answered(data, where, now)
        elif is_probe:
            passed.probe(data, where, now)
        else:
            passed.forth(data, size, where)

    def _take_back(self, label: bytes, data: bytes, size: int, where: Where, now: float) -> None:
        """The same for what goes to the ingress."""
        passed = self._passed.get(turned(label))
        if passed is None or self._is_over(passed, now):
            self._strange += -(-len(data) // size)
        elif size == CHALLENGE_SIZE:
            passed.asked(data, where[1])
        else:
            passed.back(data, size, where[1])

    def take_of(self, owner: str, data: bytes, where: Where) -> None:
        """A datagram of the ingress *owner*, which came by a carrier of its own."""
        label, now, size = data[:LABEL_SIZE], self._loop.now, len(data)
        ending, passed = self._ending.get(label), self._passed.get(label)
        if size <= CHALLENGE_SIZE or owner not in (ending and ending[0], passed and passed.owner):
            self._strange += 1
        elif ending is not None:
            if data[LABEL_SIZE] & 0x80:
                ending[1].on_probe(data, where, now, is_sure=True)
            else:
                ending[1].on_run(data, size, where, now)
        elif passed is not None:
            if data[LABEL_SIZE] & 0x80:
                passed.probe(data, where, now, is_sure=True)
            else:
                passed.forth(data, size, where, is_sure=True)

    def _is_over(self, passed: PassedLabel, now: float) -> bool:
        return not passed.carriers and passed.until <= now

    def stray(self, count: int) -> None:
        """So many datagrams were none at all."""
        self._strange += count


class LabelPort:
    """A port of the node: cuts what comes into runs of one label."""

    __slots__ = ("_labels", "port")

    def __init__(self, loop: Loop, sock: socket.socket, labels: Labels) -> None:
        """*sock* belongs to it from now on."""
        self._labels = labels
        self.port = UdpPort(loop, sock, self)

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        """As `DatagramOwner.on_datagrams`."""
        where, together = (self.port, source, local), bytes(data)
        if CHALLENGE_SIZE <= len(together) <= size:
            self._labels.take(together, len(together), where)
            return
        for start, stop in runs(together, size):
            if stop - start < CHALLENGE_SIZE:
                self._labels.stray(1)
            else:
                self._labels.take(together[start:stop], min(size, stop - start), where)
