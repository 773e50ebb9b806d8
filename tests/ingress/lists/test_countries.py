"""Countries of addresses, by databases of every kind that people have."""

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from ingress.lists.countries import Countries, country_of
from ingress.lists.load import has_changed, load_lists
from relay.errors import OperatorError

CN, US = {"country": {"iso_code": "CN"}}, {"registered_country": {"iso_code": "us"}}


def database(folder: Path, first: Any = CN, second: Any = US, kind: str = "GeoLite2-Country") -> Path:
    """Of 1.2.0.0/16 and 2001:db8::/32."""
    writer = MMDBWriter(6, database_type=kind, ipv4_compatible=True)
    writer.insert_network(IPSet(["1.2.0.0/16"]), first)
    writer.insert_network(IPSet(["2001:db8::/32"]), second)
    file = folder / "country.mmdb"
    writer.to_db_file(str(file))
    return file


@pytest.mark.parametrize(("first", "second"), [(CN, US), ("cn", "us"), (["geo", "cn"], ["us"])])
def test_an_address_of_either_family_is_found(tmp_path: Path, first: Any, second: Any) -> None:
    countries = Countries(database(tmp_path, first, second))
    assert countries.find(ipaddress.ip_address("1.2.3.4")) == "CN"
    assert countries.find(ipaddress.ip_address("2001:db8::7")) == "US"
    assert countries.find(ipaddress.ip_address("9.9.9.9")) is None
    assert countries.find(ipaddress.ip_address("::1")) is None


def test_a_database_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"another kind .GeoLite2-ASN."):
        Countries(database(tmp_path, {"autonomous_system_number": 1}, {"x": 1}, "GeoLite2-ASN"))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xab\xcd\xefMaxMind.com"])
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "country.mmdb"
    file.write_bytes(content)
    with pytest.raises(OperatorError, match="is no MaxMind database"):
        Countries(file)
    with pytest.raises(OperatorError, match=r"gone\.mmdb: "):
        Countries(tmp_path / "gone.mmdb")


def test_it_is_opened_again_when_it_changes(tmp_path: Path) -> None:
    file = database(tmp_path)
    first = load_lists([], file)
    assert load_lists([], file, first).countries is first.countries
    assert not has_changed(first)
    file.unlink()
    assert has_changed(first)
    assert first.countries is not None
    assert first.countries.find(ipaddress.ip_address("1.2.3.4")) == "CN"  # what is open lasts


JSON = st.recursive(
    st.none() | st.text(max_size=3) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["country", "iso_code", "x"]), inner),
)


@given(record=JSON)
def test_any_record_has_a_country_or_none(record: Any) -> None:
    found = country_of(record)
    assert found is None or isinstance(found, str)


@given(at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_a_damaged_database_is_refused_or_knows_less(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(database(folder).read_bytes())
    content[at % len(content)] = byte
    (folder / "damaged.mmdb").write_bytes(content)
    try:
        countries = Countries(folder / "damaged.mmdb")
    except OperatorError:
        return
    found = countries.find(ipaddress.ip_address("1.2.3.4"))
    assert found is None or isinstance(found, str)
