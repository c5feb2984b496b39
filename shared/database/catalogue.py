"""What the database holds: schemas, their owners, and who may log in.

One database, one schema per service beside `bus` and `audit`. A schema belongs to a role that
cannot log in (`<schema>_owner`); a service logs in as a role of its own name, which owns nothing.
"""

from pathlib import Path
from typing import Final

DATABASE: Final = "certifyclouds"
SERVICES: Final = ("scanner", "rotator", "syncer", "alerting", "licensing", "gateway")
SHARED_SCHEMAS: Final = ("bus", "audit")
SCHEMAS: Final = (*SHARED_SCHEMAS, *SERVICES)
MIGRATOR: Final = "migrator"
LOGIN_ROLES: Final = (*SERVICES, MIGRATOR)
ROOT: Final = Path(__file__).parents[2]


def owner(schema: str) -> str:
    """Return the role that owns `schema` and that nobody logs in as."""
    return f"{schema}_owner"


def migrations(schema: str) -> Path:
    """Return the folder of the schema's migrations; it need not exist."""
    parent = "shared" if schema in SHARED_SCHEMAS else "services"
    return ROOT / parent / schema / "migrations"


def head(folder: Path) -> str | None:
    """Return the number of the newest migration in `folder`, None where there is none."""
    return max((path.name[:4] for path in folder.glob("[0-9][0-9][0-9][0-9]_*.py")), default=None)
