"""A message to whoever is told: a title, a text, and the same for programs."""

import datetime
import json
from collections.abc import Sequence
from typing import Any

import attrs

from ingress.alerts.notice import Effect, Notice
from ingress.messages.message import Message, render

VERSION = 1


@attrs.frozen
class Letter:
    """One message."""

    title: str
    text: str
    fields: dict[str, Any]
    """As docs/alerts.md describes them, with `title` and `text`."""

    def as_json(self) -> str:
        """The fields, in one line."""
        return json.dumps(self.fields, ensure_ascii=False)


def write(notices: Sequence[Notice], ingress: str, language: str, wall: float) -> Letter:
    """One message of *notices*, at least one, at *wall* seconds since 1970."""
    said, told = [], set[str]()
    for notice in notices:
        is_repeated = notice.why in told and not notice.is_over
        said.append(render(_sentence(notice, is_repeated), language))
        told.add(notice.why)
    wrong = sum(not notice.is_over for notice in notices)
    title = _title(notices, wrong, ingress)
    return _letter(render(title, language), "\n".join(said), notices, ingress, language, wall)


def trial(ingress: str, language: str, wall: float) -> Letter:
    """What `ingress alert test` sends."""
    title = render(Message("alert.test.title", ingress=ingress), language)
    return _letter(title, render(Message("alert.test", ingress=ingress), language), (), ingress, language, wall)


def _letter(title: str, text: str, notices: Sequence[Notice], ingress: str, language: str, wall: float) -> Letter:
    time = datetime.datetime.fromtimestamp(wall, datetime.UTC).isoformat(timespec="seconds")
    fields = {
        "version": VERSION,
        "ingress": ingress,
        "time": time,
        "lang": language,
        "title": title,
        "text": text,
        "events": [_event(notice, language) for notice in notices],
    }
    return Letter(title, text, fields)


def _title(notices: Sequence[Notice], wrong: int, ingress: str) -> Message:
    if len(notices) == 1:
        kind, name = Message(f"alert.kind.{notices[0].kind}"), notices[0].name
        return Message("alert.title.wrong" if wrong else "alert.title.over", ingress=ingress, kind=kind, name=name)
    over = len(notices) - wrong
    if not over:
        return Message("alert.title.all_wrong", ingress=ingress, wrong=wrong)
    return Message("alert.title.several" if wrong else "alert.title.all_over", ingress=ingress, wrong=wrong, over=over)


def _sentence(notice: Notice, is_repeated: bool) -> Message:
    if notice.is_over:
        times = Message("alert.times", times=notice.times) if notice.times > 1 else ""
        effect = _effect(notice.effect)
        key = f"alert.over.{notice.kind}"
        return Message(key, name=notice.name, length=notice.seconds, times=times, effect=effect, why=notice.why)
    why = "" if is_repeated or not notice.why else Message("alert.because", why=notice.why)
    return Message(f"alert.wrong.{notice.kind}", name=notice.name, length=notice.seconds, why=why)


def _effect(effect: Effect) -> str:
    if effect == Effect():
        return ""
    return Message("alert.effect", moved=effect.moved, resumed=effect.resumed, lost=effect.lost)


def _event(notice: Notice, language: str) -> dict[str, Any]:
    return {
        "kind": notice.kind,
        "name": notice.name,
        "state": "over" if notice.is_over else "wrong",
        "why": render(notice.why, language),
        "seconds": round(notice.seconds, 1),
        "times": notice.times,
        **attrs.asdict(notice.effect),
    }
