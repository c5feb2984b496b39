"""What every answer to nonsense has in common."""

import httpx

from services.gateway.domain.problem import MEDIA_TYPE

SHORTEST_SECRET = 12


def fits(answer: httpx.Response, *statuses: int, sent: object = "", secret: str = "") -> None:
    """Assert one of these statuses; a refusal is a problem document and repeats no secret."""
    assert answer.status_code in statuses, (sent, answer.status_code, answer.text[:300])
    if answer.status_code < 400:
        return
    document = answer.json()
    assert answer.headers["content-type"] == MEDIA_TYPE, sent
    assert document["status"] == answer.status_code, sent
    assert len(document["detail"]) > len("sentence"), sent
    told = answer.text + str(answer.headers)
    assert len(secret) < SHORTEST_SECRET or secret not in told, sent
