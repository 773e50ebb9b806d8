"""systemd is told what happens, over the datagram socket that it names (sd_notify(3)); a real one here."""

import socket
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relay.cli.common import run
from relay.errors import OperatorError
from relay.serve.notify import notify
from tests.world import INGRESS, Journal, World, until


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where a service manager would listen."""
    place = f"\0{tmp_path}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(place)
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", place.replace("\0", "@"))
        yield sock


def heard(systemd: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return found


def test_what_is_said_arrives_in_lines(systemd: socket.socket) -> None:
    notify(READY=1, STATUS="one\ntwo\n")
    assert heard(systemd) == ["READY=1\nSTATUS=one; two"]


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify(READY=1)
    assert journal.entries == []


def test_a_socket_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify(READY=1)
    assert journal.of("notify-failed")[0]["why"] == "No such file or directory"


async def test_g6_a_service_is_ready_when_it_listens_and_not_before(
    make_world: Callable[..., World], systemd: socket.socket
) -> None:
    world = await make_world().start("us")
    (ready,) = heard(systemd)
    assert ready == f"READY=1\nSTATUS=an exit, listening at 127.0.0.1:{world.ports['us']}"
    await world.start(INGRESS)
    (ready,) = heard(systemd)
    assert ready == f"READY=1\nSTATUS=listening at 127.0.0.1:{world.ports[INGRESS]}"
    for name in (INGRESS, "us"):
        world.signal(name, 15)
        said: list[str] = []
        await until(lambda said=said: said.extend(heard(systemd)) or said)
        assert said == ["STOPPING=1\nSTATUS=draining: 0 streams may still finish"]
        await world.ended(name)


def test_g6_systemctl_status_shows_why_a_service_could_not_begin(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(options: object) -> int:
        raise ExceptionGroup("", [OperatorError("one\ntwo"), FileNotFoundError(2, "No such file", "x")])

    monkeypatch.setattr("relay.cli.check.run", fail)
    options = Namespace(command_name="check", log_format=None, log_level="info")
    assert run("relay", options, {"check": "relay.cli.check:run"}) == 1
    assert heard(systemd) == ["STATUS=one; two; x: No such file; check the path"]
