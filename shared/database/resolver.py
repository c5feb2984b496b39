"""Which PostgreSQL to use: a given one, an embedded one, or, only when asked for, one in Docker."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.database.catalogue import DATABASE
from shared.database.cluster import Cluster
from shared.database.settings import ResolverSettings
from shared.errors import SettingsError
from shared.settings import load_settings

_IMAGE: Final = "postgres:18-alpine"


@dataclass(frozen=True, slots=True)
class Resolved:
    """An administrator's URL, and how to let the server go that was started for it."""

    url: str
    close: Callable[[], None]
    cluster: Cluster | None = None


def resolve(
    database_url: str | None, state: Path, settings: ResolverSettings | None = None
) -> Resolved:
    """Return the database to use, started if need be; `state` is where an embedded one lives.

    Call it in the main thread: an embedded server ends with the thread that started it. Raises
    `SettingsError` with what to do when there is none.
    """
    settings = settings or load_settings(ResolverSettings)
    match settings.pg_resolver:
        case "docker":
            return _in_docker()
        case "auto" | "url" if database_url:
            return Resolved(database_url, close=lambda: None)
        case "url":
            raise SettingsError(
                "DATABASE_URL: it is not set, and PG_RESOLVER=url asks for it. Set it, or use"
                " PG_RESOLVER=embedded."
            )
        case _:
            cluster = Cluster(state, binaries=settings.embedded_pg_bin).start()
            return Resolved(cluster.url(), close=cluster.stop, cluster=cluster)


def _in_docker() -> Resolved:
    try:
        from testcontainers.postgres import PostgresContainer  # noqa: PLC0415 - a test tool, seldom there

        container = PostgresContainer(_IMAGE, dbname=DATABASE, driver=None).start()
    except Exception as error:
        raise SettingsError(
            f"PG_RESOLVER=docker, but no container could be started ({type(error).__name__}). Is"
            " Docker running and testcontainers installed? PG_RESOLVER=embedded needs neither."
        ) from error
    return Resolved(container.get_connection_url(), close=container.stop)
