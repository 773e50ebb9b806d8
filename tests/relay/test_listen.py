"""All addresses of a file are listened at, or none; only IPv6 on a host without it is passed over (G8)."""

import errno
import os
import socket
from collections.abc import Callable

import pytest

from relay import listen
from relay.errors import OperatorError
from relay.listen import listen_at, open_all, open_listener, try_all
from relay.model.network import Address
from tests.world import Journal

HERE, LOOPBACK6, ALL6 = Address("127.0.0.1", 0), Address("::1", 0), Address("::", 0)
ELSEWHERE6, ELSEWHERE = Address("2001:db8::5", 0), Address("192.0.2.5", 0)


@pytest.fixture(params=[errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def no_ipv6(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host on which IPv6 is switched off: by sysctl, or on the kernel's command line."""

    def refuse(address: tuple[str, int]) -> socket.socket:
        if ":" in address[0]:
            raise OSError(request.param, os.strerror(request.param))
        return open_listener(address)

    monkeypatch.setattr(listen, "open_listener", refuse)


def close(sockets: dict[Address, socket.socket]) -> list[Address]:
    for sock in sockets.values():
        sock.close()
    return list(sockets)


@pytest.mark.parametrize("addresses", [[HERE, LOOPBACK6], [LOOPBACK6, HERE], [ALL6, HERE]])
def test_g8_ipv6_is_passed_over_where_there_is_none(addresses: list[Address], no_ipv6: None, journal: Journal) -> None:
    assert close(listen_at(addresses)) == [HERE]
    (told,) = journal.of("address-skipped")
    assert told["address"] in (LOOPBACK6, ALL6) and told["why"] == "this host has no IPv6"
    assert len(try_all(addresses)) == 1


def test_g8_something_must_be_left(no_ipv6: None) -> None:
    with pytest.raises(OperatorError, match=r"\[::1\]:0: this host has no IPv6; write an IPv4 address beside it"):
        open_all([LOOPBACK6])
    assert open_all([LOOPBACK6], [HERE]) == ({}, [LOOPBACK6])


@pytest.mark.parametrize("address", [ELSEWHERE, ELSEWHERE6])
def test_an_address_of_another_machine_is_a_mistake(address: Address, counted: Callable[[], int]) -> None:
    before = counted()
    with pytest.raises(OperatorError, match="Cannot assign requested address; this machine does not have that address"):
        open_all([HERE, address])
    assert counted() == before


def test_a_port_in_use_leaves_nothing_open(counted: Callable[[], int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        before = counted()
        with pytest.raises(OperatorError, match="Address already in use; another program listens there"):
            open_all([HERE, Address("127.0.0.1", taken.getsockname()[1])])
        assert counted() == before


@pytest.fixture
def counted() -> Callable[[], int]:
    return lambda: len(os.listdir("/proc/self/fd"))


def test_a_port_that_this_program_has_itself_is_told_to_be_its_own() -> None:
    with open_listener(("127.0.0.1", 0)) as own:
        port = own.getsockname()[1]
        with pytest.raises(OperatorError, match=f"this program itself listens at 127.0.0.1:{port}: restart it"):
            listen_at([Address("0.0.0.0", port)], [Address("127.0.0.1", port)])
        with pytest.raises(OperatorError, match="another program listens there"):
            listen_at([Address("0.0.0.0", port)], [Address("127.0.0.1", 1)])
