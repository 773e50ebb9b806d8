"""The answers to `hold` and `release`, and the lines that are held as `paths` shows them."""

from collections.abc import Mapping
from typing import Any

from ingress.messages.forms import EN
from ingress.report.rows import VERSION, HoldRow, to_json
from ingress.serve.holding import Holding
from relay.admin.server import Answer
from relay.errors import OperatorError


def answer_hold(holding: Holding, question: Mapping[str, Any], language: str = EN) -> Answer:
    """Hold the `line` for `seconds` (None: until it is released), with `force` whatever it cuts off; without a line
    only tell what is held, in *language*. OperatorError: that makes no sense, or as `Holding.hold`."""
    line, seconds, force = question.get("line", ""), question.get("seconds"), question.get("force", False)
    is_number = seconds is None or (isinstance(seconds, int | float) and not isinstance(seconds, bool))
    if not isinstance(line, str) or not is_number or not isinstance(force, bool):
        raise OperatorError("nothing can be held so: `line` is a text, `seconds` a number, `force` true or false")
    if line:
        holding.hold(line, seconds, force=force)
    return _held(holding, language)


def answer_release(holding: Holding, question: Mapping[str, Any], language: str = EN) -> Answer:
    """Let the `line` carry new streams again. OperatorError: as `Holding.release`."""
    holding.release(str(question.get("line", "")))
    return _held(holding, language)


def hold_rows(holding: Holding) -> list[HoldRow]:
    """The lines that an operator holds now."""
    return [HoldRow(one.line, one.since, one.until, one.sentence) for one in holding.holds.all]


def _held(holding: Holding, language: str) -> Answer:
    return {"version": VERSION, "holds": [to_json(row, language) for row in hold_rows(holding)]}
