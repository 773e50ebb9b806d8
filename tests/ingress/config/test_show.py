from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.config import NetworkFile, read_file
from ingress.config.show import as_toml

SAMPLE = Path(__file__).parents[3] / "paths.toml"
FULL = """\
version = 1
serial = 7
[ingress.sh]
listen = ["0.0.0.0:1080", { address = "127.0.0.1:1081", name = "landing" }]
users = "users.toml"
answer = "true"
state = "kept"
sites = false
via = "gate-1"
allow = [{ cidr = "192.168.0.0/16", reason = "here" }]
dns = ["223.5.5.5"]
hosts = "names"
udp = false
advertise = ["198.51.100.7"]
[[forward]]
listen = "127.0.0.1:1"
target = "[2001:db8::1]:443"
[[forward]]
listen = "127.0.0.1:1"
protocol = "udp"
target = "a.example:443"
clients = ["10.0.0.0/8"]
idle = "90s"
[node.us]
address = "203.0.113.20:1"
exit = true
allow = [{ cidr = "10.0.0.0/8", reason = 'says "why"\\ here' }]
upstream = { url = "socks4://a.example:1", user = "u", password = { file = "p" } }
dns = ["9.9.9.9"]
hosts = "hosts"
group = "usa"
advertise = ["198.51.100.9", "2001:db8::9"]
limits = { drain = "1s", streams = 5 }
[line.direct]
from = "sh"
to = "us"
group = "g"
provider = "中"
rate = "1.5Mbit/s"
cost = 0.25
quota = { amount = "1.5TB", day = 5, counts = "larger", over = "stop", zone = "Asia/Tokyo", share = { sh = 0.5 } }
proxy = { url = "socks5://a.example:1" }
[line.rated]
from = "sh"
to = "us"
quota = { counts = "p95", amount = "80Mbit/s" }
[[rule]]
name = "domestic"
host = ["=a.example", { file = "geosite.dat", format = "geosite", name = "cn", attributes = ["!ads"] }]
client = "10.0.0.0/8"
port = [1, "80-90"]
protocol = "tcp"
listen = ["landing", 1080]
exit = "usa"
else = "any"
answer = "true"
[[rule]]
user = "bob"
deny = true
[[rule]]
user = "joe"
direct = true
[[rule]]
user = "eve"
deny = "drop"
[[rule]]
host = ["*.a.example"]
cidr = ["192.0.2.0/24"]
port = 443
user = "ann"
redundant = true
[[allowance]]
user = ["*", "ann"]
client = "10.0.0.0/8"
together = true
rate = { up = "1Mbit/s" }
streams = 0
[[allowance]]
client = ["10.0.0.1", "2001:db8::/32"]
rate = "20Mbit/s"
associations = 3
quota = { amount = "20GB", each = "day" }
[limits]
drain = "250ms"
half_closed_idle = "90s"
memory = "1500kB"
"""


def again(found: NetworkFile, folder: Path) -> NetworkFile:
    path = folder / "again.toml"
    path.write_text(as_toml(found))
    return attrs.evolve(read_file(path), file=found.file)


def test_what_is_written_is_read_as_the_same(tmp_path: Path) -> None:
    path = tmp_path / "paths.toml"
    path.write_text(FULL)
    found = read_file(path)
    assert again(found, tmp_path) == found
    assert again(read_file(SAMPLE), tmp_path) == read_file(SAMPLE)


def test_every_limit_is_shown(tmp_path: Path) -> None:
    limits = as_toml(read_file(SAMPLE)).split("[limits]\n")[1]
    assert limits.splitlines() == [
        'handshake = "10s"',
        'drain = "10s"',
        'half_closed_idle = "5m"',
        'kept_idle = "5m"',
        'keepalive = "1m"',
        'memory = "256MiB"',
        "streams = 20000",
    ]


def test_g15_the_limits_of_every_node_are_shown(tmp_path: Path) -> None:
    shown = [line for line in as_toml(read_file(SAMPLE)).splitlines() if line.startswith("limits = ")]
    assert shown == [
        'limits = { handshake = "10s", drain = "10s" }',
        'limits = { handshake = "10s", drain = "10s" }',
        *2
        * [
            'limits = { handshake = "10s", drain = "10s", half_closed_idle = "5m", keepalive = "1m", '
            'memory = "256MiB", streams = 20000 }'
        ],
    ]


@given(st.text().filter(lambda text: text.strip() and "\r" not in text), st.integers(1, 10**9))
def test_any_text_and_any_rate_come_back(tmp_path_factory: pytest.TempPathFactory, text: str, rate: int) -> None:
    folder = tmp_path_factory.getbasetemp()
    found = read_file(SAMPLE)
    line = attrs.evolve(found.network.lines["direct"], provider=text, rate=float(rate))
    network = attrs.evolve(found.network, lines={**found.network.lines, "direct": line})
    changed = again(attrs.evolve(found, network=network), folder).network.lines["direct"]
    assert changed.provider == text
    assert changed.rate == pytest.approx(rate)
