"""`relay status` and `relay reload` against a real admin socket."""

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from relay.admin.server import Answer, serve_admin
from relay.cli import running
from tests.relay.cli.test_render_status import ANSWER
from tests.world import Journal


async def test_the_commands_print_what_they_hear(
    tmp_path: Path, nursery: trio.Nursery, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    async def status(_: Mapping[str, Any]) -> Answer:
        return {**ANSWER, "counters": {"accepted": 4}}

    async def reload(_: Mapping[str, Any]) -> Answer:
        return {"version": 1, "done": "reloaded: 2 nodes"}

    await nursery.start(serve_admin, tmp_path / "s", {"status": status, "reload": reload})
    options = Namespace(admin=str(tmp_path / "s"), json=False)
    for command in (running.status, running.reload):
        assert await trio.to_thread.run_sync(command, options) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("jp: a relay") and said[-2:] == ["counted: accepted 4", "reloaded: 2 nodes"]
    assert await trio.to_thread.run_sync(running.status, Namespace(admin=options.admin, json=True)) == 0
    assert json.loads(capsys.readouterr().out)["counters"] == {"accepted": 4}
