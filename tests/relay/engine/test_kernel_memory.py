"""How short the kernel is of memory for TCP, from what it tells: files as they are, and as they might be."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.engine.kernel_memory import PAGE, KernelMemory, _used, kernel_memory

SOCKSTAT = "sockets: used 73\nTCP: inuse 27 orphan 0 tw 1224 alloc 31 mem {}\nUDP: inuse 0 mem 0\n"
MIB = 2**20 // PAGE


def proc(folder: Path, sockstat: str, tcp_mem: str | None) -> Path:
    for name in ("net", "sys/net/ipv4"):
        (folder / name).mkdir(parents=True)
    (folder / "net/sockstat").write_text(sockstat)
    if tcp_mem is not None:
        (folder / "sys/net/ipv4/tcp_mem").write_text(tcp_mem)
    return folder


@pytest.mark.parametrize(("used", "is_short"), [(0, False), (1499, False), (1500, True), (2100, True)])
def test_it_is_short_where_the_kernel_says_that_it_is_pressed(tmp_path: Path, used: int, is_short: bool) -> None:
    tcp_mem = f"{1000 * MIB}\t{1500 * MIB}\t{2000 * MIB}\n"
    found = kernel_memory(proc(tmp_path, SOCKSTAT.format(used * MIB), tcp_mem))
    assert found == KernelMemory(used << 20, 1500 << 20, 2000 << 20)
    assert (found.shortage is not None) == is_short
    if found.shortage is not None:
        assert f"{used} of 2000 MiB" in found.shortage


def test_where_the_kernel_does_not_tell_nothing_is_known(tmp_path: Path) -> None:
    assert kernel_memory(proc(tmp_path / "container", SOCKSTAT.format(5), None)) is None
    assert kernel_memory(proc(tmp_path / "two numbers", SOCKSTAT.format(5), "1 2")) is None
    assert kernel_memory(proc(tmp_path / "no line", "sockets: used 73\n", "1 2 3")) is None
    assert kernel_memory(tmp_path / "nothing") is None


def test_this_kernel_is_understood() -> None:
    found = kernel_memory()
    if found is None:
        pytest.skip("no tcp_mem in this network namespace")
    assert 0 < found.short_at <= found.limit


@given(st.text())
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    try:
        assert isinstance(_used("TCP:" + text), int)
    except ValueError:
        pass
