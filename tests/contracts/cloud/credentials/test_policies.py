"""App management policies and caps: which credentials a tenant does not let an application have."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.rotated import Applications, certify
from tests.support.sandbox import Way

DAY = 86_400
TENANTS = "00000000-0000-0000-0000-000000000000"
DEFAULT = "policies/defaultAppManagementPolicy"


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


@pytest.fixture
def reader(way: Way) -> Applications:
    return Applications(way, "sync")


async def test_a_tenant_can_forbid_new_secrets(way: Way, graph: Applications) -> None:
    application = graph.owned()["id"]

    with way.sandbox.control.app_policy(password_addition_blocked=True):
        status, body, _ = await graph.add(application)
    allowed, _, _ = await graph.add(application)

    assert (status, body["error"]["code"]) == (400, "CredentialTypeNotAllowedAsPerAppPolicy")
    words = f"Credential type not allowed as per assigned policy '{TENANTS}'."
    assert body["error"]["message"] == words
    assert allowed == 200


async def test_a_tenant_can_limit_how_long_secrets_hold(way: Way, graph: Applications) -> None:
    application = graph.owned()["id"]

    with way.sandbox.control.app_policy(password_seconds=90 * DAY):
        too_long, body, _ = await graph.add(application, endDateTime=in_days(91))
        by_default, _, _ = await graph.add(application)
        short, _, _ = await graph.add(application, endDateTime=in_days(89))

    assert (too_long, by_default, short) == (400, 400, 200)
    assert body["error"]["code"] == "CredentialInvalidLifetimeAsPerAppPolicy"
    assert body["error"]["details"] == [
        {
            "code": "InvalidKeyEndDate",
            "message": body["error"]["message"],
            "target": "EndDate",
        }
    ]


async def test_a_tenant_can_limit_how_long_certificates_hold(way: Way, graph: Applications) -> None:
    application = graph.owned(5)["id"]

    with way.sandbox.control.app_policy(key_seconds=30 * DAY):
        too_long, body, _ = await graph.set_keys(application, certify().as_credential())
        short, _, _ = await graph.set_keys(
            application, certify().as_credential(endDateTime=in_days(29))
        )
    (held,) = (await graph.read(f"applications/{application}"))["keyCredentials"]
    with way.sandbox.control.app_policy(key_seconds=DAY):
        stays, _, _ = await graph.set_keys(application, {"keyId": held["keyId"], "key": None})

    assert (too_long, body["error"]["code"]) == (400, "CredentialInvalidLifetimeAsPerAppPolicy")
    assert (short, stays) == (204, 204)


async def test_an_applications_own_policy_takes_the_place_of_the_tenants(
    way: Way, graph: Applications
) -> None:
    application, other = graph.owned()["id"], graph.owned(1)["id"]
    control = way.sandbox.control

    with (
        control.app_policy(password_addition_blocked=True),
        control.app_policy(application, password_seconds=30 * DAY) as own,
    ):
        allowed, _, _ = await graph.add(application, endDateTime=in_days(29))
        too_long, body, _ = await graph.add(application, endDateTime=in_days(31))
        blocked, _, _ = await graph.add(other)
        control.put("app-policy", application=application, enabled=False)
        exempt, _, _ = await graph.add(application)

    assert (allowed, too_long, blocked, exempt) == (200, 400, 400, 200)
    assert own["id"] in body["error"]["message"]


async def test_policies_are_read_with_the_permission_for_them(
    way: Way, graph: Applications, reader: Applications
) -> None:
    application = graph.owned()["id"]
    control, own = way.sandbox.control, f"applications/{graph.owned()['id']}/appManagementPolicies"
    roles = ("Policy.Read.ApplicationConfiguration", "Application.Read.All")
    denied, _, _ = await graph.send("GET", DEFAULT, None)
    refused, _, _ = await graph.send("GET", own, None)

    with control.graph_roles("sync", *roles):
        at_first, none = await reader.read(DEFAULT), await reader.read(own)
        with (
            control.app_policy(password_addition_blocked=True, key_seconds=365 * DAY),
            control.app_policy(application, password_seconds=DAY * 45 // 2),
        ):
            tenants, applications = await reader.read(DEFAULT), await reader.read(own)

    assert (denied, refused) == (403, 403)
    assert (at_first["id"], at_first["isEnabled"], none["value"]) == (TENANTS, False, [])
    assert at_first["applicationRestrictions"] == {"passwordCredentials": [], "keyCredentials": []}
    assert tenants["isEnabled"]
    (addition,) = tenants["applicationRestrictions"]["passwordCredentials"]
    (lifetime,) = tenants["applicationRestrictions"]["keyCredentials"]
    assert (addition["restrictionType"], addition["maxLifetime"]) == ("passwordAddition", None)
    assert (lifetime["restrictionType"], lifetime["maxLifetime"]) == (
        "asymmetricKeyLifetime",
        "P365D",
    )
    (policy,) = applications["value"]
    (shorter,) = policy["restrictions"]["passwordCredentials"]
    assert (shorter["restrictionType"], shorter["maxLifetime"], shorter["state"]) == (
        "passwordLifetime",
        "P22DT12H",
        "enabled",
    )


async def test_an_application_has_room_for_so_many_credentials(
    way: Way, graph: Applications
) -> None:
    application = graph.owned(2)["id"]
    held = len(await graph.ids(application)) + len(await graph.ids(application, "keyCredentials"))
    limits = way.sandbox.control.put("credential-limits", most=held + 1)
    assert limits == {"most": held + 1, "most_personal_passwords": 2}
    try:
        last, made, _ = await graph.add(application)
        full, body, _ = await graph.add(application)
        too_many, _, _ = await graph.set_keys(
            application, *(certify().as_credential() for _ in range(held + 2))
        )
        removed, _, _ = await graph.remove(application, made["keyId"])
        room, _, _ = await graph.add(application)
    finally:
        way.sandbox.control.put("credential-limits", most=1_000)

    assert (last, full, too_many, removed, room) == (200, 403, 403, 204, 200)
    assert body["error"]["code"] == "Directory_ResourceSizeExceeded"


async def test_where_personal_accounts_sign_in_there_is_room_for_two_secrets(way: Way) -> None:
    with way.sandbox.control.graph_roles("sync", "Application.ReadWrite.All"):
        writer = Applications(way, "sync")
        personal = next(
            each["id"]
            for each in way.sandbox.at_first["applications"]
            if "Personal" in each["signInAudience"] and not each["passwordCredentials"]
        )
        statuses = [(await writer.add(personal))[0] for _ in range(2)]
        status, body, _ = await writer.add(personal)

    assert statuses == [200, 200]
    assert (status, body["error"]["message"]) == (
        400,
        "Not allowed to add 3 passwords. You can only add a maximum of 2 passwords.",
    )


@pytest.mark.parametrize(
    ("method", "what", "setting", "words"),
    [
        ("PUT", "app-policy", {"application": "nothing"}, "no application"),
        ("PUT", "app-policy", {"password_seconds": 0}, "password_seconds"),
        ("PUT", "replication", {"token_seconds": -1}, "token_seconds"),
        ("PUT", "replication", {"stale_reads": 1.5}, "stale_reads"),
        ("PUT", "credential-limits", {"most": -1}, "most"),
        ("PUT", "graph-roles", {"identity": "nobody", "roles": []}, "There are: discover"),
        ("POST", "applications", {"application": "nothing", "enabled": True}, "no application"),
    ],
)
def test_nonsense_is_answered_with_a_sentence(
    way: Way, method: str, what: str, setting: object, words: str
) -> None:
    status, sentence = way.sandbox.control.refusal(method, what, setting)

    assert status == 400
    assert words in sentence
    assert sentence.endswith(".")
