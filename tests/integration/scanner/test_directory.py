"""The directory in the inventory: all applications, what changed of them, nothing for no change."""

from dataclasses import replace
from typing import Any

import pytest

from services.scanner.domain.directory import (
    ApplicationKind,
    DirectoryObject,
    FederatedCredential,
    Owner,
    link,
)
from services.scanner.domain.inventory import Credential, ItemKind
from services.scanner.steps.sweep import sweep
from shared.clouds.errors import ThrottledError
from shared.events import SecretExpiring
from shared.events.scanning import ScanMode
from tests.support.scanner import DAY, NOW, Rig, a_credential

ADA = Owner(id="ada", kind="user", display_name="Ada", user_principal_name="ada@contoso.example")
BEN = Owner(id="ben", kind="servicePrincipal", display_name="Ben")
MAIN = FederatedCredential(
    id="f1", name="main", issuer="https://issuer", subject="repo:main", audiences=("a", "b")
)


def an_object(name: str = "payments", **changes: Any) -> DirectoryObject:
    given = {
        "kind": ApplicationKind.SERVICE_PRINCIPAL,
        "object_id": f"{name}-object",
        "app_id": f"{name}-app",
        "display_name": name,
        "created_on": NOW,
        "audience": "AzureADMyOrg",
        "owner_tenant_id": "another-tenant",
        "enabled": True,
        "principal_type": "Application",
        "tags": ("blue", "green"),
        "notes": "ask us",
        "owners": (ADA,),
        "federated": (),
        **changes,
    }
    return DirectoryObject(**given)


async def known(rig: Rig) -> dict[str, dict[str, Any]]:
    rows = await rig.pool.fetch(
        """
        SELECT object_id, kind, name, audience, owner_tenant_id, enabled, tags, owners, federated,
               owner_count, federated_count, credential_count, deleted_at IS NOT NULL AS gone
        FROM scanner.v_application
        """
    )
    return {row["object_id"]: dict(row) for row in rows}


async def entries(rig: Rig) -> list[tuple[str, str, list[str]]]:
    rows = await rig.pool.fetch(
        "SELECT name, what, fields FROM scanner.v_application_change ORDER BY id"
    )
    return [(row["name"], row["what"], [f["field"] for f in row["fields"]]) for row in rows]


async def versions(rig: Rig) -> list[Any]:
    """What PostgreSQL changes when a row is written: which transaction wrote each."""
    tables = ("application", "application_change", "credential", "item", "change")
    return [
        await rig.pool.fetch(f"SELECT xmin::text, ctid::text FROM scanner.{table} ORDER BY ctid")  # noqa: S608 - from above
        for table in tables
    ]


async def test_an_application_without_any_credential_is_known(rig: Rig) -> None:
    rig.cloud.objects_seen = [an_object(federated=(MAIN,))]

    await rig.scan()

    found = (await known(rig))["payments-object"]
    assert found["owners"] == [
        {
            "id": "ada",
            "kind": "user",
            "display_name": "Ada",
            "user_principal_name": "ada@contoso.example",
        }
    ]
    assert found["federated"][0]["audiences"] == ["a", "b"]
    assert (found["owner_count"], found["federated_count"], found["credential_count"]) == (1, 1, 0)
    assert (found["owner_tenant_id"], found["tags"]) == ("another-tenant", ["blue", "green"])
    assert await entries(rig) == [("payments", "added", [])]


async def test_a_credential_tells_what_holds_it_and_what_it_is_for(rig: Rig) -> None:
    credential = Credential(key_id="k1", usage="Sign", custom_key_identifier="AQID")
    item = a_credential(
        "k1", kind=ItemKind.APP_CERTIFICATE, thumbprint="010203", credential=credential
    )
    rig.cloud.objects_seen = [an_object(signing_thumbprint="010203")]
    rig.cloud.credentials_seen = [item]

    await rig.scan()

    row = await rig.row(
        "SELECT application_kind, key_id, usage, custom_key_identifier, signs_tokens"
        " FROM scanner.v_credential"
    )
    assert row == {
        "application_kind": "service_principal",
        "key_id": "k1",
        "usage": "Sign",
        "custom_key_identifier": "AQID",
        "signs_tokens": True,
    }


@pytest.mark.parametrize("mode", [ScanMode.FULL, ScanMode.FORCE])
async def test_a_rescan_of_an_unchanged_directory_writes_no_row(rig: Rig, mode: ScanMode) -> None:
    rig.cloud.objects_seen = [an_object(federated=(MAIN,)), an_object("orders", owners=None)]
    rig.cloud.credentials_seen = [a_credential("k1", credential=Credential(key_id="k1"))]
    await rig.scan()
    before = await versions(rig)

    await rig.scan(mode=mode)

    assert await versions(rig) == before


