"""Two ends of a label: what one seals the other opens once, and nothing else."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.datagram.end import DatagramEnd
from relay.wire import datagrams
from relay.wire.codes import Cipher
from relay.wire.datagrams import ANSWER, Heartbeat

LABEL = bytes.fromhex("0102030405060708")
SECRET = bytes(range(32))
KEYS = (b"k" * 16, b"l" * 16)


def ends(cipher: Cipher = Cipher.AES_128_GCM, relays: int = 2) -> tuple[DatagramEnd, DatagramEnd]:
    """Those of the ingress and the exit, with one epoch."""
    ingress = DatagramEnd(LABEL, is_ingress=True, hop_keys=KEYS[:relays])
    exit_ = DatagramEnd(LABEL, is_ingress=False, relays=relays)
    for end in (ingress, exit_):
        end.open_epoch(1, cipher, SECRET)
        end.seal_with(1)
    return ingress, exit_


@pytest.mark.parametrize("cipher", Cipher)
@given(inner=st.binary(min_size=1, max_size=200))
def test_both_ways(cipher: Cipher, inner: bytes) -> None:
    ingress, exit_ = ends(cipher)
    there, back = ingress.seal(inner), exit_.seal(inner)
    assert there[:8] == LABEL and back[:8] == datagrams.turned(LABEL)
    assert exit_.receive(memoryview(there), 1.0) == inner
    assert ingress.receive(back, 1.0) == inner
    assert exit_.receive(there, 1.0) is None
    assert (exit_.received, exit_.replayed, exit_.forged, exit_.heard_at) == (1, 1, 0, 1.0)


def test_what_was_carried_is_counted_apart_from_probes() -> None:
    ingress, exit_ = ends()
    sealed, back = ingress.seal(b"inner"), exit_.seal(b"and back")
    assert ingress.receive(back, 1.0) == b"and back"
    assert ingress.receive(back, 1.0) is None and ingress.receive(bytes(40), 1.0) is None
    probe, answer = ingress.probe(1.0, Heartbeat()), exit_.probe(1.0, Heartbeat(ANSWER))
    assert isinstance(ingress.receive(answer, 1.0), Heartbeat)
    carried = ingress.carried
    assert (carried.bytes_out, carried.datagrams_out) == (len(sealed), 1)
    assert (carried.bytes_in, carried.datagrams_in) == (len(back), 1)
    assert (carried.probes_out, carried.probes_in) == (len(probe), len(answer))


def test_directions_have_keys_of_their_own() -> None:
    ingress, exit_ = ends()
    there = ingress.seal(b"inner")
    assert ingress.receive(there, 0.0) is None
    assert exit_.receive(datagrams.turned(there[:8]) + there[8:], 0.0) == b"inner"  # its direction is for relays
    assert ingress.forged == 1


@given(data=st.binary(max_size=80))
def test_anything_else_is_forged(data: bytes) -> None:
    _, exit_ = ends()
    assert exit_.receive(LABEL + data, 0.0) is None
    assert exit_.heard_at == 0.0


@given(at=st.integers(8, 200), bit=st.integers(0, 7))
def test_one_bit_is_enough(at: int, bit: int) -> None:
    ingress, exit_ = ends()
    for whole in (ingress.seal(b"x" * 60), ingress.probe(1.0, Heartbeat())):
        index = 8 + at % (len(whole) - 8)
        changed = bytearray(whole)
        changed[index] ^= 1 << bit
        is_mac = whole[8] & 0x80 and 16 <= index < 32
        assert (exit_.receive(bytes(changed), 2.0) is None) is not bool(is_mac)


def test_a_heartbeat_says_what_is_heard() -> None:
    ingress, exit_ = ends()
    lost = [ingress.seal(b"x") for _ in range(5)]
    assert exit_.receive(lost[4], 1.0) == b"x"
    asked = ingress.probe(10.0, Heartbeat(interval=0.025, deaf=(LABEL,)), padding=1000)
    assert len(asked) > 1000
    beat = exit_.receive(asked, 10.1)
    assert isinstance(beat, Heartbeat)
    assert beat == Heartbeat(0, 0.025, datagrams.micros(10.0), 0, 0, 0, 0, 0, (LABEL,))
    answer = ingress.receive(exit_.probe(10.3, Heartbeat(ANSWER, size=len(asked))), 10.5)
    assert isinstance(answer, Heartbeat)
    assert (answer.received, answer.expected, answer.size) == (2, 6, len(asked))
    assert datagrams.elapsed(answer.echo, datagrams.micros(10.5)) - answer.held / 1e6 == pytest.approx(0.3, abs=1e-5)


def test_a_late_heartbeat_is_no_news_of_time() -> None:
    ingress, exit_ = ends()
    early, late = ingress.probe(1.0, Heartbeat()), ingress.probe(2.0, Heartbeat())
    assert exit_.receive(late, 3.0) is not None
    assert exit_.receive(early, 4.0) is not None
    assert (exit_.echo, exit_.echo_at) == (datagrams.micros(2.0), 3.0)
    assert exit_.receive(early, 4.0) is None


def test_each_relay_finds_its_mac() -> None:
    ingress, _ = ends()
    whole = ingress.probe(1.0, Heartbeat())
    assert [whole[16:24], whole[24:32]] == [datagrams.mac(key, whole[:16]) for key in KEYS]


def test_a_new_epoch_loses_nothing() -> None:
    ingress, exit_ = ends()
    on_the_way = ingress.seal(b"old")
    ingress.open_epoch(2, Cipher.CHACHA20_POLY1305, bytes(32))
    exit_.open_epoch(2, Cipher.CHACHA20_POLY1305, bytes(32))
    exit_.seal_with(2)
    assert ingress.receive(exit_.seal(b"new"), 0.0) == b"new"
    assert exit_.receive(ingress.seal(b"not yet told"), 0.0) == b"not yet told"
    ingress.seal_with(2)
    assert exit_.receive(ingress.seal(b"x"), 0.0) == b"x"
    assert exit_.receive(on_the_way, 0.0) == b"old"
    assert exit_.knows(1) == SECRET and exit_.knows(3) is None
    assert exit_.expected == exit_.received == 3


def test_two_epochs_are_kept_and_the_one_that_seals_never_goes() -> None:
    ingress, exit_ = ends()
    for epoch in (2, 3):
        ingress.open_epoch(epoch, Cipher.AES_128_GCM, bytes([epoch]) * 32)
    assert [ingress.knows(epoch) is not None for epoch in (1, 2, 3)] == [True, False, True]
    assert exit_.receive(ingress.seal(b"x"), 0.0) == b"x"
    assert not ingress.wants_renewal


def test_without_a_key_nothing_is_sealed() -> None:
    end = DatagramEnd(LABEL, is_ingress=False)
    assert not end.can_seal
    for attempt in (lambda: end.seal(b""), lambda: end.probe(0.0, Heartbeat())):
        with pytest.raises(RuntimeError):
            attempt()


def test_the_state_of_an_end_is_shown() -> None:
    assert "epochs [1]" in repr(ends()[0])
    assert attrs.has(Heartbeat)


@given(count=st.integers(1, 20), lost=st.sets(st.integers(0, 19)), last=st.integers(1, 60))
def test_runs_are_sealed_and_opened_as_single_ones_are(count: int, lost: set[int], last: int) -> None:
    ingress, exit_ = ends()
    inners = [bytes([number]) * 60 for number in range(count - 1)] + [bytes([99]) * last]
    sealed = ingress.seal_all(inners)
    assert ingress.sent == count and len({whole[8:16] for whole in sealed}) == count
    size = len(sealed[0])
    kept = [whole for number, whole in enumerate(sealed) if number not in lost]
    changed = [bytes([whole[0]]) + whole[1:-1] + bytes([whole[-1] ^ 1]) for whole in kept[:1]]
    run = b"".join(kept)
    found = exit_.receive_run(run, size, 5.0)
    assert found == [inner for number, inner in enumerate(inners) if number not in lost]
    assert exit_.received == len(found) and (exit_.heard_at == 5.0) is bool(found)
    assert exit_.receive_run(run, size, 6.0) == []
    assert exit_.replayed == len(kept)
    assert exit_.receive_run(b"".join(changed), size, 6.0) == []
    assert exit_.forged == len(changed)


def test_a_run_of_an_epoch_that_nobody_opened_is_forged() -> None:
    ingress, exit_ = ends()
    ingress.open_epoch(2, Cipher.AES_128_GCM, bytes(32))
    ingress.seal_with(2)
    mixed = ingress.seal_all([b"x" * 20, b"y" * 20])
    assert exit_.receive_run(b"".join(mixed), len(mixed[0]), 1.0) == []
    assert exit_.forged == 2
    with pytest.raises(RuntimeError):
        DatagramEnd(LABEL, is_ingress=True).seal_all([b"x"])
