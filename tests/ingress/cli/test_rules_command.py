"""`ingress rules`, and what `ingress check` says of rules and their lists."""

import os
from pathlib import Path

import pytest

from ingress.cli import main
from ingress.cli.rules import OLD, list_warnings
from ingress.lists.load import load_lists
from ingress.lists.source import ListSource
from tests.ingress.lists.test_countries import database

Output = pytest.CaptureFixture[str]
NETWORK = """\
version = 1
[ingress.sh]
listen = ["127.0.0.1:1080", { address = "127.0.0.1:1081", name = "landing" }]
countries = "country.mmdb"
[node.us]
address = "203.0.113.20:1"
exit = true
[line.direct]
from = "sh"
to = "us"
"""
RULES = """\
[[rule]]
name = "domestic"
host = { file = "cn.txt" }
country = "CN"
direct = true
[[rule]]
listen = "landing"
exit = "us"
else = "any"
answer = "true"
redundant = false
[[rule]]
user = "kid"
client = "192.168.1.0/24"
port = ["6000-6100", 22]
protocol = "udp"
deny = "drop"
[[rule]]
deny = true
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("INGRESS_CONFIG", "INGRESS_KEYS", "INGRESS_ADMIN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "paths.toml").write_text(NETWORK + RULES)
    (tmp_path / "cn.txt").write_text("DOMAIN-SUFFIX,cn\nPROCESS-NAME,curl\n")
    database(tmp_path)
    return tmp_path


def said(capsys: Output, *words: str) -> str:
    assert main(["rules", *words]) == 0
    return capsys.readouterr().out


def test_the_rule_of_a_target_and_by_what(capsys: Output) -> None:
    assert (
        said(capsys, "www.site.cn")
        == "rule domestic (rule 1 (line 11)): direct, from this machine\n  by cn in cn.txt\n"
    )
    assert "by country CN" in said(capsys, "1.2.3.4:80")
    assert "exit us, else any, not redundant, answer true\n  by listen landing" in said(
        capsys, "a.com", "--listen", "1081"
    )
    found = said(capsys, "a.com:6050", "--user", "kid", "--client", "192.168.1.9", "--udp")
    assert "dropped without a word\n  by client 192.168.1.0/24, user kid, protocol udp, port 6000-6100" in found
    assert "denied\n  by nothing: it is for everything" in said(capsys, "a.com")


@pytest.mark.parametrize("client", ["nonsense", "192.168.1.0/24", "192.168.1.9:80"])
def test_what_is_no_clients_address_is_told(capsys: Output, client: str) -> None:
    assert main(["rules", "a.com", "--client", client]) == 2
    assert f'"{client}" is no address of a client; write one as 192.168.1.23' in capsys.readouterr().err


def test_no_rule_and_no_rules(folder: Path, capsys: Output) -> None:
    (folder / "paths.toml").write_text(NETWORK + '[[rule]]\nhost = "a.com"\ndeny = true\n')
    assert said(capsys, "b.com") == "no rule matches: the best path, as ever\n"
    (folder / "paths.toml").write_text(NETWORK)
    assert said(capsys) == "there are no rules: every connection takes the best path\n"


def test_what_would_be_looked_up_is_told(folder: Path, capsys: Output) -> None:
    rule = '[[rule]]\nname = "home"\ncidr = "10.0.0.0/8"\nresolve = true\ndirect = true\n'
    (folder / "paths.toml").write_text(NETWORK + rule + '[[rule]]\nhost = "b.com"\ndeny = true\n')
    first = "rule home (rule 1 (line 11)): direct, from this machine\n  if an address of b.com is its own: "
    told = said(capsys, "b.com")
    assert told.startswith(first) and told.endswith("that up\nelse rule 2 (line 16): denied\n  by host b.com\n")
    assert "else no rule matches" in said(capsys, "c.com") and "by cidr" in said(capsys, "10.0.0.1")
    assert "10.0.0.0/8, names looked up: direct" in said(capsys)
    (folder / "paths.toml").write_text(NETWORK + rule.replace('cidr = "10.0.0.0/8"', 'host = "b.com"'))
    assert main(["check"]) == 1
    assert "has names looked up, and the rule names no addresses; add cidr" in capsys.readouterr().err


def test_all_rules_with_their_lists(capsys: Output) -> None:
    lines = said(capsys).splitlines()
    assert lines[0].startswith("rule domestic (rule 1 (line 11)): target cn.txt or CN: direct")
    assert lines[1].startswith("  cn.txt (clash-classical): 1 names, changed ") and lines[1].endswith(
        "left out: 1 PROCESS-NAME"
    )
    assert "rule 4 (line 28): everything: denied" in lines
    assert lines[-1].startswith("countries by country.mmdb, made ")


def test_what_is_no_target_or_no_address_to_listen_at(capsys: Output) -> None:
    assert main(["rules", "a.com:99999"]) == 2
    assert "is no port" in capsys.readouterr().err
    assert main(["rules", "a.com", "--listen", "9"]) == 1
    assert "does not listen at 9: it does at 127.0.0.1:1080" in capsys.readouterr().err


def test_check_tells_of_lists_that_cannot_be_read_and_who_names_them(folder: Path, capsys: Output) -> None:
    (folder / "cn.txt").unlink()
    (folder / "country.mmdb").write_bytes(b"nonsense")
    assert main(["check"]) == 1
    error = capsys.readouterr().err
    assert "cn.txt: there is no such file" in error or "cn.txt: " in error
    assert "(rule domestic names it)" in error
    assert "country.mmdb: is no MaxMind database; fetch it again (ingress.sh.countries names it)" in error


def test_check_warns_of_what_has_no_meaning_and_of_what_is_never_reached(folder: Path, capsys: Output) -> None:
    (folder / "paths.toml").write_text(NETWORK + RULES + "[[rule]]\nport = 1\ndeny = true\n")
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert "cn.txt: left out, since it has no meaning here: 1 PROCESS-NAME" in out
    assert "rule 5 (line 30): is never reached: rule 4 (line 28) takes all that it is for" in out


def test_old_lists_and_empty_ones_are_told(folder: Path) -> None:
    (folder / "old.txt").write_text("GEOIP,CN\n")
    os.utime(folder / "old.txt", (0, 0))
    lists = load_lists([ListSource(folder / "old.txt", "clash-classical")], folder / "country.mmdb")
    assert lists.countries is not None
    warned = list_warnings(lists, lists.countries.built + 10 * OLD)
    assert any("was made" in line for line in warned)
    assert any("holds nothing that counts here" in line for line in warned)
    assert any("was changed" in line for line in warned)


def test_exits_that_no_path_reaches_and_groups_of_one(folder: Path, capsys: Output) -> None:
    more = '[node.eu]\naddress = "203.0.113.21:1"\nexit = true\ngroup = "europe"\n'
    (folder / "paths.toml").write_text(NETWORK + more + '[[rule]]\nexit = "europe"\n')
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert "no path of sh leads to eu; add a line, or name others" in out
    assert "the group europe has one exit, eu: when it is down, nothing passes" in out
