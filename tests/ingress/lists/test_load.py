"""Files of lists: read once, again when they change, and told of in words when they cannot be."""

import os
from pathlib import Path

import pytest

from ingress.lists.load import has_changed, load_lists
from ingress.lists.source import ListSource
from relay.errors import OperatorError


def source(folder: Path, name: str = "names.txt", content: str | None = "+.a.cn\n", **more: str) -> ListSource:
    if content is not None:
        (folder / name).write_text(content)
    return ListSource(folder / name, **more)  # type: ignore[arg-type]


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    one, two = source(tmp_path), source(tmp_path, "two.txt", "10.0.0.0/8\n")
    first = load_lists([one, two, one])
    assert list(first.loaded) == [one, two]
    assert not has_changed(first)
    two.file.write_text("10.0.0.0/8\n192.0.2.0/24\n")
    os.utime(two.file, (1, 1))
    assert has_changed(first)
    second = load_lists([one, two], None, first)
    assert second.loaded[one] is first.loaded[one]
    assert second.loaded[two].targets.counts == {"networks": 2}
    two.file.unlink()
    assert has_changed(second)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    lists = [source(tmp_path, "gone.txt", None), source(tmp_path, "plain.txt", "a.cn\n"), source(tmp_path)]
    with pytest.raises(OperatorError) as wrong:
        load_lists(lists)
    gone, plain = str(wrong.value).splitlines()
    assert gone.startswith(f"{tmp_path}/gone.txt: ")
    assert plain.startswith(f"{tmp_path}/plain.txt: can be read as ") and "format =" in plain


def test_a_source_is_called_by_its_file_and_what_is_taken_of_it(tmp_path: Path) -> None:
    assert str(ListSource(tmp_path / "geosite.dat", "geosite", "cn", ("!ads",))) == "geosite.dat cn @!ads"
