"""A list that can be asked: is this name, or this address, on it, and by which entry?"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from ingress.lists.entries import Entries, Scope
from ingress.lists.patterns import Pattern, compile_pattern
from relay.model.addresses import IpAddress
from relay.model.network import IpNetwork


class NameTable:
    """NameTable by what they stand for. A question costs a look-up or two for each label of the name."""

    __slots__ = ("_below", "_covered", "_itself", "_one_below")

    def __init__(self, names: Mapping[Scope, Iterable[str]]) -> None:
        self._itself = frozenset(names[Scope.ITSELF])
        self._covered = frozenset(names[Scope.COVERED])
        self._below = frozenset(names[Scope.BELOW])
        self._one_below = frozenset(names[Scope.ONE_BELOW])

    def find(self, name: str) -> str | None:
        """The nearest entry that stands for *name*, as paths.toml would spell it; None if there is none."""
        if name in self._itself:
            return f"={name}"
        if name in self._covered:
            return name
        at = name.find(".")
        above = name[at + 1 :]
        if self._one_below and at >= 0 and above in self._one_below:
            return f"*.{above} (one level)"
        while at >= 0:
            if above in self._covered:
                return above
            if above in self._below:
                return f"*.{above}"
            at = name.find(".", at + 1)
            above = name[at + 1 :]
        return None

    def __len__(self) -> int:
        return len(self._itself) + len(self._covered) + len(self._below) + len(self._one_below)


class NetworkTable:
    """NetworkTable as ranges that touch nowhere, in order: a question is one search, however many there are."""

    __slots__ = ("_first", "_last")

    def __init__(self, networks: Iterable[IpNetwork]) -> None:
        self._first: dict[int, list[int]] = {}
        self._last: dict[int, list[int]] = {}
        for version in (4, 6):
            ranges = sorted(
                (int(one.network_address), int(one.broadcast_address)) for one in networks if one.version == version
            )
            self._first[version], self._last[version] = _joined(ranges)

    def __contains__(self, address: IpAddress) -> bool:
        number, version = int(address), address.version
        at = bisect_right(self._first[version], number) - 1
        return at >= 0 and number <= self._last[version][at]

    def __len__(self) -> int:
        return sum(map(len, self._first.values()))


def _joined(ranges: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """First and last of each range, those that overlap or touch made one."""
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in ranges:
        if lasts and first <= lasts[-1] + 1:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return firsts, lasts


class TargetSet:
    """Never changed once it is made, so that a reload may make the next one in a thread."""

    __slots__ = ("_excepted", "_keywords", "_names", "_networks", "_patterns", "left_out")

    def __init__(self, entries: Entries) -> None:
        self._names = NameTable(entries.names)
        excepted = NameTable(entries.excepted)
        self._excepted = excepted if excepted else None
        self._networks = NetworkTable(entries.networks)
        self._keywords = tuple(sorted(set(entries.keywords)))
        self.left_out = dict(entries.left_out)
        """Entries that decide nothing, by what they are."""
        self._patterns: tuple[Pattern, ...] = self._compile(entries.patterns)

    def _compile(self, patterns: Iterable[str]) -> tuple[Pattern, ...]:
        found = []
        for text in dict.fromkeys(patterns):
            compiled = compile_pattern(text)
            if compiled is None:
                self.left_out[f"regular expression {text[:40]!r}"] = 1
            else:
                found.append(compiled)
        return tuple(found)

    def find_name(self, name: str) -> str | None:
        """The entry by which *name* (in the form of `parse_name`) is on the list; None if it is not."""
        if self._excepted is not None and self._excepted.find(name) is not None:
            return None
        found = self._names.find(name)
        if found is not None:
            return found
        for keyword in self._keywords:
            if keyword in name:
                return f"keyword {keyword}"
        for pattern in self._patterns:
            if pattern.search(name) is not None:
                return f"regular expression {pattern.pattern}"
        return None

    def has_address(self, address: IpAddress) -> bool:
        """Whether *address* (plain: no zone, not mapped) lies in a network of the list."""
        return address in self._networks

    @property
    def has_names(self) -> bool:
        """Whether any name could be on it."""
        return bool(self._names) or bool(self._keywords) or bool(self._patterns)

    @property
    def has_networks(self) -> bool:
        """Whether any address could be on it."""
        return bool(self._networks)

    @property
    def slow(self) -> int:
        """Keywords and regular expressions, each of which is tried on every name that nothing else stands for."""
        return len(self._keywords) + len(self._patterns)

    @property
    def counts(self) -> dict[str, int]:
        """What it holds, for people: `names`, `networks`, `keywords`, `regular expressions`; what there is none of is
        left out. NetworkTable that touch count as one."""
        all_counts = {
            "names": len(self._names),
            "exceptions": 0 if self._excepted is None else len(self._excepted),
            "networks": len(self._networks),
            "keywords": len(self._keywords),
            "regular expressions": len(self._patterns),
        }
        return {what: count for what, count in all_counts.items() if count}

    def __len__(self) -> int:
        return sum(self.counts.values())
