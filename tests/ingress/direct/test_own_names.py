"""Names that rules ask for, looked up by real servers on this machine that answer, lie, fail or say nothing."""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import dns.message
import pytest
import trio

from ingress.direct import own_names as module
from ingress.direct.own_names import OwnNames
from relay.engine import Loop
from relay.errors import OperatorError
from relay.model.network import Address, Node
from tests.relay.exit.dns_servers import BOTH, DnsServer, fails, is_silent, knows, start

MACHINE = Node("sh", Address("127.0.0.1", 1080), (), exit=True)
NAME = "a.example"


class Bed:
    """One machine's names, that are asked for at *server*; `told` has the names in the order of their answers."""

    def __init__(self, nursery: trio.Nursery, folder: Path) -> None:
        self.loop = Loop()
        self.names = OwnNames(self.loop, nursery, folder)
        self.names.use(MACHINE)
        self.told: list[str] = []
        self._heard = trio.Event()
        nursery.start_soon(self.loop.run)

    def ask(self, *hosts: str) -> None:
        for host in hosts:
            self.names.ask(host, lambda host=host: self._tell(host))  # type: ignore[misc]

    def _tell(self, host: str) -> None:
        self.told.append(host)
        self._heard.set()

    async def until(self, count: int) -> list[str]:
        with trio.fail_after(20):
            while len(self.told) < count:
                self._heard = trio.Event()
                await self._heard.wait()
        return self.told


@pytest.fixture
async def bed(nursery: trio.Nursery, tmp_path: Path) -> Bed:
    return Bed(nursery, tmp_path)


async def serve(bed: Bed, nursery: trio.Nursery, answer: Callable[[dns.message.Message], object]) -> DnsServer:
    server = DnsServer(answer)  # type: ignore[arg-type]
    bed.names._resolver = await start(nursery, server)
    return server


async def test_all_who_ask_hear_of_one_answer_and_then_it_is_known(bed: Bed, nursery: trio.Nursery) -> None:
    server = await serve(bed, nursery, knows)
    assert bed.names.known(NAME) is None
    bed.ask(NAME, NAME, NAME)
    assert bed.names.known(NAME) is None
    assert await bed.until(3) == [NAME] * 3
    assert set(bed.names.known(NAME) or ()) == {ip_address(one) for one in BOTH}
    assert server.asked[NAME] == 2  # IPv4 and IPv6
    assert bed.names.known("known.example") == (ip_address("192.0.2.1"),)
    nursery.cancel_scope.cancel()


async def test_what_fails_means_nothing(bed: Bed, nursery: trio.Nursery) -> None:
    await serve(bed, nursery, fails)
    bed.ask(NAME)
    await bed.until(1)
    assert bed.names.known(NAME) == ()
    assert bed.names.known("..") == ()
    nursery.cancel_scope.cancel()


async def test_a_server_that_is_silent_is_waited_for_once(
    bed: Bed, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    server = await serve(bed, nursery, is_silent)
    bed.ask(NAME)
    await bed.until(1)
    assert bed.names.known(NAME) == ()  # and whoever comes now does not wait
    bed.ask(NAME)
    assert await bed.until(2) == [NAME] * 2
    await bed.names.learn(NAME)  # no longer than PATIENCE
    server.answer = knows
    bed.ask("b.example")
    await bed.until(3)
    assert bed.names.known("b.example")
    nursery.cancel_scope.cancel()


async def test_an_answer_that_comes_late_is_for_the_next(
    bed: Bed, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    await serve(bed, nursery, knows)
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    bed.ask(NAME)
    await bed.until(1)
    with trio.fail_after(20):
        while not bed.names.known(NAME):
            await trio.lowlevel.checkpoint()
    assert len(bed.told) == 1
    nursery.cancel_scope.cancel()


async def test_too_many_at_once_mean_nothing_and_are_counted(
    bed: Bed, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    await serve(bed, nursery, is_silent)
    bed.ask(NAME)
    assert (bed.names.known(NAME), bed.names.known("b.example"), bed.names.unasked) == (None, (), 1)
    assert bed.names.known("known.example") == (ip_address("192.0.2.1"),)
    nursery.cancel_scope.cancel()


async def test_another_file_of_names_is_gone_by(nursery: trio.Nursery, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("192.0.2.7 a.example\n")
    names = OwnNames(Loop(), nursery, tmp_path)
    machine = Node("sh", Address("127.0.0.1", 1080), (), exit=True, hosts="hosts")
    names.use(machine)
    assert names.known(NAME) == (ip_address("192.0.2.7"),)
    (tmp_path / "hosts").write_text("192.0.2.8 a.example\n")
    names.use(machine)
    assert names.known(NAME) == (ip_address("192.0.2.8"),)
    with pytest.raises(OperatorError):
        names.use(Node("sh", Address("127.0.0.1", 1080), (), exit=True, hosts="gone"))
    assert names.known(NAME) == (ip_address("192.0.2.8"),)
