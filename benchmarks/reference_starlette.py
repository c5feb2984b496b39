"""Bare Starlette: `python -m benchmarks.reference_starlette PORT DATABASE SESSION USER`.

It answers what the gateway answers with the same statements and the same bodies, and does nothing
else: no token, no right, no header, no trace, no metric.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.gateway.domain.filters import parse_items
from services.gateway.queries.items import list_items
from services.gateway.steps.encoding import to_json
from services.gateway.store.sessions import use_session
from shared.clock import utc_now
from shared.database import create_pool

LIMIT = 100
CAPACITY = 100_000


def main() -> None:
    port, database, session_id, user_id = sys.argv[1:]
    ids = UUID(session_id), UUID(user_id)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.pool = await create_pool(database, service="gateway")
        yield
        await app.state.pool.close()

    async def health(_: Request) -> Response:
        return _json({"status": "ok"})

    async def me(request: Request) -> Response:
        found = await use_session(
            request.app.state.pool, *ids, capacity=CAPACITY, per_second=CAPACITY / 60, at=utc_now()
        )
        assert found is not None
        session = found[0]
        return _json(
            {
                "username": session.username,
                "role": session.role,
                "scope": session.scope,
                "must_change_password": session.must_change_password,
                "second_factor": session.second_factor,
                "permissions": [],
                "session_expires_at": session.expires_at,
            }
        )

    async def items(request: Request) -> Response:
        page = await list_items(
            request.app.state.pool, parse_items(), cursor=None, limit=LIMIT, scope=None
        )
        meta = {"next_cursor": None, "total": page.total, "total_capped": page.capped}
        return _json({"data": page.rows, "meta": meta})

    routes = [
        Route("/health/live", health),
        Route("/api/v1/auth/me", me),
        Route("/api/v1/items", items),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    uvicorn.run(app, port=int(port), log_level="warning", access_log=False, server_header=False)


def _json(document: object) -> Response:
    return Response(to_json(document), media_type="application/json")


if __name__ == "__main__":
    main()
