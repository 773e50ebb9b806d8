"""Each action of a rule through each door, TCP and UDP, in one network of real processes."""

import contextlib
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.network.clients import open_socks5, receive
from tests.network.network import until
from tests.network.rules_place import TCP_DOORS, UDP_DOORS, RulesPlace, whose

pytestmark = pytest.mark.network


@pytest.fixture
def place(ruled: RulesPlace) -> RulesPlace:
    """The network that all of these share."""
    return ruled


def rule(*lines: str) -> str:
    return "\n".join(["[[rule]]", 'name = "tested"', 'host = "target.test"', *lines])


CHAIN = '[[chain]]\nname = "by-jp"\nvia = ["ix", "pacific"]'
CARRIED = {
    "exit": ('exit = "eu"', "eu", ""),
    "via": ('via = ["jp", "eu"]', "eu", "ix/atlantic"),
    "chain": ('chain = "by-jp"', "us", "ix/pacific"),
    "avoid": ('avoid = ["direct", "eu"]', "us", "ix/pacific"),
    "direct": ("direct = true", "shanghai", ""),
    "redundant": ("redundant = true\nexit = 'us'", "us", "direct + ix/pacific"),
    "answer": ('answer = "true"\nexit = "eu"', "eu", ""),
    "else": ('exit = "gone"\nelse = "any"', "us or eu", ""),
}
"""By action: the rule, whose process comes to the target, over which paths."""


@pytest.mark.parametrize("action", CARRIED)
def test_it_is_carried_as_the_rule_says(place: RulesPlace, action: str) -> None:
    text, who, paths = CARRIED[action]
    place.reload(CHAIN, rule(text))
    for door in TCP_DOORS:
        assert place.come(door) in who.split(" or "), (action, door)
    for door in UDP_DOORS:
        with contextlib.closing(place.udp(door)) as sender:
            assert sender.ask(f"{action} by {door}".encode())[0] in who.split(" or "), (action, door)
    stream, datagrams = place.why(), place.why(udp=True)
    if paths:
        assert " + ".join(sorted(stream["paths"])) == paths and datagrams["paths"][0] in paths.split(" + ")
    for told in (stream, datagrams):
        assert (told["rule"]["title"], told["rule"]["because"]) == ("rule tested", "host target.test")


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("deny = true", {"socks5": "2", "socks4": "91", "connect": "403", "plain": "403"}),
        ('deny = "drop"', {}),
    ],
)
def test_it_is_denied_as_the_rule_says(place: RulesPlace, action: str, told: dict[str, str]) -> None:
    place.reload(rule(action))
    for door in TCP_DOORS:
        assert place.come(door) == told.get(door, "silence"), door
    before = place.counter("datagrams_refused")
    for at, door in enumerate(UDP_DOORS, 1):
        with contextlib.closing(place.udp(door)) as sender:
            sender.send(b"nobody hears this")
            until(lambda at=at: place.counter("datagrams_refused") == before + at)  # type: ignore[misc]
    assert b"nobody hears this" not in [data for _, data in place.echo.came]
    assert "by rule: rule tested" in place.why()["reason"]


def test_what_nothing_may_carry_is_refused_with_the_rules_name_and_no_datagram_goes_another_way(
    place: RulesPlace,
) -> None:
    place.reload(rule('exit = "gone"'))
    found = {}
    threads = [threading.Thread(target=lambda door=door: found.update({door: place.come(door)})) for door in TCP_DOORS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"socks5": "3", "socks4": "91", "connect": "503", "plain": "503", "forward": "silence"}
    with contextlib.closing(place.udp("associate")) as sender:
        before = place.counter("datagrams_unrouted")
        sender.send(b"nowhere")
        until(lambda: place.counter("datagrams_unrouted") > before)
    assert b"nowhere" not in [data for _, data in place.echo.came]


def test_one_port_has_one_landing(place: RulesPlace) -> None:
    place.reload('[[rule]]\nlisten = "second"\nexit = "eu"', '[[rule]]\nexit = "us"')
    assert [place.come("socks5", place.ports[name]) for name in ("second", "shanghai")] == ["eu", "us"]


def ridden(place: RulesPlace) -> dict[str, int]:
    """How many streams ride on each path that has any."""
    return {path["path"]: path["streams"] for path in place.paths()["paths"] if path["streams"]}


