"""Charges a thread's CPU time to one stage at a time: a call inside a call is taken off its caller.

What must stay true: all time is charged once. There is always one running stage; entering a wrapped function stops it
and starts another, and leaving, also by an exception, goes back. A call within its own stage changes nothing and reads
no clock. What the clock itself costs is known by `calibrate`, and taken off by whoever reads (`snapshot.corrected`).
"""

import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import attrs

REST = "loop"
"""The stage that runs when no other does."""
CALLS, TRIES = 2_000, 7
"""Calls of one calibration, and how often it is done; the quickest counts, as the others were disturbed."""

Function = Callable[..., Any]


@attrs.define
class Account:
    """What one stage has used, in nanoseconds, and how often the clock was moved, which it paid for."""

    spent: int = 0
    entered: int = 0
    left: int = 0
    """Calls out of this stage into another."""
    nested: int = 0
    """Calls from this stage into itself."""


@attrs.frozen
class Cost:
    """What a wrapped call adds, in nanoseconds: to its own stage, to its caller's, and if both are the same."""

    inner: float
    outer: float
    nested: float


class Clock:
    """One thread's accounts, by stage, and its calls, by function."""

    __slots__ = ("_now", "_running", "_since", "accounts", "calls")

    def __init__(self, now: Callable[[], int] = time.thread_time_ns) -> None:
        self.accounts = {REST: Account()}
        self.calls: dict[str, list[int]] = {}
        """One number in a list, so that a call need not look its name up."""
        self._now = now
        self._running = self.accounts[REST]
        self._since = now()

    def timed(self, stage: str, name: str, function: Function) -> Function:
        """*function*, charged to *stage*, and counted as *name*."""
        account = self.accounts.setdefault(stage, Account())
        calls = self.calls.setdefault(name, [0])
        now = self._now

        @wraps(function)
        def call(*arguments: object, **named: object) -> Any:
            calls[0] += 1
            caller = self._running
            if caller is account:
                account.nested += 1
                return function(*arguments, **named)
            caller.left += 1
            account.entered += 1
            moment = now()
            caller.spent += moment - self._since
            self._running, self._since = account, moment
            try:
                return function(*arguments, **named)
            finally:
                moment = now()
                account.spent += moment - self._since
                self._running, self._since = caller, moment

        return call

    def settle(self) -> None:
        """Charge the running stage up to now."""
        moment = self._now()
        self._running.spent += moment - self._since
        self._since = moment


def timed_by_owner(function: Function, by_owner: Mapping[type, Function]) -> Function:
    """A method that is charged by the class of its object's `owner`; as it is, for one that nobody asked for."""

    @wraps(function)
    def call(endpoint: Any, events: int) -> Any:
        return by_owner.get(type(endpoint.owner), function)(endpoint, events)

    return call


def calibrate(now: Callable[[], int] = time.thread_time_ns) -> Cost:
    """What a wrapped call costs on this machine."""
    plain = min(_each(now, _empty) for _ in range(TRIES))
    inner, outer = min((_switch(now, plain) for _ in range(TRIES)), key=sum)
    nested = min(_nested(now, plain) for _ in range(TRIES))
    return Cost(inner, outer, nested)


def _switch(now: Callable[[], int], plain: float) -> tuple[float, float]:
    clock = Clock(now)
    whole = _each(now, clock.timed("empty", "empty", _empty)) - plain
    inner = max(clock.accounts["empty"].spent / CALLS - plain, 0.0)
    return inner, max(whole - inner, 0.0)


def _nested(now: Callable[[], int], plain: float) -> float:
    clock = Clock(now)
    inside = clock.timed("empty", "empty", _empty)
    whole: float = clock.timed("empty", "outside", _each)(now, inside)
    return max(whole - plain, 0.0)


def _each(now: Callable[[], int], function: Function) -> float:
    """Nanoseconds of one call."""
    began = now()
    for _ in range(CALLS):
        function()
    return (now() - began) / CALLS


def _empty() -> None:
    """What is called to see what calling costs."""
