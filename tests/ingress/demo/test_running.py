"""A demo that does not come up says what it waited for."""

import json
from pathlib import Path

import pytest
import trio

from ingress.demo import running
from ingress.demo.network import DemoNetwork
from ingress.demo.processes import DemoFailed, open_processes
from ingress.demo.running import Demo, run_demo


async def test_whoever_does_not_listen_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "START", 0.0)
    with pytest.raises(DemoFailed, match=r"after 0 s nobody listens for .*jp-dmit.* yet; [0-9.]+ processes want"):
        async with run_demo():
            pass


async def test_what_the_ingress_says_is_told(tmp_path: Path, nursery: trio.Nursery) -> None:
    async with open_processes() as processes:
        network = DemoNetwork(tmp_path, running.REFERENCE[:1])
        network.ports.clear()
        demo = Demo(network, processes)
        assert "the ingress does not answer at" in await demo._missing()
        listener = trio.socket.socket(trio.socket.AF_UNIX)
        await listener.bind(str(network.admin))
        listener.listen()

        async def serve(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            answer = {"version": 1, "paths": [{"path": "ix", "state": "down"}]}
            await stream.send_all(json.dumps(answer).encode() + b"\n")
            await stream.aclose()

        nursery.start_soon(trio.serve_listeners, serve, [trio.SocketListener(listener)])
        assert "all listen, and no path is up: ix is down;" in await demo._missing()
        nursery.cancel_scope.cancel()
