"""Reading Key Vault's bundles: every form that is allowed, and no guess about any other."""

import base64
import contextlib
import ipaddress
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.adapters import bundles, paths
from services.scanner.adapters.x509 import describe
from shared.clouds.errors import BlindnessError, UnexpectedAnswerError

WHAT = "key pay"
VAULT = "https://kv-pay.vault.azure.net"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "path",
    [
        "/secrets/pay",
        "/secrets/pay/0123456789abcdef0123456789abcdef",
        "/secrets/versions",
        "/secrets//versions",
        "/secrets/pay/versions/",
        "/secrets/pay/versions/../",
        "/secrets/pay/versions/%2e%2e",
        "/secrets/pay%2fversions",
        "/secrets/a/b/versions",
        "/secrets/pay/backup",
        "/deletedsecrets/pay",
        "/keys/pay/0123456789abcdef0123456789abcdef",
        "/keys/pay/decrypt",
        "/certificates/pay/backup",
        "/certificates/pay/0123456789abcdef0123456789abcdef",
    ],
)
def test_no_path_that_reads_a_value_passes(path: str) -> None:
    with pytest.raises(BlindnessError):
        paths.VAULT.check("GET", f"{VAULT}{path}?api-version=7.6")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", ["/keys/pay", "/keys/pay/rotationpolicy", "/certificates/pay"])
def test_the_second_pass_only_gets(method: str, path: str) -> None:
    with pytest.raises(BlindnessError):
        paths.VAULT.check(method, f"{VAULT}{path}")
    paths.VAULT.check("GET", f"{VAULT}{path}")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/secrets", "secrets"),
        ("/keys/pay/versions", "versions"),
        ("/keys/pay", "key"),
        ("/keys/pay/rotationpolicy", "rotation_policy"),
        ("/certificates/pay", "certificate"),
        ("/certificates/pay/pending", "pending"),
        ("/secrets/pay", "other"),
        ("/certificates/pay/x", "other"),
        ("/a/b/c/d", "other"),
    ],
)
def test_each_request_is_counted_under_its_kind(path: str, kind: str) -> None:
    assert paths.kind_of(f"{VAULT}{path}?api-version=7.6") == kind


def test_a_key_in_hardware_is_told_from_its_type() -> None:
    modulus = base64.urlsafe_b64encode(b"\x80" + bytes(255)).rstrip(b"=").decode()
    bundle = {
        "key": {"kty": "RSA-HSM", "n": modulus, "key_ops": ["sign"]},
        "attributes": {"exportable": True},
        "release_policy": {"data": "x"},
    }

    found = bundles.key_detail(bundle, WHAT)

    assert (found.key_type, found.hsm, found.size) == ("RSA", True, 2048)
    assert (found.exportable, found.release_policy, found.operations) == (True, True, ("sign",))


@pytest.mark.parametrize(
    "bundle",
    [
        {},
        {"key": {"kty": 7}},
        {"key": "RSA"},
        {"key": {"kty": "RSA", "n": "!"}},
        {"key": {"kty": "RSA", "key_ops": [1]}},
        {"key": {"kty": "RSA"}, "attributes": {"exportable": "yes"}},
    ],
)
def test_a_malformed_key_is_refused(bundle: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedAnswerError):
        bundles.key_detail(bundle, WHAT)


@given(st.dictionaries(st.sampled_from(["key", "attributes", "policy", "cer", "status"]), JSON))
def test_any_answer_is_understood_or_refused(answer: dict[str, Any]) -> None:
    for read in (
        bundles.key_detail,
        bundles.rotation_policy,
        bundles.certificate_detail,
        bundles.certificate_policy,
        bundles.operation,
    ):
        with contextlib.suppress(UnexpectedAnswerError):
            assert hash(read(answer, WHAT)) is not None


def test_an_operations_texts_are_cut_and_cleaned() -> None:
    jwt = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{'dozjgNryP4J3jVmNHl0w5N' * 2}"
    found = bundles.operation(
        {
            "status": "failed",
            "status_details": "a\r\nb\x00c",
            "csr": "MII",
            "error": {"code": "Failed", "message": f"token {jwt} " + "x" * 900},
        },
        WHAT,
    )

    assert found.status_details == "a b\ufffdc"
    assert found.error_message is not None
    assert jwt not in found.error_message
    assert len(found.error_message) == 500


def certificate(
    key: Any, *names: x509.GeneralName, subject: str = "pay", ca: bool = False
) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(255)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey)
    signed = builder.sign(key, None if is_edwards else hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def test_names_of_every_kind_are_read() -> None:
    directory = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
    found = describe(
        certificate(
            ec.generate_private_key(ec.SECP521R1()),
            x509.DNSName("*.example"),
            x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
            x509.RFC822Name("a@b.example"),
            x509.UniformResourceIdentifier("spiffe://x"),
            x509.DirectoryName(directory),
            x509.RegisteredID(ObjectIdentifier("1.2.3")),
            x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x03a@b"),
            x509.OtherName(ObjectIdentifier("1.2.4"), b"\x04\x01\xff"),
            ca=True,
        )
    )

    assert [(name.kind, name.name) for name in found.alternative_names] == [
        ("dns", "*.example"),
        ("ip", "2001:db8::1"),
        ("email", "a@b.example"),
        ("uri", "spiffe://x"),
        ("directory", "CN=host"),
        ("registered_id", "1.2.3"),
        ("other", "1.3.6.1.4.1.311.20.2.3:a@b"),
        ("other", "1.2.4:0401ff"),
    ]
    assert (found.curve, found.key_size, found.serial) == ("P-521", 521, "ff")
    assert found.is_ca
    assert found.self_signed
    assert found.not_after.year == 9999


def test_a_key_on_an_edwards_curve_and_a_certificate_without_names_are_read() -> None:
    found = describe(certificate(ed25519.Ed25519PrivateKey.generate()))

    assert (found.key_type, found.curve, found.key_size) == ("OKP", "Ed25519", None)
    assert found.alternative_names == ()
    assert not found.is_ca


def test_a_forged_signature_does_not_count_as_self_signed() -> None:
    der = bytearray(certificate(ec.generate_private_key(ec.SECP256R1())))
    der[-1] ^= 1

    assert not describe(bytes(der)).self_signed
