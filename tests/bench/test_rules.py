"""What `python -m bench rules` measures with is a file without mistakes, and none of its rules is for the target."""

from pathlib import Path

import pytest

from bench.rules import __main__ as measure
from bench.rules.ruled import NAMES, NETWORKS, RULES, names, networks, rules_text
from ingress.choice.rules import Query, Rules
from ingress.config import load
from ingress.config.rule import of_rules
from ingress.lists.load import load_lists


def test_there_are_as_many_as_it_says_and_none_is_for_the_target(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join(names(NAMES, 1)))
    (tmp_path / "networks.txt").write_text("\n".join(networks(NETWORKS, 2)))
    (tmp_path / "paths.toml").write_text(measure.NETWORK + rules_text())
    config = load(tmp_path / "paths.toml")
    lists = load_lists(of_rules(config.rules))
    assert len(config.rules) == RULES
    assert sum(one.targets.counts.get("names", 0) for one in lists.loaded.values()) == NAMES
    rules = Rules(config.rules, lists)
    assert rules.match(Query("127.0.0.1", 20000, "127.0.0.1")) is None
    assert rules.match(Query(f"a.{next(iter(names(1, 1)))}", 443)) is not None


def test_the_figures_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(measure, "QUERIES", 50)
    assert measure.main(["--rounds", "0"]) == 0
    assert "a name of no list " in capsys.readouterr().out
