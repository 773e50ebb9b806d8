"""Options that the kernel takes, and ones that it refuses."""

import errno
import socket

import pytest

from relay.engine import sockopts


def test_the_options_are_set(sockets) -> None:
    sock, _ = sockets.pair()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
    sockopts.carrier(sock)
    sockopts.keepalive(sock)

    def tcp(option: int) -> int:
        return sock.getsockopt(socket.IPPROTO_TCP, option)

    assert tcp(socket.TCP_NODELAY)
    assert tcp(socket.TCP_NOTSENT_LOWAT) == 131_072
    assert tcp(socket.TCP_USER_TIMEOUT) == 10_000
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert [tcp(option) for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)] == [60, 10, 3]


def test_what_the_kernel_refuses_is_skipped_and_logged_once(monkeypatch, events: list) -> None:
    monkeypatch.setattr(sockopts, "_refused", set())
    with socket.socket(socket.AF_UNIX) as sock:  # has no TCP options
        sockopts.bbr_if_allowed(sock)
        sockopts.bbr_if_allowed(sock)
        sockopts.nodelay(sock)
    assert [fields["option"] for _, fields in events] == ["TCP_CONGESTION bbr", "TCP_NODELAY"]


def test_the_kernels_limits_are_one_line() -> None:
    line = sockopts.kernel_limits()
    assert "\n" not in line
    assert "tcp_congestion_control=" in line
    assert "nofile=" in line


def test_a_setting_this_kernel_lacks_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockopts, "KERNEL_SETTINGS", ("net/ipv4/no_such_setting",))
    assert sockopts.kernel_limits().startswith("no_such_setting=unknown")


def test_error_of_tells_what_befell_a_socket(sockets) -> None:
    sock, peer = sockets.pair()
    sockopts.reset_on_close(peer)
    peer.close()
    assert sockopts.error_of(sock).errno == errno.ECONNRESET


def test_nothing_is_known_of_what_waits_in_a_socket_that_is_not_tcp() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.send(b"x" * 1000)
        assert sockopts.kernel_backlog(near) == 0
