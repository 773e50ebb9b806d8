"""Which events are kept, what each is about, and what it says."""

import string
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ingress.history.said_chinese import CHINESE
from ingress.messages.forms import EN
from ingress.messages.phrases import translate


class Said(NamedTuple):
    """Of one kind of event."""

    about: tuple[str, ...]
    """The fields that name what it is about, the first one before all."""
    text: str
    """A sentence, with fields in braces."""


_PATH, _NODE, _INGRESS, _LINE, _NAME = ("path",), ("node",), ("ingress",), ("line",), ("name",)

KEPT: Final[Mapping[str, Said]] = {
    "ingress-started": Said(_INGRESS, "ingress {ingress} started, version {version}"),
    "drain-started": Said(_INGRESS, "ingress {ingress} ends: {streams} streams may still finish"),
    "reloaded": Said(_INGRESS, "new files are in force: {lines} lines, {paths} paths"),
    "reload-failed": Said((), "new files were refused: {why}"),
    "config-warned": Said((), "{text}"),
    "lists-read": Said((), "lists were read again: {lists}"),
    "lists-refused": Said((), "a list cannot be read: {why}"),
    "list-not-fetched": Said((), "the list {list} could not be fetched: {why}"),
    "carrier-failed": Said(_PATH, "no carrier comes up over {path}: {why}"),
    "carrier-lost": Said(_PATH, "a carrier over {path} ended: {why}"),
    "path-stalled": Said(_PATH, "{path} stalled, with {streams} streams"),
    "path-recovered": Said(_PATH, "{path} answers again"),
    "path-dead": Said(_PATH, "{path} is dead"),
    "path-up": Said(_PATH, "{path} is up"),
    "leader-changed": Said(("path", "before"), "new streams take {path}, and no more {before} ({why})"),
    "streams-rescued": Said(("path", "to"), "{count} streams were rescued to {to}: {why}"),
    "streams-resumed": Said(_PATH, "{count} streams from {path} went on, after {longest_ms} ms at the longest"),
    "streams-moved": Said(("path", "to"), "{count} streams moved from {path} to {to}: {why}"),
    "session-forgotten": Said(_NODE, "{node} was restarted: {streams} streams are lost"),
    "exit-lost": Said(_NODE, "exit {node} is gone: {streams} streams are lost"),
    "exit-sick": Said(_NODE, "exit {node} is sick: {why}"),
    "exit-well": Said(_NODE, "exit {node} is well again"),
    "node-draining": Said(_NODE, "{node} is about to stop"),
    "datagrams-leave-exit": Said(_NODE, "no path to {node} carries datagrams: they go on at another exit"),
    "association-leaves-exit": Said(_NODE, "an association leaves exit {node}, where it hears nothing"),
    "datagrams-carried": Said(_PATH, "UDP does not get through on {path}: its datagrams go by TCP"),
    "udp-policed": Said(_PATH, "{path} loses datagrams beyond {rate} bytes a second"),
    "udp-policed-tcp-too": Said(_PATH, "{path} loses as much in TCP: all goes by UDP again"),
    "udp-free": Said(_PATH, "datagrams pass on {path} again"),
    "loop-lagged": Said((), "this process stood still for {seconds} s"),
    "memory-short": Said((), "memory is short: {why}"),
    "kernel-memory-short": Said((), "the kernel's memory is short: {why}"),
    "accept-paused": Said((), "no descriptors are left for newcomers: {reason}"),
    "allowance-used-up": Said(("owner",), "{owner} has as many {what} as the allowance {by} leaves"),
    "quota-near": Said(_LINE, "line {line} has nearly used its quota: {used} of {amount} bytes, until {ends}"),
    "quota-used": Said(_LINE, "line {line} has used its quota: {used} of {amount} bytes, until {ends}"),
    "quota-fresh": Said(_LINE, "line {line} has room in its quota again: {used} of {amount} bytes, until {ends}"),
    "quota-set": Said(_LINE, "{used} bytes of the quota of line {line} were used, it was said"),
    "line-held": Said(_LINE, "line {line} is held by hand: nothing new goes over it"),
    "line-released": Said(_LINE, "line {line} is held no more: {why}"),
    "streams-ended": Said(_PATH, "{count} streams were reset on {path}: {why}"),
    "certificate-ends-soon": Said(
        _NAME, "the certificate of {name} is good until {ends}: run `ingress keys --renew {name}`"
    ),
    "certificate-renewed": Said(_NAME, "the certificate of {name} was renewed, until {ends}"),
    "state-not-kept": Said((), "what is learned cannot be kept: {why}"),
    "state-kept-again": Said((), "what is learned is kept again, in {file}"),
    "state-damaged": Said((), "the state file was damaged, and is {aside} now"),
}
"""By the event's name in the log (docs/logs.md). Refusals of clients are not among them: strangers can cause as
many as they like."""


class _Blanks(dict[str, Any]):
    """Fields; one that is not there is a dash."""

    def __missing__(self, key: str) -> str:
        return "-"


def names_in(event: str, fields: Mapping[str, object]) -> tuple[str, str]:
    """What *event* is about, and what else; empty texts where it is about nothing."""
    found = [str(fields[key]) for key in KEPT[event].about if key in fields] if event in KEPT else []
    first, second, *_ = (*found, "", "")
    return first, second


def sentence(event: str, fields: Mapping[str, object], language: str = EN) -> str:
    """What *event* says. Of a kind that another version kept: its name and fields."""
    if event not in KEPT:
        return " ".join([event, *(f"{key}={value}" for key, value in fields.items())])
    if language == EN or event not in CHINESE:
        return string.Formatter().vformat(KEPT[event].text, (), _Blanks(fields))
    told = {name: translate(value) if isinstance(value, str) else value for name, value in fields.items()}
    return string.Formatter().vformat(CHINESE[event], (), _Blanks(told))