async def test_only_the_application_that_differs_is_written(rig: Rig) -> None:
    rig.cloud.objects_seen = [an_object(), an_object("orders")]
    await rig.scan()

    rig.cloud.objects_seen = [
        an_object(owners=(BEN,), federated=(MAIN,), enabled=False, audience="AzureADMultipleOrgs"),
        an_object("orders"),
    ]
    await rig.scan()

    changed = ("payments", "changed", ["audience", "enabled", "owner", "owner",
                                       "federated_credential"])  # fmt: skip
    assert (await entries(rig))[2:] == [changed]


async def test_an_application_is_gone_only_after_a_complete_listing(rig: Rig) -> None:
    rig.cloud.objects_seen = [an_object(), an_object("orders")]
    await rig.scan()

    rig.cloud.objects_seen = [an_object("orders")]
    rig.cloud.credentials_seen = ThrottledError("Slow down.", remedy="Wait.")
    await rig.scan()
    assert not any(found["gone"] for found in (await known(rig)).values())

    rig.cloud.credentials_seen = []
    await rig.scan()
    assert {name for name, found in (await known(rig)).items() if found["gone"]} == {
        "payments-object"
    }

    rig.cloud.objects_seen = [an_object(), an_object("orders")]
    await rig.scan()
    assert not any(found["gone"] for found in (await known(rig)).values())
    assert [what for _, what, _ in await entries(rig)][2:] == ["removed", "restored"]


async def test_owners_that_are_unknown_this_time_stay_as_they_were(rig: Rig) -> None:
    rig.cloud.objects_seen = [an_object(), an_object("orders", owners=None)]
    await rig.scan()
    rig.cloud.objects_seen = [an_object(owners=None), an_object("orders", owners=())]

    await rig.scan()

    found = await known(rig)
    assert found["payments-object"]["owner_count"] == 1
    assert found["orders-object"]["owner_count"] == 0
    assert [what for _, what, _ in await entries(rig)] == ["added", "added"]


async def test_one_that_is_on_two_pages_counts_once_as_it_was_seen_last(rig: Rig) -> None:
    rig.cloud.objects_seen = [an_object(), an_object(display_name="pay")]

    await rig.scan()

    assert [found["name"] for found in (await known(rig)).values()] == ["pay"]
    assert await entries(rig) == [("pay", "added", [])]


async def test_a_signing_certificate_is_announced_once_for_its_three_parts(rig: Rig) -> None:
    def part(key_id: str, kind: ItemKind, usage: str | None) -> Any:
        return a_credential(
            key_id,
            kind=kind,
            name="CN=SSO",
            expires_on=NOW + 3 * DAY,
            credential=Credential(key_id=key_id, usage=usage, custom_key_identifier="AQID"),
        )

    rig.cloud.credentials_seen = link(
        [
            part("a", ItemKind.APP_CERTIFICATE, "Sign"),
            part("b", ItemKind.APP_CERTIFICATE, "Verify"),
            part("a/password", ItemKind.APP_SECRET, None),
        ]
    )
    await rig.scan()

    await sweep(rig.pool, rig.outbox, now=NOW)

    assert len(await rig.outbox.sent(SecretExpiring)) == 1
    assert (await known(rig))["payments-object"]["credential_count"] == 1


async def test_the_same_name_on_an_application_and_its_principal_is_two_credentials(
    rig: Rig,
) -> None:
    end = {"expires_on": NOW + 3 * DAY}
    of_principal = a_credential("k2", app="principal", **end)
    newer = replace(of_principal, not_before=NOW - DAY)
    rig.cloud.credentials_seen = [a_credential("k1", **end), newer]
    await rig.scan()

    await sweep(rig.pool, rig.outbox, now=NOW)

    containers = [event.credential.container for event in await rig.outbox.sent(SecretExpiring)]
    assert sorted(containers) == ["payments", "principal"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE scanner.application SET kind = 'group'",
        "UPDATE scanner.application SET kind = 'application'",
        "UPDATE scanner.application SET owners = '{}'",
        "UPDATE scanner.application SET federated = '7'",
        "UPDATE scanner.application_change SET what = 'changed'",
    ],
)
async def test_a_half_state_of_an_application_is_refused(rig: Rig, change: str) -> None:
    rig.cloud.objects_seen = [an_object()]
    await rig.scan()

    with pytest.raises(Exception, match="violates check constraint"):
        await rig.pool.execute(change)
