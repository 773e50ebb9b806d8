"""What the admin socket is told: the report of `ingress paths`, the explanation of a choice, reload."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from relay.shell.admin import Answer, Ask

if TYPE_CHECKING:
    from ingress.shell.serve import Running


def asks(running: "Running") -> Mapping[str, Ask]:
    """The questions that *running* answers."""

    async def paths(_: Mapping[str, Any]) -> Answer:
        return {"version": 1, "paths": [repr(way) for way in running.fleet.ways.values()]}

    async def reload(_: Mapping[str, Any]) -> Answer:
        return {"version": 1, "done": running.reload()}

    return {"paths": paths, "reload": reload}
