"""How long exits take to sites: what is known, assumed, asked, and how much of it is kept."""

from ingress.choice.connect_times import MOST_SITES, MOST_TIMED, PROBES_AT_ONCE, ConnectTimes, Probe
from ingress.measure.figures import Source


def test_an_unknown_exit_takes_as_long_as_the_nearest_known_one_of_that_site() -> None:
    targets = ConnectTimes(["us1", "us2", "us3"])
    assert targets.connect("a.example", "us1").time == 0.0
    targets.used("a.example", 443, 0.0)
    targets.connected("a.example", "us1", 0.1, 0.0)
    targets.connected("a.example", "us2", 0.04, 0.0)
    unknown = targets.connect("a.example", "us3")
    assert (unknown.time, unknown.source) == (0.04, Source.ASSUMED)
    assert targets.connect("other.example", "us1").time == 0.0  # another site says nothing of this one


def test_one_lost_segment_at_an_exit_is_not_believed() -> None:
    targets = ConnectTimes(["us1"])
    targets.used("a.example", 443, 0.0)
    for took in (0.1, 1.1, 0.12, 0.11):
        targets.connected("a.example", "us1", took, 0.0)
        assert targets.connect("a.example", "us1").time <= 0.12


def test_a_used_site_is_known_by_what_its_connects_took() -> None:
    targets = ConnectTimes(["us1", "us2"])
    targets.used("www.example.com", 443, 0.0)
    for took in (0.010, 0.030, 0.012):
        targets.connected("img.example.com", "us1", took, 1.0)
    connect = targets.connect("example.com", "us1")
    assert (connect.time, connect.source) == (0.012, Source.USED)
    assert set(targets.known("x.example.com")) == {"us1"}


def test_a_site_used_three_times_is_timed_once_by_each_other_exit_and_again_ten_minutes_later() -> None:
    targets = ConnectTimes(["us1", "us2", "us3"])
    for at in (0.0, 500.0):
        targets.used("www.example.com", 443, at)
        targets.connected("www.example.com", "us1", 0.01, at)
    assert targets.probes_wanted(500.0) == []
    targets.used("api.example.com", 8443, 590.0)
    wanted = [Probe("us2", "api.example.com", 8443), Probe("us3", "api.example.com", 8443)]
    assert targets.probes_wanted(590.0) == wanted
    assert targets.probes_wanted(591.0) == []
    targets.connected("api.example.com", "us2", 0.02, 592.0, probed=True)
    targets.failed("example.com", "us3", "connect-timeout")
    assert targets.connect("example.com", "us2").source is Source.MEASURED
    assert targets.connect("example.com", "us3").time == 1.0
    for at in (1000.0, 1001.0, 1002.0):
        targets.used("www.example.com", 443, at)
    assert {probe.exit for probe in targets.probes_wanted(1191.0)} == {"us1", "us3"}
    assert targets.probes_wanted(1700.0) == []


def test_probes_and_memory_are_bounded() -> None:
    targets = ConnectTimes(["us1", "us2"])
    for number in range(MOST_SITES + 100):
        for _ in range(3):
            targets.used(f"s{number}.test", 443, 0.0)
    assert MOST_SITES * 0.98 < len(targets._sites) <= MOST_SITES
    asked = 0
    while wanted := targets.probes_wanted(1.0):
        assert len(wanted) <= PROBES_AT_ONCE
        asked += len(wanted)
    assert asked == 2 * MOST_TIMED


def test_an_answer_about_a_site_that_was_forgotten_changes_nothing() -> None:
    targets = ConnectTimes(["us1"])
    targets.connected("a.example", "us1", 0.01, 0.0, probed=True)
    targets.failed("a.example", "us1", "connect-timeout")
    targets.forgive("a.example", "us1")
    assert targets.known("a.example") == {}
    assert targets.connect("a.example", "us1").note == "nothing is known of this site"


def test_an_exit_that_is_forgiven_is_as_it_was_before_it_could_not_connect() -> None:
    targets = ConnectTimes(["us1"])
    targets.used("a.example", 443, 0.0)
    targets.connected("a.example", "us1", 0.03, 0.0)
    targets.failed("a.example", "us1", "connect-timeout")
    assert targets.connect("a.example", "us1").time == 1.0
    targets.forgive("a.example", "us1")
    connect = targets.connect("a.example", "us1")
    assert (connect.time, connect.source) == (0.03, Source.USED)


def test_an_exit_is_asked_again_for_what_it_has_reached_the_latest_first() -> None:
    targets = ConnectTimes(["us1"])
    for at, name in enumerate(("a", "b", "c", "d")):
        targets.used(f"{name}.example", 443, float(at))
        targets.connected(f"{name}.example", "us1", 0.03, float(at))
    targets.failed("d.example", "us1", "connect-timeout")
    assert targets.reached_by("us1", 2) == [Probe("us1", "c.example", 443), Probe("us1", "b.example", 443)]
    assert targets.reached_by("us2", 2) == []
