"""Free ports, and whether somebody listens: as the kernel has it."""

import socket
from pathlib import Path

import pytest

from ingress.demo import ports
from ingress.demo.ports import PORTS, free_ports, is_free, listening


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_is_listened_on_from_listen_to_close(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        port = sock.getsockname()[1]
        assert port not in listening()
        sock.listen()
        assert port in listening()
    assert port not in listening()


def test_a_kernel_without_ipv6_has_no_table_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ports, "TABLES", (ports.TABLES[0], str(tmp_path / "tcp6")))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        assert sock.getsockname()[1] in listening()


def test_a_used_port_is_not_free() -> None:
    (port,) = free_ports(1)
    assert port in PORTS and is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


def test_free_ports_differ() -> None:
    found = free_ports(50)
    assert len(set(found)) == 50
