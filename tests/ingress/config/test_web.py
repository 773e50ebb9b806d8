"""What the file says of the page."""

from pathlib import Path

import pytest

from ingress.config import NetworkFile, Web, read_file
from ingress.config.show import as_toml
from relay.config.mistakes import ConfigError
from relay.model.network import Address, Secret

NETWORK = """
[node.us]
address = "203.0.113.20:1"
exit = true
[line.direct]
from = "sh"
to = "us"
"""


def load(folder: Path, keys: str) -> NetworkFile:
    file = folder / "paths.toml"
    file.write_text(f'version = 1\n[ingress.sh]\nlisten = "127.0.0.1:1080"\n{keys}\n{NETWORK}')
    return read_file(file)


def web_of(folder: Path, keys: str) -> Web | None:
    return load(folder, keys).ingresses["sh"].web


def test_there_is_no_page_unless_the_file_says_so(tmp_path: Path) -> None:
    assert web_of(tmp_path, "") is None


def test_all_that_can_be_said_of_it(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        'web = ["127.0.0.1:9090", "0.0.0.0:9443"]\n'
        'web_users = "web-users.toml"\n'
        'web_hosts = ["Proxy.Example"]\n'
        'web_token = { file = "web.token" }\n'
        'web_certificate = { file = "web.pem", key = "web.key" }\n'
        'web_origins = ["https://board.example"]\n',
    )
    assert found.warnings == ()
    web = found.ingresses["sh"].web
    assert web == Web(
        (Address("127.0.0.1", 9090), Address("0.0.0.0", 9443)),
        tmp_path / "web-users.toml",
        ("proxy.example",),
        Secret(file=str(tmp_path / "web.token")),
        tmp_path / "web.pem",
        tmp_path / "web.key",
        ("https://board.example",),
    )
    (tmp_path / "again.toml").write_text(as_toml(found))
    assert read_file(tmp_path / "again.toml").ingresses["sh"].web == web


def test_one_file_may_hold_certificate_and_key(tmp_path: Path) -> None:
    web = web_of(tmp_path, 'web = "127.0.0.1:9090"\nweb_certificate = { file = "both.pem" }')
    assert web is not None and web.certificate == web.key == tmp_path / "both.pem"


def test_what_others_reach_without_tls_is_warned_of(tmp_path: Path) -> None:
    (warning,) = load(tmp_path, 'web = "192.168.1.2:9090"\nweb_users = "u.toml"').warnings
    assert warning.startswith("ingress.sh.web: 192.168.1.2:9090 has no web_certificate")


def test_this_machine_may_dial_its_own_page_as_little_as_its_own_doors(tmp_path: Path) -> None:
    machine = load(tmp_path, 'web = "127.0.0.1:9090"').ingresses["sh"].machine
    assert machine is not None and Address("127.0.0.1", 9090) in machine.listen


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('web = "0.0.0.0:9090"', "ingress.sh.web: 0.0.0.0:9090 is open to everybody who reaches it; write web_users"),
        ('web = "proxy.example:9090"', 'ingress.sh.web: "proxy.example" is a name'),
        ('web = "127.0.0.1:1080"', "ingress.sh.web: 127.0.0.1:1080 is taken"),
        ('web_token = { file = "t" }', "ingress.sh.web_token: is of no use without a page"),
        (
            'web = "127.0.0.1:9090"\nweb_token = "secret"',
            "ingress.sh.web_token: a password does not stand in this file",
        ),
        ('web = "127.0.0.1:9090"\nweb_hosts = "a.example:80"', 'web_hosts: "a.example:80" is not a host name'),
        ('web = "127.0.0.1:9090"\nweb_certificate = {}', "ingress.sh.web_certificate.file: is missing"),
        ('web = "127.0.0.1:9090"\nweb_certificate = { cert = "a" }', "web_certificate.cert: is not a key here"),
        ('web = "127.0.0.1:9090"\nweb_origins = "board.example"', "is not an origin"),
        ('web = "127.0.0.1:9090"\nweb_origins = "https://board.example/"', "is not an origin"),
        ('web = "127.0.0.1:9090"\nweb_origins = "https://[board"', "is not an origin"),
    ],
)
def test_mistakes(tmp_path: Path, keys: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, keys)
    assert any(expected in str(mistake) for mistake in caught.value.mistakes)
