"""The rest of the directory: service principals, owners, federated credentials, signing keys.

It is thrown with dice of its own, so that what a seed gives elsewhere stays as it was.
"""

import base64
from dataclasses import dataclass
from typing import Final

from sandbox.estate.directory import (
    MICROSOFT_TENANT,
    Application,
    DirectoryObject,
    FederatedCredential,
    KeyCredential,
    PasswordCredential,
    ServicePrincipal,
)
from sandbox.estate.model import Estate
from sandbox.profiles.applications import key_credential, password
from sandbox.profiles.dice import DAY, Dice

_AUDIENCES: Final = (
    ("AzureADMyOrg", 6.0),
    ("AzureADMultipleOrgs", 2.0),
    ("AzureADandPersonalMicrosoftAccount", 1.0),
)
_ISSUERS: Final = (
    ("https://token.actions.githubusercontent.com", "repo:contoso/{0}:ref:refs/heads/main"),
    ("https://vstoken.dev.azure.com/8a1e3a1c-2c1f-4a0e-9d4c-7f1d0b6c5a11", "sc://contoso/{0}"),
    ("https://westeurope.oic.prod-aks.azure.com/contoso/", "system:serviceaccount:{0}:workload"),
)
_FIRST_PARTY: Final = (
    ("00000003-0000-0000-c000-000000000000", "Microsoft Graph"),
    ("cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "Azure Key Vault"),
    ("797f4846-ba00-4fd7-ba43-dac1f8f63013", "Windows Azure Service Management API"),
)
_SAML: Final = ("Salesforce", "ServiceNow", "Workday", "Zoom", "Box")
_MOST_OWNERS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much there is of what: `odd` adds what a listing must not stumble over."""

    signing: int
    signing_days: tuple[int, int]
    foreign: int
    odd: bool = False


CONTOSO: Final = Plan(signing=3, signing_days=(200, 900), foreign=2)
EVERYTHING: Final = Plan(signing=5, signing_days=(-20, 400), foreign=12, odd=True)


def furnish(estate: Estate, now: int, plan: Plan) -> None:
    """Give every application its principal, and the directory what else belongs there."""
    dice = Dice(f"{estate.profile}:{estate.seed}:directory")
    found = estate.service_principals
    for application in estate.applications:
        _describe(dice, application, plan)
        found.append(_principal_of(dice, estate, application))
    found += [_managed(dice, estate, now, plan, name) for name in estate.principals]
    found[:] = [each for each in found if each.object_id]
    found += [_first_party(dice, now, *each) for each in _FIRST_PARTY]
    found += [_foreign(dice, now, number) for number in range(plan.foreign)]
    found += [_enterprise(dice, estate, now, plan, name) for name in _SAML[: plan.signing]]
    if plan.odd:
        _add_borders(dice, estate, now)


def _describe(dice: Dice, application: Application, plan: Plan) -> None:
    application.audience = dice.pick_weighted(_AUDIENCES)
    application.tags = ("production", "team:" + dice.pick(("web", "data"))) * dice.chance(0.3)
    application.notes = "Ask the platform team." if dice.chance(0.2) else None
    application.service_reference = f"CMDB-{dice.integer(1, 9_999)}" if dice.chance(0.3) else None
    for _ in range(dice.pick((1, 1, 2, 3)) if dice.chance(0.4 if plan.odd else 0.2) else 0):
        application.federated.append(_federated(dice, len(application.federated)))


def _federated(dice: Dice, number: int) -> FederatedCredential:
    issuer, subject = dice.pick(_ISSUERS)
    return FederatedCredential(
        id=dice.guid(),
        name=f"workload-{number}",
        issuer=issuer,
        subject=subject.format(f"app-{dice.integer(1, 99)}"),
        description=dice.pick((None, "Deploys without a secret")),
    )


def _principal_of(dice: Dice, estate: Estate, application: Application) -> ServicePrincipal:
    return ServicePrincipal(
        object_id=application.principal_id,
        app_id=application.app_id,
        display_name=application.display_name,
        created=application.created + dice.integer(1, 90),
        owners=application.owners if dice.chance(0.5) else (),
        audience=application.audience,
        enabled=not dice.chance(0.1),
        owner_tenant=estate.tenant_id,
        tags=("WindowsAzureActiveDirectoryIntegratedApp",) * dice.chance(0.7),
        notes="Created by the portal." if dice.chance(0.1) else None,
    )


def _managed(dice: Dice, estate: Estate, now: int, plan: Plan, name: str) -> ServicePrincipal:
    """Return a managed identity's principal; one without an id for any other identity."""
    each = estate.principals[name]
    found = ServicePrincipal(
        object_id=each.object_id if each.kind == "managed" else "",
        app_id=each.client_id,
        display_name=f"id-certifyclouds-{each.name}",
        created=now - dice.seconds(10, 90),
        kind="ManagedIdentity",
        audience=None,
    )
    if plan.odd and dice.chance(0.5):
        found.federated.append(_federated(dice, 0))
    begun = now - dice.seconds(1, 40)
    # Azure renews a managed identity's certificate by itself, twice a quarter.
    found.keys.append(
        KeyCredential(
            key_id=dice.guid(),
            display_name=f"CN={each.client_id}",
            start=begun,
            end=begun + 90 * DAY,
            custom_key_identifier=None,
        )
    )
    return found


def _first_party(dice: Dice, now: int, app_id: str, name: str) -> ServicePrincipal:
    return ServicePrincipal(
        object_id=dice.guid(),
        app_id=app_id,
        display_name=name,
        created=now - dice.seconds(900, 2_000),
        audience="AzureADMultipleOrgs",
        owner_tenant=MICROSOFT_TENANT,
    )


def _foreign(dice: Dice, now: int, number: int) -> ServicePrincipal:
    """Return another company's application that was given a secret in this tenant."""
    found = ServicePrincipal(
        object_id=dice.guid(),
        app_id=dice.guid(),
        display_name=f"Fabrikam Connector {number + 1}",
        created=now - dice.seconds(100, 900),
        audience="AzureADMultipleOrgs",
        owner_tenant=dice.guid(),
        enabled=not dice.chance(0.3),
    )
    if number == 0:
        begun = now - 20 * DAY
        found.passwords.append(
            PasswordCredential(
                key_id=dice.guid(),
                display_name="added in this tenant",
                start=begun,
                end=begun + 365 * DAY,
                text=dice.text(40),
            )
        )
    return found


def _enterprise(dice: Dice, estate: Estate, now: int, plan: Plan, name: str) -> ServicePrincipal:
    """Return an enterprise application with single sign-on by SAML.

    Entra keeps its signing certificate as a key that signs, a key that verifies and the password of
    the first, under one identifier; the password has the signing key's id.
    """
    found = ServicePrincipal(
        object_id=dice.guid(),
        app_id=dice.guid(),
        display_name=name,
        created=now - dice.seconds(100, 900),
        owner_tenant=estate.tenant_id,
        tags=("WindowsAzureActiveDirectoryCustomSingleSignOnApplication",),
        notes="Single sign-on",
    )
    certificate = key_credential(dice, now, name)
    end = now + DAY * dice.integer(*plan.signing_days)
    thumbprint = certificate.custom_key_identifier or ""
    sign(found, dice, thumbprint, end - 1_095 * DAY, end)
    found.signing_thumbprint = thumbprint
    return found


def sign(found: DirectoryObject, dice: Dice, thumbprint: str, start: int, end: int) -> None:
    """Add a signing certificate in its three parts."""
    identifier = base64.b64encode(bytes.fromhex(thumbprint)).decode()
    key_id, name = dice.guid(), "CN=Microsoft Azure Federated SSO Certificate"
    kinds: Final = (("X509CertAndPassword", "Sign"), ("AsymmetricX509Cert", "Verify"))
    for number, (kind, usage) in enumerate(kinds):
        found.keys.append(
            KeyCredential(
                key_id=dice.guid() if number else key_id,
                display_name=name,
                start=start,
                end=end,
                custom_key_identifier=identifier,
                type=kind,  # type: ignore[arg-type] # one of the two above
                usage=usage,  # type: ignore[arg-type] # one of the two above
            )
        )
    found.passwords.append(
        PasswordCredential(
            key_id=key_id,
            display_name=name,
            start=start,
            end=end,
            text=dice.text(40),
            custom_key_identifier=identifier,
        )
    )


def _add_borders(dice: Dice, estate: Estate, now: int) -> None:
    """Stand at the borders: as many owners as an expansion shows, one more, and far more."""
    owners = (_MOST_OWNERS - 1, _MOST_OWNERS, _MOST_OWNERS + 1, 45)
    for count, application in zip(owners, estate.applications[10:], strict=False):
        application.owners = tuple(f"Owner {number:02d}" for number in range(count))
    principals = estate.service_principals
    principals[12].owners = tuple(f"Owner {number:02d}" for number in range(25))
    estate.applications[15].owner_principals = (principals[0].object_id, principals[-1].object_id)
    estate.applications[16].federated = [_federated(dice, number) for number in range(20)]
    for principal in principals[20:40]:
        principal.passwords.append(password(dice, now))
        principal.keys.append(key_credential(dice, now, principal.display_name))
    second = key_credential(dice, now, "second").custom_key_identifier or ""
    sign(principals[-1], dice, second, now - 10 * DAY, now + 900 * DAY)
