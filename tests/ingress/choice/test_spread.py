"""Spreading streams: a heap that is renewed as it is asked gives what looking at every path would."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.entry import Entry
from ingress.choice.spread import Spread, by_room, by_streams, spread
from ingress.measure.figures import PathFigures
from tests.ingress.choice.figures import figure

FREE = st.none() | st.sampled_from([0.0, 1e6, 3e6, 1e7])
FIGURES = st.builds(lambda streams, is_full, free: (streams, is_full, free), st.integers(0, 5), st.booleans(), FREE)
Drawn = tuple[int, bool, float | None]


def entries(drawn: list[Drawn]) -> list[Entry]:
    made = []
    for number, (streams, is_full, free) in enumerate(drawn, 1):
        plain: PathFigures = figure(f"line{number}>us", 100)
        entry = Entry(attrs.evolve(plain, streams=streams, is_full=is_full, free=free), 0.0)
        entry.place(number, in_band=True)
        made.append(entry)
    return made


@given(st.lists(FIGURES, min_size=1, max_size=8), st.integers(0, 7), st.lists(st.booleans(), max_size=30))
def test_the_heap_gives_what_a_look_at_all_gives(drawn: list[Drawn], cut: int, asked_for_all: list[bool]) -> None:
    """Asked over all, and over the first part alone, in any order: what one was given the other knows."""
    band = entries(drawn)
    first, second = band[: cut % len(band)] or band, band[cut % len(band) :]
    parts = [Spread(first), *([Spread(second)] if first is not band else [])]
    for over_all in asked_for_all:
        bands, members = (parts, band) if over_all else (parts[:1], first)
        key_of = by_room if all(entry.figures.free is not None for entry in members) else by_streams
        wanted = min(members, key=key_of)
        assert spread(bands) is wanted
        wanted.give()
