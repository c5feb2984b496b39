"""The small parts: arguments, names, roles, quotas, fault rules, paging tokens, the authority."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from pydantic import ValidationError

from sandbox import pki, throttle
from sandbox.arguments import parse
from sandbox.faults import Faults, Rule
from sandbox.names import names
from sandbox.profiles.dice import Dice
from sandbox.roles import ROLES
from sandbox.throttle import Window
from sandbox.wire import seal, unseal, whole_number


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--port", "99999"), "not a port"),
        (("--port", "-1"), "not a port"),
        (("--profile", "huge"), "invalid choice"),
        (("--seed", "x"), "invalid int"),
        (("--vaults", "-1"), "not a number of things"),
        (("--state", __file__), "is a file"),
        (("--ready-file", "/nowhere/ready.json"), "existing folder"),
        (("--what",), "unrecognized"),
    ],
)
def test_bad_arguments_end_with_status_two_and_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--state", str(tmp_path), *given])

    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_state_folder_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([])

    assert "--state" in capsys.readouterr().err


def test_the_authority_is_kept_and_renewed_when_it_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pki.ensure(tmp_path)
    authority, leaf = first.ca_file.read_bytes(), first.certificate_file.read_bytes()

    pki.ensure(tmp_path)
    assert (first.ca_file.read_bytes(), first.certificate_file.read_bytes()) == (authority, leaf)

    monkeypatch.setattr(pki, "_RENEW_BEFORE", timedelta(days=400))
    pki.ensure(tmp_path)
    assert first.ca_file.read_bytes() == authority
    assert first.certificate_file.read_bytes() != leaf


def test_a_damaged_authority_is_made_anew_with_a_fitting_leaf(tmp_path: Path) -> None:
    files = pki.ensure(tmp_path)
    files.ca_file.write_text("damaged")

    pki.ensure(tmp_path)

    ca = x509.load_pem_x509_certificate(files.ca_file.read_bytes())
    leaf = x509.load_pem_x509_certificate(files.certificate_file.read_bytes())
    leaf.verify_directly_issued_by(ca)


def test_the_listeners_certificate_names_every_host(tmp_path: Path) -> None:
    leaf = x509.load_pem_x509_certificate(pki.ensure(tmp_path).certificate_file.read_bytes())
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts = found.get_values_for_type(x509.DNSName)

    assert {"arm.sandbox.localhost", "*.vault.sandbox.localhost", "*.vault.azure.net"} <= set(hosts)


def test_under_real_names_no_port_shows_but_in_a_paging_link() -> None:
    real, own = names("public", 8443), names("sandbox", 8443)

    assert real.vault("kv") == "https://kv.vault.azure.net"
    assert real.paging_origin("kv") == "https://kv.vault.azure.net:443"
    assert own.paging_origin("kv") == own.vault("kv") == "https://kv.vault.sandbox.localhost:8443"


def test_resource_manager_takes_the_audience_that_its_cloud_is_known_by() -> None:
    gov = names("usgov", 8443)

    assert "https://management.core.usgovcloudapi.net" in gov.audiences("arm")
    assert gov.is_known("https://vault.usgovcloudapi.net")
    assert not gov.is_known("https://vault.azure.net")


@pytest.mark.parametrize(
    ("role", "action", "allowed"),
    [
        ("Key Vault Reader", "Microsoft.KeyVault/vaults/secrets/readMetadata/action", True),
        ("Key Vault Reader", "Microsoft.KeyVault/vaults/secrets/getSecret/action", False),
        ("Key Vault Reader", "Microsoft.KeyVault/vaults/keys/read", True),
        ("Key Vault Reader", "Microsoft.KeyVault/vaults/certificates/read", True),
        ("Key Vault Secrets User", "microsoft.keyvault/vaults/secrets/GETSECRET/action", True),
        ("Key Vault Secrets User", "Microsoft.KeyVault/vaults/secrets/setSecret/action", False),
        ("Key Vault Secrets Officer", "Microsoft.KeyVault/vaults/secrets/purge/action", True),
        ("Key Vault Secrets Officer", "Microsoft.KeyVault/vaults/keys/read", False),
        ("Key Vault Crypto Officer", "Microsoft.KeyVault/vaults/keys/create/action", True),
        ("Key Vault Certificates Officer", "Microsoft.KeyVault/vaults/certificates/read", True),
        ("Key Vault Administrator", "Microsoft.KeyVault/vaults/certificates/delete", True),
        ("Reader", "Microsoft.KeyVault/vaults/secrets/readMetadata/action", False),
        ("Owner", "Microsoft.KeyVault/vaults/secrets/getSecret/action", False),
    ],
)
def test_roles_allow_what_azures_roles_allow(role: str, action: str, *, allowed: bool) -> None:
    assert ROLES[role].allows(action, data=True) is allowed


def test_a_quota_frees_a_place_when_its_window_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    time = 100.0
    monkeypatch.setattr(throttle, "monotonic", lambda: time)
    window = Window(2, 5.0)

    assert [window.take("a"), window.take("a"), window.take("a"), window.take("b")] == [
        *(True, True, False, True)
    ]
    assert (window.left("a"), window.seconds_until_free("a")) == (0, 5.0)
    time = 105.0
    assert window.take("a")


def test_a_fault_meets_as_many_requests_as_it_counts() -> None:
    faults = Faults()
    number = faults.add(Rule(path="^/a", status=500, count=2))
    request = {"host": "h", "path": "/a/b", "method": "GET", "identity": ""}

    taken = [faults.take(**request) for _ in range(3)]

    assert [found[0] if found else None for found in taken] == [number, number, None]
    assert faults.take(**request | {"path": "/b"}) is None
    assert faults.rules()[0]["hits"] == 2


@pytest.mark.parametrize("rule", [{}, {"hang": True, "after": True}, {"path": "(", "hang": True}])
def test_a_fault_that_does_nothing_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule)


def test_paging_tokens_open_only_here() -> None:
    assert unseal(seal("25")) == "25"
    assert unseal("not base64 at all!") is None
    assert unseal("gIA") is None


def test_only_plain_whole_numbers_are_numbers() -> None:
    assert whole_number("25") == 25
    assert [whole_number(text) for text in ("", "-1", "1.0", "٣", "x")] == [None] * 5


def test_dice_repeat_for_a_seed() -> None:
    first, again, other = Dice("a"), Dice("a"), Dice("b")

    assert first.guid() == again.guid() != other.guid()
    assert first.text(40) == again.text(40)
