"""Answers as JSON, and their manual."""

import json
import re
from pathlib import Path as FilePath

import attrs
import pytest

from ingress.choice.demand import Demand
from ingress.report import rows as reports
from ingress.report.rows import Report, Why, to_json
from tests.ingress.report.running import Running, explained


@pytest.mark.parametrize(
    "answer", [Running().report(5.0), explained(Running().chooser, Demand("example.com", 443), 5.0)]
)
def test_answers_are_json(answer: Report | Why) -> None:
    plain = to_json(answer)
    assert json.loads(json.dumps(plain)) == plain
    assert plain["version"] == 1


def test_every_field_is_documented() -> None:
    text = (FilePath(__file__).parents[3] / "docs" / "paths-json.md").read_text()
    text = re.split(r"\n## `(?:usage|history)`", text)[0]  # which are no reports of this room
    documented = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    classes = [value for value in vars(reports).values() if isinstance(value, type) and attrs.has(value)]
    fields = {field.name for one in classes for field in attrs.fields(one)}
    assert fields - documented == set()
    assert documented - fields == {"done"}  # of the other answers; their `error` is a name here too
