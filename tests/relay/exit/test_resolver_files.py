"""Which servers are asked, and which names are known without one: the files are read again when they change."""

import os
import threading
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.errors import OperatorError
from relay.exit.namefiles import SMALL, NameFiles, Names
from relay.exit.resolver import LOOK, Resolver
from relay.model.cause import Cause
from relay.model.network import Address, Node
from tests.relay.exit.dns_servers import BOTH, DnsServer, cause_of, is_silent, knows
from tests.world import Journal


@pytest.fixture
def clock() -> MockClock:
    """Jumps over waits once nothing has happened for a moment of real time, so that datagrams can still arrive."""
    return MockClock(autojump_threshold=0.02)


def written(at: Path, text: str) -> None:
    """As an editor does: another file takes the place of the old one."""
    (at.parent / "new").write_text(text)
    os.replace(at.parent / "new", at)


async def test_f6_other_servers_and_names_are_gone_by_without_a_restart(
    nursery: trio.Nursery, clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = DnsServer(is_silent), DnsServer(knows)
    at = await nursery.start(old.serve)
    await nursery.start(new.serve, Address("127.0.0.2", at.port))
    monkeypatch.setattr("relay.exit.hostsfile.DNS_PORT", at.port)
    conf, hosts = tmp_path / "resolv.conf", tmp_path / "system"
    written(conf, "nameserver 127.0.0.1\n")
    node = Node("us", Address("203.0.113.1", 48350), (), exit=True)
    resolver = Resolver.of_files(nursery, NameFiles(node, tmp_path, hosts, conf))
    assert await cause_of(resolver, "a.example") is Cause.DNS_TIMEOUT

    async def wait() -> None:
        assert await cause_of(resolver, "b.example") is Cause.DNS_TIMEOUT

    async with trio.open_nursery() as waiting:
        waiting.start_soon(wait)  # goes on with the old server, and holds up nobody
        await wait_all_tasks_blocked()
        written(conf, "nameserver 127.0.0.2\n")
        written(hosts, "192.0.2.7 c.example\n")
        await trio.sleep(LOOK)
        started = trio.current_time()
        assert await resolver.resolve("b.example") == BOTH
        assert await resolver.resolve("c.example") == ("192.0.2.7",)
        assert trio.current_time() - started < 1.0
    assert resolver.cached("b.example", trio.current_time()) == BOTH  # what the old one did not know is no news


async def test_f6_a_reload_reads_the_files_and_forgets(nursery: trio.Nursery, clock: MockClock, tmp_path: Path) -> None:
    written(tmp_path / "hosts", "192.0.2.7 c.example\n")
    node = Node("us", Address("203.0.113.1", 48350), (), exit=True, dns=("127.0.0.1",), hosts="hosts")
    resolver = Resolver.of_node(nursery, node, tmp_path)
    written(tmp_path / "hosts", "192.0.2.8 c.example\n")
    assert resolver.cached("c.example", trio.current_time()) == ("192.0.2.8",)
    written(tmp_path / "hosts", "192.0.2.9 c.example\n")
    resolver.read_again()
    assert resolver.cached("c.example", trio.current_time()) == ("192.0.2.9",)
    (tmp_path / "hosts").unlink()
    with pytest.raises(OperatorError, match="hosts: No such file"):
        resolver.read_again()
    assert resolver.cached("c.example", trio.current_time()) == ("192.0.2.9",)
    Resolver(nursery, ()).read_again()  # one without files has none to read


async def test_a_large_file_is_read_aside_and_the_old_names_hold_until_then(
    nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    def large(address: str) -> str:
        return f"{address} c.example\n" + "#" * SMALL

    def known() -> object:
        return resolver.cached("c.example", trio.current_time())

    written(tmp_path / "hosts", "192.0.2.7 c.example\n")
    node = Node("us", Address("203.0.113.1", 48350), (), exit=True, dns=("127.0.0.1",), hosts="hosts")
    files = NameFiles(node, tmp_path, tmp_path / "system")
    resolver = Resolver.of_files(nursery, files)
    threads: list[bool] = []
    read = files.read

    def noting() -> Names:
        threads.append(threading.current_thread() is not threading.main_thread())
        if len(threads) == 1:
            written(tmp_path / "hosts", large("192.0.2.9"))
            trio.from_thread.run_sync(resolver.read_again)  # it has changed once more meanwhile
            return Names({"c.example": ("192.0.2.8",)}, files.names.conf)
        return read()

    monkeypatch.setattr(files, "read", noting)
    written(tmp_path / "hosts", large("192.0.2.8"))
    resolver.read_again()
    assert known() == ("192.0.2.7",)
    await until_read(resolver)
    assert known() == ("192.0.2.9",) and threads == [True, True]
    monkeypatch.setattr(files, "read", read)
    written(tmp_path / "system", "#" * SMALL)
    (tmp_path / "hosts").unlink()
    resolver._look(files, trio.current_time())
    await until_read(resolver)
    assert known() == ("192.0.2.9",) and len(journal.of("names-unreadable")) == 1


async def until_read(resolver: Resolver) -> None:
    """Until no thread reads for *resolver*."""
    while resolver._is_reading:
        await trio.lowlevel.checkpoint()
