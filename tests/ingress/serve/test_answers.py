"""What an ingress without any node around it answers, and what nodes told is shown as."""

import datetime
import json
from collections.abc import Callable

import attrs
import pytest

from ingress.report.rows import to_json
from ingress.report.why_datagrams import NOWHERE
from ingress.serve.answers import asks, make_report, node_rows
from ingress.serve.running import Running
from relay.engine.kernel_memory import KernelMemory
from relay.errors import OperatorError
from relay.identity import EXPIRY_WARNING
from relay.wire.setup import Welcome
from tests.world import INGRESS, TWO_PATHS, World

Make = Callable[..., tuple[World, Running]]
YEAR = 365 * 86_400.0


def welcome(running: Running, node: str, *, days: float = 300.0, digest: bytes | None = None, serial: int = 0) -> None:
    """*node* has let a carrier in, and said so."""
    network = running.fleet.network
    now = datetime.datetime.now(datetime.UTC).timestamp()
    same = network.digest_for(node)
    told = Welcome(digest or same, serial, "9.9.9", draining=False, not_after=now + days * 86_400)
    running.fleet.peers[node].welcomed(told)


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[KernelMemory]:
    """What the kernel tells, as long as it tells anything: nothing here hangs on how this machine is."""
    told: list[KernelMemory] = []
    monkeypatch.setattr("ingress.serve.answers.kernel_memory", lambda: told[0] if told else None)
    return told


async def test_before_any_node_has_answered(make_running: Make) -> None:
    _, running = make_running(TWO_PATHS)
    told = make_report(running)
    assert (told.ingress, {row.path: row.state for row in told.paths}) == (
        INGRESS,
        {"direct": "down", "ix/pacific": "down"},
    )
    assert [(row.node, row.is_exit, row.state, row.version, row.draining) for row in told.nodes] == [
        ("us", True, "down", None, False),
        ("jp", False, "down", None, False),
    ]
    assert told.warnings == []
    assert told.counters["accept_pauses"] == 0
    assert datetime.datetime.fromisoformat(told.time).tzinfo is not None
    json.dumps(to_json(told))


async def test_what_a_node_told_is_in_its_row(make_running: Make) -> None:
    _, running = make_running(TWO_PATHS)
    welcome(running, "us", days=300)
    rows = {row.node: row for row in node_rows(running)}
    assert (rows["us"].version, rows["us"].stale_config, rows["us"].config) == ("9.9.9", False, None)
    assert rows["us"].certificate_ends is not None and rows["us"].certificate_ends.endswith("+00:00")
    assert rows["jp"].certificate_ends is None


async def test_a_node_with_another_file_is_shown_with_who_is_behind(make_running: Make) -> None:
    _, running = make_running()
    welcome(running, "us", digest=bytes(32))
    (row,) = node_rows(running)
    assert row.stale_config
    assert row.config is not None and "us" in row.config


async def test_a_node_that_drains_without_a_carrier_is_only_gone(make_running: Make) -> None:
    _, running = make_running()
    running.fleet.peers["us"].draining_since = running.loop.now
    (row,) = node_rows(running)
    assert not row.draining


async def test_certificates_that_end_soon_are_told_our_own_as_well(make_running: Make) -> None:
    _, running = make_running(TWO_PATHS)
    welcome(running, "us", days=EXPIRY_WARNING / 86_400 - 1)
    welcome(running, "jp", days=EXPIRY_WARNING / 86_400 + 1)
    running.identity = attrs.evolve(running.identity, expires=datetime.datetime.now(datetime.UTC).timestamp() + 1)
    warnings = make_report(running).warnings
    assert [text.partition(" ends on")[0] for text in warnings] == [
        "the certificate of us",
        f"the certificate of {INGRESS}",
    ]
    assert warnings[0].endswith("run `ingress keys --renew us`")


async def test_the_files_own_warnings_come_first(make_running: Make) -> None:
    _, running = make_running()
    running.config = attrs.evolve(running.config, warnings=("probably not meant",))
    running.identity = attrs.evolve(running.identity, expires=0.0)
    warnings = make_report(running).warnings
    assert warnings[0] == "probably not meant" and len(warnings) == 2


async def test_a_list_that_cannot_be_read_any_more_is_told(make_running: Make) -> None:
    _, running = make_running()
    running.list_watch.refused = "cn.txt: is empty; fill it"
    (warning,) = make_report(running).warnings
    assert warning == "what was read of it last is in force: cn.txt: is empty; fill it"


async def test_that_the_kernel_is_short_of_memory_is_told_while_it_is_so(
    make_running: Make, kernel: list[KernelMemory]
) -> None:
    _, running = make_running()
    kernel[:] = [KernelMemory(used=149 << 20, short_at=150 << 20, limit=200 << 20)]
    assert make_report(running).warnings == []
    kernel[:] = [KernelMemory(used=150 << 20, short_at=150 << 20, limit=200 << 20)]
    (warning,) = make_report(running).warnings
    assert warning.startswith("the kernel holds 150 of 200 MiB")


