"""An exit that answers and reaches no targets: what clients notice, and what is said of it. Real processes, in network
namespaces; needs root and iproute2."""

from collections.abc import Iterator

import pytest

from bench.exits.bed import FAULTS, ExitBed, missing, opened_bed
from bench.exits.watch import watch
from bench.load import Failed

pytestmark = pytest.mark.network

SITES, LASTS = 6, 3.0
SAID = {"uplink": "its uplink is silent", "route": "it has no route to them", "names": "its DNS does not answer"}


@pytest.fixture
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExitBed]:
    why = missing()
    if why is not None:
        pytest.skip(why)
    with opened_bed(tmp_path_factory.mktemp("sick")) as bed:
        yield bed


@pytest.mark.parametrize("fault", FAULTS)
def test_f1_no_client_notices_an_exit_that_reaches_nothing(bed: ExitBed, fault: str) -> None:
    """One request every 100 ms; the exit is named and told apart, and trusted again when it is well."""
    before = len(bed.log())
    try:
        seen = watch(bed, fault, SITES, LASTS, at_least="exit-sick")
    except Failed as error:
        raise AssertionError(f"{error}\n{bed.told()}") from error
    assert seen.errors == [], bed.told()
    said = [one for one in bed.log()[before:] if one["event"] in ("exit-sick", "exit-well")]
    assert [one["event"] for one in said] == ["exit-sick", "exit-well"], said
    assert said[0]["node"] == "one" and SAID[fault] in said[0]["why"]
