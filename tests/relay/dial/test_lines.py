import socket
from pathlib import Path

import pytest
import trio

from relay.dial.lines import LineDial, keep_dialling
from relay.model.network import Address, Line, Proxy, Secret
from relay.model.walk import Hop
from tests.world import until


def hop(name: str, address: Address, proxy: Proxy | None = None) -> Hop:
    return Hop(Line(name, "jp", "us", address, proxy=proxy), "jp", "us", address)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[list[LineDial]]:
    monkeypatch.setattr("relay.dial.lines.EVERY", 0.02)
    return []


async def test_each_line_is_dialled_and_reported(
    listener: socket.socket, nobody: Address, told: list[list[LineDial]], nursery: trio.Nursery
) -> None:
    secret = Proxy("socks5", nobody, "u", Secret(env="NO_SUCH_VARIABLE"))
    hops = [
        hop("good", Address(*listener.getsockname())),
        hop("refused", nobody),
        hop("secret", nobody, secret),
    ]
    nursery.start_soon(keep_dialling, lambda: hops, Path(), told.append)
    await until(lambda: told)
    assert all(0 <= trio.current_time() - report.at < 5 for report in told[0])
    reports = {report.line: report for report in told[0]}
    assert reports["good"].error is None
    assert 0 <= (reports["good"].took or 0.0) < 1
    assert reports["refused"].took is None
    assert "refused" in str(reports["refused"].error).lower()
    assert "NO_SUCH_VARIABLE" in str(reports["secret"].error)
    nursery.cancel_scope.cancel()


async def test_lines_are_asked_for_anew_each_time(
    listener: socket.socket, told: list[list[LineDial]], nursery: trio.Nursery
) -> None:
    hops = [hop("first", Address(*listener.getsockname()))]
    nursery.start_soon(keep_dialling, lambda: hops, Path(), told.append)
    await until(lambda: told)
    hops[0] = hop("second", Address(*listener.getsockname()))
    await until(lambda: [report.line for report in told[-1]] == ["second"])
    nursery.cancel_scope.cancel()


async def test_a_silent_line_is_given_up(
    black_hole: Address, told: list[list[LineDial]], nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.dial.lines.TIMEOUT", 0.1)
    nursery.start_soon(keep_dialling, lambda: [hop("dark", black_hole)], Path(), told.append)
    await until(lambda: told)
    assert "no answer within 0.1 s" in str(told[0][0].error)
    nursery.cancel_scope.cancel()