async def test_the_questions_are_answered(make_running: Make) -> None:
    _, running = make_running()
    answers = asks(running)
    by_hand = {"use", "hold", "release", "quota", "page", "alert-test"}
    assert set(answers) == {"paths", "why", "reload", "usage", "history", "events"} | by_hand
    assert (await answers["paths"]({}))["ingress"] == INGRESS
    told = await answers["why"]({"target": "example.com:80"})
    assert (told["target"], told["paths"]) == ("example.com:80", [])
    assert await answers["reload"]({}) == {"version": 1, "done": "reloaded: 1 lines, 1 paths"}


async def test_sentences_are_told_in_the_language_that_is_asked_for(make_running: Make) -> None:
    _, running = make_running()
    answers = asks(running)
    told = await answers["why"]({"target": "example.com:80", "lang": "zh"})
    assert told["reason"] == "没有可用的路径；新连接会等待几秒"
    paths = await answers["paths"]({"lang": "zh"})
    assert paths["paths"][0]["reason"] == "尚未连接"
    assert paths["blame"][0].startswith("正在建立：")
    with pytest.raises(OperatorError, match="en or zh"):
        await answers["paths"]({"lang": "fr"})
    assert await answers["alert-test"]({}) == {"version": 1, "receivers": []}


@pytest.mark.parametrize("question", [{}, {"target": ""}, {"target": ":443"}, {"target": "a:0"}, {"target": 7}])
async def test_a_target_that_is_none_is_a_mistake(make_running: Make, question: dict[str, object]) -> None:
    _, running = make_running()
    if question.get("target") == 7:
        assert (await asks(running)["why"](question))["target"] == "0.0.0.7:443"
    else:
        with pytest.raises(OperatorError, match="no target to explain: "):
            await asks(running)["why"](question)


async def test_a_client_that_is_no_address_is_a_mistake(make_running: Make) -> None:
    _, running = make_running()
    for target in ("a.example", "a.example/udp"):
        with pytest.raises(OperatorError, match='client: "the laptop" is no address of a client; write one as 192'):
            await asks(running)["why"]({"target": target, "client": "the laptop"})


async def test_why_goes_by_what_the_exits_may_dial(make_running: Make) -> None:
    """The file allows the tests' targets on 127.0.0.0/8, and nothing else inside."""
    _, running = make_running()
    for target, exits in (("127.0.0.9:1", None), ("10.0.0.1:1", frozenset())):
        host, _, port = target.partition(":")
        assert running.opener.demand(host, int(port)).exits == exits
        assert (await asks(running)["why"]({"target": target}))["paths"] == []


async def test_why_goes_by_the_rules_and_by_who_asks(make_running: Make) -> None:
    world, running = make_running()
    port = world.ports[INGRESS]
    rules = (
        '[[rule]]\nname = "ads"\nhost = "ads.example"\ndeny = true\n'
        '[[rule]]\nname = "near"\nuser = "alice"\ndirect = true\n'
        f'[[rule]]\nname = "landing"\nlisten = {port}\nexit = "us"\n'
    )
    world.write(world.text() + rules)
    await running.reloads.reload()
    why = asks(running)["why"]
    told = await why({"target": "x.ads.example"})
    assert told["reason"] == "denied by rule: rule ads"
    assert (told["rule"]["title"], told["rule"]["because"]) == ("rule ads", "host ads.example")
    told = await why({"target": "a.example", "user": "alice", "client": "10.0.0.1"})
    assert (told["exit"], told["reason"]) == ("direct", "dialled from this machine: no line carries it")
    told = await why({"target": "a.example", "listen": str(port)})
    assert told["reason"].startswith("no path that rule landing allows is up")
    assert (await why({"target": "a.example"}))["rule"] is None
    told = await why({"target": "x.ads.example:53/udp"})
    assert (told["exit"], told["reason"], told["paths"]) == (None, "denied by rule: rule ads", [])
    assert told["rule"]["title"] == "rule ads" and told["protocol"] == "udp"
    told = await why({"target": "a.example:53/udp", "user": "alice", "client": "10.0.0.1"})
    assert (told["exit"], told["reason"]) == ("direct", "sent from this machine: no line carries them")
    told = await why({"target": "a.example:53/udp", "listen": str(port)})
    assert told["reason"] == "no exit that rule landing allows takes datagrams now"
    told = await why({"target": "a.example:53/udp"})
    assert (told["target"], told["reason"], told["rule"]) == ("a.example:53/udp", NOWHERE, None)
    with pytest.raises(OperatorError, match="does not listen at 9: it does at"):
        await why({"target": "a.example", "listen": "9"})
