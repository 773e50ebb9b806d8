import datetime
import re
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from ingress.keys import make_keys
from relay.errors import OperatorError
from relay.identity import KeysError, load_identity

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def make(root: Path, *nodes: str, now: datetime.datetime = NOW, renew: str | None = None) -> list[str]:
    """Make keys for an ingress and *nodes*; returns what was written, relative to *root*."""
    return [str(path.relative_to(root)) for path in make_keys(root / "keys", ["shanghai"], nodes, now, renew)]


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_ca_and_a_folder_for_each_name(tmp_path: Path) -> None:
    written = make(tmp_path, "jp")
    assert written[:2] == ["ca/ca.key", "ca/ca.pem"]
    assert set(written) == set(contents(tmp_path))
    assert {path.name for path in (tmp_path / "keys" / "jp").iterdir()} == {"ca.pem", "node.pem", "node.key"}


def test_all_of_it_is_for_its_owner_only(tmp_path: Path) -> None:
    make(tmp_path, "jp")
    for path in tmp_path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_certificate_says_name_role_and_times(tmp_path: Path) -> None:
    make(tmp_path, "jp")
    ca = certificate(tmp_path / "ca" / "ca.pem")
    assert (ca.not_valid_before_utc, ca.not_valid_after_utc) == (NOW - DAY, NOW + 20 * 365 * DAY)
    for name, role in (("jp", ExtendedKeyUsageOID.SERVER_AUTH), ("shanghai", ExtendedKeyUsageOID.CLIENT_AUTH)):
        found = certificate(tmp_path / "keys" / name / "node.pem")
        found.verify_directly_issued_by(ca)
        assert (found.not_valid_before_utc, found.not_valid_after_utc) == (NOW - DAY, NOW + 5 * 365 * DAY)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(names) == [x509.DNSName(name)]
        assert list(found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [role]
        key = found.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)


def test_the_ca_s_name_tells_nothing(tmp_path: Path) -> None:
    """A node's certificate names its CA to every stranger who connects."""
    names = set()
    for root in (tmp_path / "one", tmp_path / "two"):
        make(root, "jp")
        (name,) = certificate(root / "keys" / "jp" / "node.pem").issuer
        assert re.fullmatch(r"[0-9a-f]{16}", str(name.value))
        names.add(name.value)
    assert len(names) == 2


def test_a_ca_made_before_its_name_was_random_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ingress.certificates._random_name", lambda: "ingress CA")
        make(tmp_path, "jp")
    make(tmp_path, "jp", "us", now=datetime.datetime.now(datetime.UTC), renew="jp")
    for name in ("shanghai", "jp", "us"):
        assert load_identity(tmp_path / "keys", name).name == name
    (issuer,) = certificate(tmp_path / "keys" / "us" / "node.pem").issuer
    assert issuer.value == "ingress CA"


def test_no_certificate_outlives_its_ca(tmp_path: Path) -> None:
    make(tmp_path, "jp")
    make(tmp_path, "jp", "us", now=NOW + 18 * 365 * DAY)
    ends = certificate(tmp_path / "keys" / "us" / "node.pem").not_valid_after_utc
    assert ends == certificate(tmp_path / "ca" / "ca.pem").not_valid_after_utc


def test_what_is_missing_is_added_and_nothing_overwritten(tmp_path: Path) -> None:
    make(tmp_path, "jp")
    before = contents(tmp_path)
    assert make(tmp_path, "jp") == []
    (tmp_path / "keys" / "jp" / "node.pem").unlink()
    us = [f"keys/us/{name}" for name in ("ca.pem", "node.key", "node.pem")]
    assert make(tmp_path, "jp", "us") == ["keys/jp/node.pem", *us]
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"keys/jp/node.pem"}


def test_one_is_renewed_with_a_new_key(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    make(tmp_path, "jp", "us", now=now - 4 * 365 * DAY)
    before = contents(tmp_path)
    assert make(tmp_path, "jp", "us", now=now, renew="jp") == ["keys/jp/node.key", "keys/jp/node.pem"]
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"keys/jp/node.key", "keys/jp/node.pem"}
    ends = load_identity(tmp_path / "keys", "jp").expires
    assert ends == pytest.approx((now + 5 * 365 * DAY).timestamp(), abs=2)


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ("ca/ca.key", r"ca\.key: is missing; bring back the CA"),
        ("ca/ca.pem", r"ca\.pem: is missing; bring back the CA"),
        ("keys/jp/node.key", r"node\.key: is missing; run `ingress keys --renew jp`"),
    ],
)
def test_what_cannot_be_made_again_is_said(tmp_path: Path, lost: str, expected: str) -> None:
    make(tmp_path, "jp")
    (tmp_path / lost).unlink()
    with pytest.raises(KeysError, match=expected):
        make(tmp_path, "jp")


def test_a_lost_ca_is_not_replaced_by_another(tmp_path: Path) -> None:
    make(tmp_path, "jp")
    (tmp_path / "ca").rename(tmp_path / "elsewhere")
    with pytest.raises(KeysError, match="bring back the CA that made these keys"):
        make(tmp_path, "jp", "us")


def test_a_folder_of_another_ca_is_named(tmp_path: Path) -> None:
    make(tmp_path / "one", "jp")
    make(tmp_path / "other", "jp")
    (tmp_path / "other" / "keys" / "jp").rename(tmp_path / "one" / "keys" / "us")
    with pytest.raises(KeysError, match=r"us/ca\.pem: is of another CA"):
        make(tmp_path / "one", "jp", "us")


@pytest.mark.parametrize("file", ["ca.key", "ca.pem"])
def test_a_ca_of_rubbish_or_open_to_others_is_refused(tmp_path: Path, file: str) -> None:
    make(tmp_path, "jp")
    (tmp_path / "ca" / file).write_bytes(b"rubbish")
    with pytest.raises(KeysError, match=f"{file}: is not a"):
        make(tmp_path, "us")
    (tmp_path / "ca" / file).chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        make(tmp_path, "us")


def test_a_ca_whose_key_is_of_another_kind_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "jp")
    file = tmp_path / "ca" / "ca.key"
    file.write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(OperatorError, match=re.escape(f"{file}: is not an elliptic-curve key; bring it back")):
        make(tmp_path, "us")
