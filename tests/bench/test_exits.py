"""bench exits: its command line, its names, and what a load asks for."""

import dns.message
import dns.rcode
import pytest

from bench.__main__ import APART, run_apart
from bench.exits.__main__ import main, row
from bench.exits.bed import FAULTS
from bench.exits.load import host_of
from bench.exits.names import NETWORK, answer
from bench.exits.watch import Seen


def test_it_is_one_of_the_measures_with_a_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "exits" in APART
    with pytest.raises(SystemExit) as ended:
        run_apart("exits", ["--help"])
    assert ended.value.code == 0
    assert all(name in capsys.readouterr().out for name in ("--rounds",))
    with pytest.raises(SystemExit):
        main(["earthquake"])
    assert "there are " + ", ".join(FAULTS) in capsys.readouterr().err


def test_every_site_is_asked_for_by_known_and_by_new_names() -> None:
    hosts = [host_of(number, 4) for number in range(1, 41)]
    sites = {host.partition(".")[2] for host in hosts}
    assert len(sites) == 4
    for site in sites:
        first = [host.partition(".")[0] for host in hosts if host.endswith(site)]
        assert first.count("www") == len(first) // 2 and len(set(first)) == len(first) // 2 + 1


@pytest.mark.parametrize(("name", "found"), [("w12.site3.test", [NETWORK + "3"]), ("www.other.test", [])])
def test_the_name_server_knows_the_sites(name: str, found: list[str]) -> None:
    reply = dns.message.from_wire(answer(dns.message.make_query(name, "A").to_wire()))
    assert reply.rcode() == dns.rcode.NOERROR
    assert [item.address for rrset in reply.answer for item in rrset] == found


def test_a_row_tells_what_was_seen() -> None:
    told = row(Seen("uplink", 8, 120, 0.91, 1.02, ["SOCKS 03"], 0.88, "exit one …", 2.1))
    assert told.split()[:7] == ["uplink", "8", "120", "1", "0.91", "1.02", "0.88"] and told.endswith("exit one …")
