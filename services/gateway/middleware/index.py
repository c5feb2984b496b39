"""FastAPI without what nothing here uses: an endpoint is found by its path, and answers at once.

Starlette asks one route after the other, and FastAPI wraps each request in layers for dependencies,
forms and telemetry of its own. Here most paths are constant and lead straight to their endpoint.
"""

from contextlib import AsyncExitStack
from typing import Final

from fastapi import FastAPI
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

_STACK: Final = "fastapi_middleware_astack"  # what FastAPI's own handlers close files with


class Api(FastAPI):
    """The application, with errors turned into answers and nothing else around its routes."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return the layers; routes and handlers of errors must be there by now."""
        handlers = dict(self.exception_handlers)
        on_error = handlers.pop(Exception, None)
        inner = ExceptionMiddleware(Index(self), handlers=handlers)
        return ServerErrorMiddleware(inner, handler=on_error)


class Index:
    """Leads a constant path straight to its route, and every other request to the router."""

    def __init__(self, api: FastAPI) -> None:
        self._router = api.router
        self._direct = {
            (route.path, method): route
            for route in reversed(api.routes)
            if isinstance(route, Route) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request."""
        route = self._direct.get((scope["path"], scope["method"]))
        if route is None:
            answer: ASGIApp = self._router
        else:
            answer = route.app
            scope.update(endpoint=route.endpoint, path_params={}, route=route)
        async with AsyncExitStack() as scope[_STACK]:
            await answer(scope, receive, send)
