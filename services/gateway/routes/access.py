"""Who may call what, as a table: it is made of the routes themselves, and reviewed as a page."""

from collections.abc import Iterable, Iterator
from typing import Final

from services.gateway.domain.role import Permission, Role, allows
from services.gateway.middleware.guard import GuardedRoute, narrows, permission_of

HEAD: Final = f"""# Who may call what

Made of the routes by `make docs`; a route that is not here fails `make check`. What is not in the
table is denied.

Somebody with a **scope** sees a part of the estate. *part*: the endpoint answers for that part, or
tells nothing of the estate. *no*: it tells of the whole, and is refused to them (`outside-scope`).

| endpoint | permission | nobody | {" | ".join(Role)} | with a scope |
|---|---|---|{"---|" * len(Role)}---|
"""


def page(routes: Iterable[GuardedRoute]) -> str:
    """Return the reference page."""
    ordered = sorted(routes, key=lambda route: route.path)
    return HEAD + "".join(line for route in ordered for line in _lines(route))


def _lines(route: GuardedRoute) -> Iterator[str]:
    permission = permission_of(route.endpoint)
    roles = (_word(allows(role, permission)) for role in (None, *Role))
    scoped = "part" if permission is Permission.OPEN or narrows(route.endpoint) else "no"
    for method in sorted(route.methods or ()):
        cells = (f"`{method} {route.path}`", permission.value, *roles, scoped)
        yield f"| {' | '.join(cells)} |\n"


def _word(allowed: bool) -> str:  # noqa: FBT001 - a cell's only content
    return "yes" if allowed else ""
