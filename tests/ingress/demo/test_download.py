"""The download's sentence: pauses, paths, hash. The client itself runs in tests/network."""

from ingress.demo.download import Watch
from ingress.demo.target.content import content


def watched(size: int, *arrivals: tuple[float, int]) -> Watch:
    """*size* asked for at 0.0, then (time, bytes) as they came."""
    watch, offset = Watch(size, 0.0), 0
    for when, length in arrivals:
        watch.add(content(offset, length), when)
        offset += length
    return watch


def test_a_whole_download_with_one_pause() -> None:
    watch = watched(300_000, (0.5, 100_000), (0.6, 100_000), (1.212, 100_000))
    assert watch.sentence(["a > b", "a > c"], None) == (
        "300 kB in 1.2 s (2 Mbit/s) over a > b, then a > c; one pause of 612 ms; SHA-256 right."
    )


def test_the_wait_for_the_first_byte_is_no_pause() -> None:
    assert "; no pause; SHA-256 right." in watched(1000, (0.9, 1000)).sentence([], None)


def test_many_pauses_are_listed_and_bounded() -> None:
    watch = watched(12_000, *((float(second), 1000) for second in range(1, 13)))
    assert "11 pauses, of 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, … ms" in watch.sentence([], None)


def test_wrong_bytes_are_told() -> None:
    watch = Watch(2000, 0.0)
    watch.add(content(1, 2000), 0.1)
    assert watch.sentence([], None).endswith("SHA-256 WRONG.")


def test_an_early_end_says_how_much_is_missing_and_why() -> None:
    watch = watched(30_000_000, (0.1, 1_000_000))
    assert watch.sentence([], "connection lost").endswith("no pause; it ended 29 MB too early: connection lost.")
