"""Defaults follow the machine, or the control group that the process is in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.config.machine import (
    CONSTANT,
    EACH,
    LEAST_STREAMS,
    MOST_MEMORY,
    MOST_STREAMS,
    available_memory,
    usual_memory,
    usual_streams,
)

MIB = 2**20


def place(folder: Path, membership: str, files: dict[str, str]) -> int:
    """What is available to a process of those groups, where there are such files."""
    (folder / "self").write_text(membership)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return available_memory(folder / "self", folder)


@pytest.mark.parametrize(
    ("membership", "files", "limit"),
    [
        ("0::/a/b\n", {"a/b/memory.max": str(256 * MIB), "a/memory.max": "max"}, 256),
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": str(512 * MIB)}, 512),
        ("0::/\n", {"memory.max": str(300 * MIB)}, 300),  # a container, whose group is the root
        ("0::/../x\n", {"memory.max": str(300 * MIB)}, 300),
        ("4:memory:/x\n1:cpu:/x\n", {"memory/x/memory.limit_in_bytes": str(256 * MIB)}, 256),
        ("4:cpu,memory:/x/y\n", {"memory/x/memory.limit_in_bytes": str(64 * MIB)}, 64),
        ("0::/x\n4:memory:/y\n", {"memory/y/memory.limit_in_bytes": str(99 * MIB), "unified/x/memory.max": "max"}, 99),
    ],
)
def test_b2_the_smallest_group_counts(tmp_path: Path, membership: str, files: dict[str, str], limit: int) -> None:
    assert place(tmp_path, membership, files) == limit * MIB


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        ("0::/a\n", {"a/memory.max": "max"}),
        ("0::/a\n", {}),
        ("1:cpu:/a\n", {"memory/a/memory.limit_in_bytes": "1"}),
        ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "9223372036854771712"}),
        ("0::/a\n", {"a/memory.max": "what?"}),
    ],
)
def test_without_a_limit_it_is_the_machine(tmp_path: Path, membership: str, files: dict[str, str]) -> None:
    assert place(tmp_path, membership, files) == available_memory(tmp_path / "no such file", tmp_path)


@given(st.integers(160 * MIB, 1 << 50))
def test_b2_a_quarter_and_all_together_sixty_percent(available: int) -> None:
    memory, streams = usual_memory(available), usual_streams(available)
    assert memory <= min(MOST_MEMORY, available // 4) and memory % MIB == 0
    assert streams == LEAST_STREAMS or memory + CONSTANT + EACH * streams <= available * 6 // 10


@pytest.mark.parametrize(
    ("available", "memory", "streams"),
    [(256 * MIB, 64, 1638), (512 * MIB, 128, 7372), (8192 * MIB, 256, MOST_STREAMS), (64 * MIB, 16, LEAST_STREAMS)],
)
def test_machines(available: int, memory: int, streams: int) -> None:
    assert (usual_memory(available), usual_streams(available)) == (memory * MIB, streams)
