"""What is wrong with an ingress, as alerts are told; and the port that a message goes by."""

import base64
from collections.abc import Callable

import attrs
import pytest
import trio

from ingress.alerts.notice import Effect, Fact
from ingress.choice.exit_health import Sickness, Trouble
from ingress.history.outages import Outage
from ingress.history.record import Series
from ingress.quota.tally import Tally
from ingress.serve.alert_door import USER
from ingress.serve.alert_facts import effect
from ingress.serve.running import Running
from relay.errors import OperatorError
from relay.model.quota import Quota
from tests.world import INGRESS, World

Make = Callable[..., tuple[World, Running]]


def facts(running: Running) -> set[tuple[str, str, str]]:
    return {(fact.kind, fact.name, fact.why) for fact in running._facts()}


@pytest.fixture
async def running(make_running: Make) -> Running:
    return make_running()[1]


async def test_what_is_out_is_told_by_its_kind(running: Running) -> None:
    outages = running.history.watch.outages
    node = next(iter(running.fleet.network.nodes))
    for kind, name in (("line", "ix"), ("path", "ix"), ("ingress", INGRESS), ("node", node), ("node", "removed")):
        outages.begin(Series(kind, name), "down", f"{kind} {name}", 0.0)
    assert isinstance(outages.open[Series("line", "ix")], Outage)
    assert facts(running) == {
        ("line", "ix", "line ix"),
        ("path", "ix", "path ix"),
        ("down", INGRESS, f"ingress {INGRESS}"),
        ("exit" if running.fleet.network.nodes[node].exit else "node", node, f"node {node}"),
    }


async def test_what_is_not_out_and_wrong_all_the_same(running: Running) -> None:
    assert facts(running) == set()
    running.fleet.chooser.health.sick = {"us": Sickness("us", Trouble.DNS, 0.0)}
    running.keeper.trouble = "the disk is full"
    running.reloads.refused = "line 3: no such node"
    running.identity = attrs.evolve(running.identity, expires=0.0)
    found = {fact.key: fact.why for fact in running._facts()}
    assert found.keys() == {("sick", "us"), ("disk", ""), ("config", ""), ("certificate", INGRESS)}
    assert found["sick", "us"] == "exit us answers, and finds no names: its DNS does not answer"
    assert found["config", ""] == "line 3: no such node"


async def test_a_quota_is_told_at_four_fifths_and_when_it_is_used(running: Running) -> None:
    tally = running.quotas.lines.tallies["ix"] = Tally(Quota(amount=1000.0), 0.0)
    kinds = []
    for used in (799, 1, 200):
        tally.add(used, 0, 0.0)
        kinds.append(sorted(fact.kind for fact in running._facts()))
    assert kinds == [[], ["quota"], ["quota", "spent"]]


async def test_the_quota_of_an_allowance_is_told_with_whose_it_is(make_running: Make) -> None:
    quota = 'quota = { amount = "1kB", each = "day", zone = "UTC" }'
    running = make_running(extra=f'\n[[allowance]]\nclient = "10.0.0.0/8"\n{quota}\n')[1]
    found = []
    for used in (799, 1, 200):
        running.quotas.tallies.wall = lambda: 1.8e9
        running.accounts.on_moved("", "10.0.0.1", used, 0)
        running.quotas.look()
        found.append([(fact.kind, fact.name) for fact in running._facts()])
    whose = ("user-quota", "10.0.0.1"), ("user-spent", "10.0.0.1")
    assert found == [[], [whose[0]], [*whose]]
    assert {fact.why.partition(", until ")[0][:11] for fact in running._facts()} == {"allowance 1"}


async def test_a_reload_that_is_refused_is_wrong_until_one_is_not(make_running: Make) -> None:
    _, running = make_running()

    async def refuse() -> str:
        raise OperatorError("no such node")

    async def take() -> str:
        return "reloaded"

    running.reloads._reload = refuse
    with pytest.raises(OperatorError):
        await running.reloads.reload()
    assert Fact("config", "", "no such node") in set(running._facts())
    running.reloads._reload = take
    assert await running.reloads.reload() == "reloaded"
    assert facts(running) == set()


async def test_what_became_of_streams_is_counted(running: Running) -> None:
    assert effect(running.fleet) == Effect()
    running.fleet.past.moves = 3
    assert effect(running.fleet) == Effect(moved=3)


async def say(url: str, password: str) -> bytes:
    """What the proxy at *url* answers to a CONNECT with this password."""
    port = int(url.rpartition(":")[2])
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    right = base64.b64encode(f"{USER}:{password}".encode()).decode()
    head = f"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nProxy-Authorization: Basic {right}\r\n\r\n"
    async with stream:
        await stream.send_all(head.encode())
        return bytes(await stream.receive_some())


async def test_the_door_is_for_one_message_and_who_knows_its_password(running: Running) -> None:
    with running.alerting._door() as url:
        assert (await say(url, "wrong")).startswith(b"HTTP/1.1 407")
        password = url.partition(f"{USER}:")[2].partition("@")[0]
        assert (await say(url, password)).startswith(b"HTTP/1.1 503")  # let in; no path is up here
        assert len(password) == 32
    assert not running.entrance.guests
    with pytest.raises(OSError, match=r"connect"):
        await say(url, password)
