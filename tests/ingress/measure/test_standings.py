"""What is said of lines from outside."""

from ingress.measure.standings import Standings
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path

HERE = Address("x", 1)


def path(*names: str) -> Path:
    return Path(tuple(Hop(Line(name, "a", "b", HERE), "a", "b", HERE) for name in names))


def test_a_path_is_closed_if_anybody_has_closed_a_line_of_it() -> None:
    news: list[int] = []
    standings = Standings(lambda: news.append(1))
    assert standings.why_closed(path("a", "b")) == ""
    standings.close("hold", {"b": "held by hand"})
    standings.close("quota", {"c": "its quota is used"})
    assert len(news) == 2
    assert standings.why_closed(path("a", "b")) == "held by hand"
    assert standings.why_closed(path("c")) == "its quota is used"
    standings.close("quota", {"c": "its quota is used"})
    assert len(news) == 2
    standings.close("quota", {})
    assert len(news) == 3
    assert [standings.why_closed(path(name)) for name in "abc"] == ["", "held by hand", ""]


def test_a_path_stands_in_if_a_line_of_it_does() -> None:
    news: list[int] = []
    standings = Standings(lambda: news.append(1))
    standings.stand_in({})
    assert not news
    standings.stand_in({"b": "nearly used"})
    standings.stand_in({"b": "nearly used"})
    assert len(news) == 1
    assert [standings.why_stands_in(path(*names)) for names in ("a", "ab")] == ["", "nearly used"]
    assert repr(standings) == "<Standings: {} closed, {'b': 'nearly used'} stand in>"