def test_a_reload_under_load_takes_the_path_away_and_loses_nothing(place: RulesPlace) -> None:
    place.reload(rule('exit = "us"', 'avoid = ["ix"]'))
    got, sent, stop = bytearray(), bytearray(), threading.Event()
    with place.dial() as sock, contextlib.closing(place.udp("associate")) as sender:

        def load() -> None:
            while not stop.is_set():
                block = len(sent).to_bytes(8, "big") * 1000
                sock.sendall(block)
                sent.extend(block)
                got.extend(receive(sock, len(block)))

        sock.sendall(b"x")
        assert receive(sock, 4) == b"us\nx"
        before = sender.ask(b"before")
        thread = threading.Thread(target=load)
        thread.start()
        try:
            until(lambda: len(got) > 1_000_000)
            place.reload(rule('exit = "us"', 'avoid = ["direct"]'))
            rides = {"ix/pacific": 1}
            until(
                lambda: {p["path"]: p["streams"] for p in place.paths()["paths"] if p["streams"]} == rides, place.logs
            )
            more = len(got)
            until(lambda: len(got) > more + 1_000_000)
        finally:
            stop.set()
            thread.join()
        assert got == sent
        assert sender.ask(b"after") == before  # the same process, and the same port of it
        assert place.why(udp=True)["paths"][0] == "ix/pacific"
        place.reload(rule('exit = "eu"'))
        assert sender.ask(b"elsewhere")[0] == "eu"


def test_a_wish_moves_what_runs_and_is_taken_back(place: RulesPlace) -> None:
    place.reload()
    with contextlib.closing(place.udp("forward")) as sender, place.dial() as sock:
        sock.sendall(b"x")
        who = receive(sock, 2).decode()
        assert sender.ask(b"unasked")[0] in ("us", "eu")
        for exit_ in ("eu", "us"):
            assert "wishes" in place.ask("shanghai", "use", use=exit_)
            assert sender.ask(f"at {exit_}".encode())[0] == exit_
            assert place.come("socks5") == exit_
        assert "wishes" in place.ask("shanghai", "use", use="ix")
        rides = {"us": "ix/pacific", "eu": "ix/atlantic"}[who]
        until(lambda: [path["path"] for path in place.paths()["paths"] if path["streams"]] == [rides])
        assert "wishes" in place.ask("shanghai", "use", use="auto")


def test_a_list_is_fetched_over_the_networks_own_paths(place: RulesPlace) -> None:
    came: list[str] = []

    class Lists(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(whose(place.pids, self.client_address[1], "tcp", server.server_port))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"target.test\n")

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Lists) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"http://lists.test:{server.server_port}/names.txt"
        listed = f'[[rule]]\nname = "listed"\nhost = {{ url = "{url}", format = "plain" }}\ndeny = true'
        place.reload('[[rule]]\nhost = "lists.test"\nexit = "eu"', listed)
        until(lambda: place.come("socks5") == "2", lambda: place.paths()["warnings"])
        server.shutdown()
    assert came == ["eu"]
    told = subprocess.run(place.command("ingress", "rules"), capture_output=True, text=True, check=True).stdout
    assert f"{url} (plain): 1 names, fetched " in told


def test_a_rule_may_have_the_truth_waited_for(place: RulesPlace) -> None:
    with contextlib.ExitStack() as stack:
        for port in (8443, 8080):  # such a port is answered early
            closed = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                closed.bind(("127.0.0.1", port))
                break
        else:
            pytest.skip("others have both ports")
        place.reload(rule('answer = "true"'), ingress='answer = "auto"')
        with socket.create_connection(place.proxy) as sock, pytest.raises(ConnectionError) as refused:
            open_socks5(sock, "target.test", port)
        assert refused.value.args == (5,)
        place.reload(ingress='answer = "auto"')


def test_a_name_is_looked_up_where_a_rule_says_so(place: RulesPlace) -> None:
    home = '[[rule]]\nname = "home"\ncidr = "{}"\nresolve = true\nexit = "eu"'
    place.reload(home.format("127.0.0.0/8"), '[[rule]]\nexit = "us"')  # it stands in the ingress's own file of names
    assert [place.come(door) for door in TCP_DOORS] == ["eu"] * len(TCP_DOORS)
    for door in UDP_DOORS:
        with contextlib.closing(place.udp(door)) as sender:
            assert sender.ask(f"looked up for {door}".encode())[0] == "eu"
    assert place.why()["rule"]["because"] == "cidr, by its address 127.0.0.1"
    place.reload(home.format("192.0.2.0/24"), '[[rule]]\nexit = "us"')
    assert [place.come(door) for door in TCP_DOORS] == ["us"] * len(TCP_DOORS)
