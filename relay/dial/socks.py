"""Dials a line's address, straight or through somebody's SOCKS proxy.

The proxy's handshake is python-socks', which reads exactly its bytes, so that nothing behind them is lost. The
connection to the proxy is ours: it races the proxy's addresses, and no name blocks a thread of trio's.
"""

import errno
import socket
from pathlib import Path
from typing import Any

import trio
from python_socks import ProxyError, ProxyType
from python_socks.async_.trio import Proxy as SocksClient

from relay import config
from relay.callbacks import ignore
from relay.dial.racing import Admit, DialError, connect, take_over
from relay.model.network import Address, Proxy, Secret

SOCKS5_ERRORS = {
    2: errno.EACCES,
    3: errno.ENETUNREACH,
    4: errno.EHOSTUNREACH,
    5: errno.ECONNREFUSED,
    6: errno.ETIMEDOUT,  # "TTL expired" is what proxies say of a connect that timed out
    7: errno.EOPNOTSUPP,
    8: errno.EAFNOSUPPORT,
}
"""RFC 1928 section 6. SOCKS4 has one code for every failure of the connect, which is an ECONNREFUSED to us."""
SOCKS4_REJECTED = 0x5B


class NoProxyError(DialError):
    """The proxy itself cannot be reached: nothing was asked of it."""


async def dial(
    address: Address,
    timeout: float,
    proxy: Proxy | None = None,
    password: str | None = None,
    admit: Admit = ignore,
) -> tuple[socket.socket, float]:
    """Connect to *address* within *timeout* seconds; *admit* as for `racing.connect`.

    Returns:
        The socket, non-blocking, and its dial time: the seconds of the TCP connect; with a proxy, until the proxy said
        that it is connected. The time for names is not in it.

    Raises:
        DialError: with one line that says what could not be reached and why.
    """
    with trio.move_on_after(timeout):
        if proxy is None:
            return await connect(address, admit)
        return await _connect_through(proxy, address, password, admit)
    where = "" if proxy is None else f" through {proxy.scheme} proxy {proxy.address}"
    raise DialError(errno.ETIMEDOUT, f"{address}{where}: no answer within {timeout:g} s")


async def dial_through(proxy: Proxy, address: Address, password: str | None, timeout: float) -> socket.socket:
    """As `dial` through *proxy*, for those who time nothing."""
    sock, _ = await dial(address, timeout, proxy, password)
    return sock


def read_secret(secret: Secret, base: Path) -> str:
    """The password itself; a file's name is seen from *base*.

    Raises:
        OperatorError: it is not there, or others can read its file.
    """
    return config.read_secret(secret if secret.file is None else Secret(file=str(base / secret.file)))


async def _connect_through(
    proxy: Proxy, address: Address, password: str | None, admit: Admit
) -> tuple[socket.socket, float]:
    way = _WayToProxy(proxy.address, admit)
    kind = ProxyType.SOCKS4 if proxy.scheme == "socks4" else ProxyType.SOCKS5
    client = SocksClient(kind, proxy.address.host, proxy.address.port, proxy.user, password, rdns=True, forward=way)
    try:
        # Our callers have deadlines of their own: this one only switches off the library's.
        sock = await client.connect(address.host, address.port, timeout=float("inf"))
    except ProxyError as error:
        code = SOCKS5_ERRORS.get(error.error_code or 0, errno.EPROTO)
        code = errno.ECONNREFUSED if error.error_code == SOCKS4_REJECTED else code
        raise DialError(code, f"{proxy.scheme} proxy {proxy.address}: {_one_line(error)}") from error
    except ValueError as error:  # a user, password or name that has no form in the protocol
        raise DialError(errno.EINVAL, f"{proxy.scheme} proxy {proxy.address}: cannot be asked for this") from error
    except DialError as error:
        raise NoProxyError(error.errno, f"{proxy.scheme} proxy {error}") from error
    except OSError as error:
        raise DialError(error.errno, f"{proxy.scheme} proxy {proxy.address}: {error.strerror}") from error
    return take_over(sock), trio.current_time() - way.started


class _WayToProxy(SocksClient):
    """How the library reaches the proxy: not through another proxy, as its `forward` is meant, but by our connect."""

    def __init__(self, proxy: Address, admit: Admit) -> None:
        self._proxy = proxy
        self._admit = admit
        self.started = 0.0
        """When the TCP connect that succeeded began."""

    async def connect(
        self, dest_host: str, dest_port: int, timeout: float | None = None, **kwargs: Any
    ) -> trio.socket.SocketType:
        sock, took = await connect(self._proxy, self._admit)
        self.started = trio.current_time() - took
        return trio.socket.from_stdlib_socket(sock)


def _one_line(error: ProxyError) -> str:
    return " ".join(str(error).split())
