"""Reading the directory when Graph cuts, moves, loses or repeats things between two pages."""

from typing import Any

import pytest

from services.scanner.domain.directory import DirectoryObject
from services.scanner.domain.listing import Page
from shared.clouds.errors import (
    AccessDeniedError,
    CloudError,
    ForeignHostError,
    UnexpectedAnswerError,
)
from tests.support.clouds import Adapters, LocalCloud, says

APPLICATIONS = "/v1.0/applications"
PRINCIPALS = "/v1.0/servicePrincipals"
LINK = "@odata.nextLink"


def an_application(number: int, **changes: Any) -> dict[str, Any]:
    given = {
        "id": f"object-{number}",
        "appId": f"app-{number}",
        "displayName": f"Billing {number}",
        "passwordCredentials": [],
        "keyCredentials": [],
        "tags": [],
    }
    return {**given, **changes}


def owned(number: int, *names: str) -> dict[str, Any]:
    return {"id": f"object-{number}", "owners": [an_owner(name) for name in names]}


def an_owner(name: str) -> dict[str, Any]:
    return {"@odata.type": "#microsoft.graph.user", "id": name, "displayName": name}


def federated(number: int, *names: str) -> dict[str, Any]:
    found = [{"id": name, "name": name, "audiences": ["b", "a"]} for name in names]
    return {"id": f"object-{number}", "federatedIdentityCredentials": found}


def of(*rows: dict[str, Any], **more: Any) -> Any:
    return says({"value": list(rows), **more})


async def listed(adapters: Adapters) -> tuple[list[Page], dict[str, DirectoryObject]]:
    pages = [page async for page in adapters.directory.listing()]
    return pages, {found.object_id: found for page in pages for found in page.objects}


