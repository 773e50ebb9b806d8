"""The table of rooms: what is added up, what is too low."""

from tests.by_room import ROOT, Floors, Share, by_room, count_lines, read_floors, share_of, too_low


def test_lines_and_branches_weigh_the_same() -> None:
    summary = {"covered_lines": 6, "missing_lines": 2, "covered_branches": 1, "missing_branches": 1}
    assert share_of(summary) == Share(7, 10)
    assert share_of(summary).percent == 70


def test_what_has_no_lines_lacks_nothing() -> None:
    assert Share().percent == 100


def test_rooms_are_folders_and_loose_files_are_one() -> None:
    files = {
        "relay/log.py": Share(1, 2),
        "relay/errors.py": Share(1, 1),
        "relay/wire/frames.py": Share(5, 5),
        "relay/wire/deep/er.py": Share(0, 5),
    }
    assert by_room(files) == {"relay": Share(2, 3), "relay/wire": Share(5, 10)}


def test_what_is_below_its_floor_is_named() -> None:
    floors = Floors(whole=90, every_room=80, of={"relay/wire": 95, "relay/gone": 50})
    rooms = {"relay/wire": Share(94, 100), "relay/engine": Share(80, 100), "ingress/doors": Share(79, 100)}
    assert too_low(rooms, Share(91, 100), floors) == [
        "ingress/doors: 79.0 % is below its floor, 80",
        "relay/wire: 94.0 % is below its floor, 95",
        "relay/gone: has a floor in pyproject.toml and is not there",
    ]
    assert too_low({}, Share(89, 100), Floors(90, 80, {})) == ["the whole: 89.0 % is below its floor, 90"]


def test_the_floors_of_the_project_can_be_read() -> None:
    floors = read_floors()
    assert 0 < floors.below("any/room") <= floors.whole <= 100


def test_the_demo_is_not_counted() -> None:
    lines = count_lines(ROOT / "ingress")
    assert 0 < lines < sum(len(file.read_text().splitlines()) for file in (ROOT / "ingress").rglob("*.py"))
