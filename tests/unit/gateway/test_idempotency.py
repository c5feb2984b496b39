"""Sending a request again: every POST takes an Idempotency-Key, or it is known why it need not."""

from typing import Final

from services.gateway.app import guarded_routes

SHOWN_ONCE: Final = "it answers with what is shown once, and a stored answer would keep it"
HARMLESS: Final = "done twice it leaves what it leaves when it is done once"
DECIDED_ONCE: Final = "a request is decided once; the second time is a refusal that says so"
NOTHING_DONE: Final = "it does nothing in this release"
EXEMPT: Final = {
    "/api/v1/auth/login": SHOWN_ONCE,
    "/api/v1/auth/tokens": SHOWN_ONCE,
    "/api/v1/auth/second-factor": SHOWN_ONCE,
    "/api/v1/auth/second-factor/confirm": SHOWN_ONCE,
    "/api/v1/auth/second-factor/recovery-codes": SHOWN_ONCE,
    "/api/v1/auth/logout": HARMLESS,
    "/api/v1/auth/confirm": HARMLESS,
    "/api/v1/auth/password": HARMLESS,
    "/api/v1/approvals/{approval_id}/approve": DECIDED_ONCE,
    "/api/v1/approvals/{approval_id}/reject": DECIDED_ONCE,
    "/api/v1/approvals/{approval_id}/withdraw": DECIDED_ONCE,
    "/api/v1/rotation-suggestions": HARMLESS,
    "/api/v1/syncs": NOTHING_DONE,
    "/api/v1/license": NOTHING_DONE,
}


def test_every_post_takes_an_idempotency_key_or_it_is_known_why_not() -> None:
    posts = [route for route in guarded_routes() if "POST" in (route.methods or ())]
    taking = {
        route.path
        for route in posts
        if any(field.alias == "Idempotency-Key" for field in route.dependant.header_params)
    }

    assert len(taking) >= 14
    assert {route.path for route in posts} - taking == set(EXEMPT)
