"""An aioquic client whose datagrams go by a socket of the caller's, and a server of the same that echoes a stream."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import trustme
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import QuicEvent, StreamDataReceived

from tests.interop.conftest import NAME, PATIENCE


class _Echo(QuicConnectionProtocol):
    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            self._quic.send_stream_data(event.stream_id, event.data, event.end_stream)
            self.transmit()


class _Client(QuicConnectionProtocol):
    def __init__(self, connection: QuicConnection) -> None:
        super().__init__(connection)
        self.got = 0
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            self.got += len(event.data)
            if event.end_stream:
                self.done.set_result(self.got)


class _Way:
    """As an asyncio transport: *sock* may be of any kind that has `sendto` and `recvfrom`."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def sendto(self, data: bytes, address: Any = None) -> None:
        self._sock.sendto(data, address)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._sock.fileno())


def fetch(sock: socket.socket, folder: Path, size: int) -> int:
    """How many bytes of *size* came back over one stream."""
    return asyncio.run(_fetch(sock, folder, size))


async def _fetch(sock: socket.socket, folder: Path, size: int) -> int:
    ca, chain = trustme.CA(), str(folder / "chain.pem")
    ca.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(chain)
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    theirs = QuicConfiguration(is_client=False, alpn_protocols=["echo"])
    theirs.load_cert_chain(chain, chain)
    server = await serve("127.0.0.1", 0, configuration=theirs, create_protocol=_Echo)
    ours = QuicConfiguration(is_client=True, alpn_protocols=["echo"], server_name=NAME)
    ours.load_verify_locations(str(folder / "ca.pem"))
    client = _Client(QuicConnection(configuration=ours))
    client.connection_made(_Way(sock))  # type: ignore[arg-type]
    sock.setblocking(False)

    def hear() -> None:
        while True:
            try:
                client.datagram_received(*sock.recvfrom(65536))
            except BlockingIOError:
                return

    asyncio.get_running_loop().add_reader(sock.fileno(), hear)
    client.connect(server._transport.get_extra_info("sockname"))  # type: ignore[attr-defined]
    await asyncio.wait_for(client.wait_connected(), PATIENCE)
    client._quic.send_stream_data(client._quic.get_next_available_stream_id(), bytes(size), True)
    client.transmit()
    got = await asyncio.wait_for(client.done, PATIENCE)
    client.close()
    await client.wait_closed()
    server.close()
    return got
