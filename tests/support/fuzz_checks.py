"""What each answer to a fuzzer must keep, besides what schemathesis itself asks for.

Who may call what is read from the reviewed page (`docs/reference/access.md`), not from the routes.
"""

import re
from pathlib import Path
from typing import Any, Final

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

from services.gateway.domain.problem import MEDIA_TYPE, not_signed_in

PAGE: Final = Path(__file__).parents[2] / "docs/reference/access.md"
_HEAD: Final = ("nobody", "viewer", "auditor", "operator", "approver", "admin")
_HEALTH: Final = "/health"

# Why a request that fits the description may be refused all the same: rules that JSON Schema has no
# words for, by the field that the refusal names.
UNSAID: Final = {
    "/query/cursor": "it is opaque: only one that a page gave leads on",
    "/query/from": "it depends on the other end of the span",
    "/query/tag": "it is `key:value`",
    "/query/q": "it needs something to search for",
    "/query/kind": "values may be joined by commas",
    "/query/status": "values may be joined by commas",
    "/body/selector": "it is in the selectors' language",
    "/body/scope": "it is in the selectors' language",
    "/body/password": "it must not be easy to guess",
    "/body/confirm": "it is the name of the credential that is meant",
    "/body/item_id": "not every item is a client secret",
    "/body/place_ids": "not every item is a secret that may be written",
    "/body/overlap_seconds": "its shortest is a setting, and it is shorter than the lifetime",
    "/body/code": "it is what the device shows at that moment",
    "/body/permissions": "none that the role does not include",
    "/body/networks": "it is a network in CIDR notation",
    "/body": "two fields depend on each other",
    "/body/ends_at": "it depends on the other end, and on the time",
    "/body/reason": "blanks alone are none",
    "/body/name": "blanks alone are none, and no two policies share one",
    "/body/rotate_before_days": "it depends on the lifetime and the overlap",
    "/body/windows/opens": "it is a cron expression in a time zone",
    "/body/windows/lasts_minutes": "its bounds are told, and refused with a sentence",
    "/path/schedule_id": "a scan that no schedule began leads to none",
}
# The same, for refusals that name no field.
UNSAID_OF: Final = {
    "PUT /api/v1/thresholds": "numbers and names depend on each other and on the scope",
    "DELETE /api/v1/thresholds": "what a name may be depends on the scope",
    "POST /api/v1/scans": "an Idempotency-Key stands for one request",
    "POST /api/v1/schedules": "an Idempotency-Key stands for one request",
    "POST /api/v1/users": "an Idempotency-Key stands for one request",
    "POST /api/v1/rotation-freezes": "an Idempotency-Key stands for one request",
    **{
        f"POST /api/v1/queues/{{queue}}/dead-letters/{act}": "an Idempotency-Key, likewise"
        for act in ("replay", "purge", "purge-requests")
    },
    "POST /api/v1/permissions/check": "an Idempotency-Key stands for one request",
    "POST /api/v1/rotations": "an Idempotency-Key stands for one request",
    "POST /api/v1/rotations/plans": "an Idempotency-Key stands for one request",
    "POST /api/v1/rotation-credentials": "an Idempotency-Key stands for one request",
    **{
        f"POST /api/v1/rotations/{{rotation_id}}/{act}": "an Idempotency-Key, likewise"
        for act in ("approve", "reject", "withdraw", "roll-back")
    },
}
# What a refusal says to whoever sent nothing: a fuzzer that sends a part of it is not repeated.
TOLD_TO_ALL: Final = str(not_signed_in().document(""))
# A word where other paths have an id.
SHADOWED: Final = ("/api/v1/queues/{queue}/dead-letters/", "/api/v1/rotations/plans")


def allowed() -> dict[str, set[str]]:
    """Return who may call each operation, as the reviewed page says."""
    rows = re.findall(r"^\| `(\w+ /\S*)` \| \w+ \|(.*)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {
        operation: {
            who for who, cell in zip(_HEAD, cells.split("|"), strict=False) if cell.strip() == "yes"
        }
        for operation, cells in rows
    }


@schemathesis.check
class RightsAreKept:
    """Whoever may not call an operation gets 401 or 403 for it, whatever they send."""

    def __init__(self, who: str = "nobody") -> None:
        self.who = who
        self.allowed = allowed()

    def after_response(self, ctx: CheckContext, response: Response, case: Case) -> bool | None:
        del ctx
        operation = f"{case.method.upper()} {case.path}"
        if operation not in self.allowed or self.who in self.allowed[operation]:
            return None
        # A value may lead to another route: an empty one to none, a slash to a longer path.
        refusals = {401} if self.who == "nobody" else {401, 403}
        assert response.status_code in refusals | {404, 405}, f"{self.who} got through"
        return None


@schemathesis.check
def refusals_are_problems(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """Every refusal is a problem document with a sentence, and repeats no credential."""
    del ctx
    if response.status_code < 400 or case.path.startswith(_HEALTH):
        return None
    document = response.json()
    assert response.headers["content-type"] == [MEDIA_TYPE]
    assert document["status"] == response.status_code
    assert len(document["detail"]) > len("sentence")
    for name in ("authorization", "cookie"):
        sent = response.request.headers.get(name, "").rpartition(" ")[2].rpartition("=")[2]
        if len(sent) >= len("a credential") and sent not in TOLD_TO_ALL:
            assert sent not in response.text, f"it repeats {name}"
    return None


def is_a_failure(context: HookContext, failure: Any, case: Case, response: Response) -> bool:
    """Leave out the few failures that are none; each by its check, its operation and why."""
    del context
    operation = f"{case.method.upper()} {case.path}"
    title = failure.title
    if title == "Schema-valid request rejected" and response.status_code == 422:
        errors = response.json().get("errors", ())
        fields = {re.sub(r"/\d+(?=/|$)", "", error["pointer"]) for error in errors}
        return not (fields <= UNSAID.keys() if fields else operation in UNSAID_OF)
    # GET leads to what has that id there, and is refused because it is none.
    shadowed = title in {"Allow header mismatch", "Wrong response to undeclared method"}
    return not (shadowed and case.path.startswith(SHADOWED))
