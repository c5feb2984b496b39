"""All endpoints behind one look at the path.

Starlette asks one route after the other. Most paths here are constant and lead straight to theirs;
only the others are asked in turn.
"""

from collections.abc import Sequence
from itertools import chain

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send


class Index(BaseRoute):
    """Stands for many routes; the first that fits whole answers, else one of another method."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._constant: dict[str, list[Route]] = {}
        for route in routes:
            if not route.param_convertors:
                self._constant.setdefault(route.path, []).append(route)
        self.routes = list(routes)
        self._others = [route for route in routes if route.param_convertors]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the route; `handle` finds it again in the scope."""
        best: tuple[Match, Scope] = (Match.NONE, {})
        for route in chain(self._constant.get(scope["path"], ()), self._others):
            found = route.matches(scope)
            if found[0] is Match.FULL:
                return found
            if best[0] is Match.NONE:
                best = found
        return best

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the route that was found."""
        await scope["route"].handle(scope, receive, send)