async def test_an_application_joins_its_owners_and_federations_in_one_order(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on(
        APPLICATIONS, of(owned(1, "b", "a", "b")), of(federated(1, "f")), of(an_application(1))
    )
    cloud.on(PRINCIPALS, of())

    _, found = await listed(adapters)

    owners, federations = found["object-1"].owners, found["object-1"].federated
    assert [owner.id for owner in owners or ()] == ["a", "b"]
    assert federations
    assert federations[0].audiences == ("a", "b")
    assert [request.path for request in cloud.seen if "owners" not in request.path] == [
        *[APPLICATIONS] * 3,
        *[PRINCIPALS] * 3,
    ]


async def test_an_expansion_of_twenty_owners_is_completed_by_a_call_of_its_own(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    names = [f"owner-{number:02d}" for number in range(45)]
    more = f"{cloud.settings.graph}{APPLICATIONS}/object-1/owners?$skiptoken=x"
    cloud.on(
        APPLICATIONS, of(owned(1, *names[:20]), owned(2, *names[:19])), of(), of(an_application(1))
    )
    first = of(*map(an_owner, names[:30]), **{LINK: more})
    cloud.on(f"{APPLICATIONS}/object-1/owners", first, of(*map(an_owner, names[30:])))
    cloud.on(PRINCIPALS, of())

    _, found = await listed(adapters)

    assert [owner.id for owner in found["object-1"].owners or ()] == names
    asked = [request.path for request in cloud.seen if request.path.endswith("/owners")]
    assert asked == [f"{APPLICATIONS}/object-1/owners"] * 2


async def test_one_that_is_deleted_before_its_own_call_has_unknown_owners(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    names = [f"owner-{number:02d}" for number in range(20)]
    cloud.on(APPLICATIONS, of(owned(1, *names)), of(federated(1)), of(an_application(1)))
    gone = says({"error": {"code": "Request_ResourceNotFound"}}, status=404)
    cloud.on(f"{APPLICATIONS}/object-1/owners", gone)
    cloud.on(PRINCIPALS, of())

    _, found = await listed(adapters)

    assert found["object-1"].owners is None
    assert found["object-1"].federated == ()


async def test_one_that_was_made_between_two_passes_is_known_and_its_owners_are_not(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on(APPLICATIONS, of(owned(1)), of(federated(1)), of(an_application(1), an_application(2)))
    cloud.on(PRINCIPALS, of())

    _, found = await listed(adapters)

    assert (found["object-1"].owners, found["object-2"].owners) == ((), None)
    assert found["object-2"].federated is None


async def test_one_that_was_deleted_between_two_passes_is_not_there(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on(APPLICATIONS, of(owned(1), owned(2, "a")), of(federated(1)), of(an_application(1)))
    cloud.on(PRINCIPALS, of())

    _, found = await listed(adapters)

    assert set(found) == {"object-1"}


async def test_one_that_is_renamed_between_two_pages_is_told_as_it_was_seen_last(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    more = f"{cloud.settings.graph}{APPLICATIONS}?$skiptoken=x"
    renamed = an_application(1, displayName="Invoicing")
    cloud.on(APPLICATIONS, of(), of(), of(an_application(1), **{LINK: more}), of(renamed))
    cloud.on(PRINCIPALS, of())

    _, found = await listed(adapters)

    assert found["object-1"].display_name == "Invoicing"


@pytest.mark.parametrize("lost", range(3))
async def test_a_page_that_fails_ends_the_listing_with_an_error(
    cloud: LocalCloud, adapters: Adapters, lost: int
) -> None:
    answers = [of(owned(1)), of(federated(1)), of(an_application(1))]
    answers[lost] = says({"error": {"code": "Forbidden"}}, status=403)
    cloud.on(APPLICATIONS, *answers)
    cloud.on(PRINCIPALS, of())

    with pytest.raises(AccessDeniedError) as denied:
        await listed(adapters)

    assert "Application.Read.All" in denied.value.remedy


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ({LINK: f"https://elsewhere.example{APPLICATIONS}"}, ForeignHostError),
        ({LINK: 7}, UnexpectedAnswerError),
        ({"value": None}, UnexpectedAnswerError),
        ({"value": [{"id": "object-1"}]}, UnexpectedAnswerError),
        ({"value": [{"id": "object-1", "owners": [{"displayName": "x"}]}]}, None),
    ],
)
async def test_an_answer_that_makes_no_sense_is_an_error_and_no_empty_directory(
    cloud: LocalCloud, adapters: Adapters, broken: dict[str, Any], error: type[CloudError] | None
) -> None:
    cloud.on(APPLICATIONS, says({"value": [], **broken}), of(federated(1)), of(an_application(1)))
    cloud.on(PRINCIPALS, of())

    with pytest.raises(error or UnexpectedAnswerError):
        await listed(adapters)


async def test_tags_that_are_no_texts_are_an_error(cloud: LocalCloud, adapters: Adapters) -> None:
    cloud.on(APPLICATIONS, of(), of(), of(an_application(1, tags=[7])))

    with pytest.raises(UnexpectedAnswerError, match="tags"):
        await listed(adapters)


async def test_neither_hint_nor_text_of_a_password_leaves_the_adapter(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    password = {"keyId": "k", "displayName": "ci", "hint": "hint-canary", "secretText": "canary"}
    row = an_application(1, passwordCredentials=[password])
    cloud.on(APPLICATIONS, of(), of(), of(row))
    cloud.on(PRINCIPALS, of(), of(), of(row | {"id": "object-2", "accountEnabled": False}))

    pages, found = await listed(adapters)

    assert sum(len(page.entries) for page in pages) == 2
    assert "canary" not in repr(pages)
    assert found["object-2"].enabled is False


async def test_each_page_waits_for_its_price(cloud: LocalCloud, adapters: Adapters) -> None:
    prices: list[tuple[int, bool]] = []

    async def pace(units: int, keys: bool) -> None:
        prices.append((units, keys))

    adapters.directory._pace = pace
    cloud.on(APPLICATIONS, of())
    cloud.on(PRINCIPALS, of())

    await listed(adapters)

    assert prices == [(2, False), (2, False), (1, True)] * 2
