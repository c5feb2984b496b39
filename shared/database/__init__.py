"""PostgreSQL: an embedded server, pools with deadlines, roles, migrations and view grants.

`shared.database.migrator` is not among these names: only a migration pays for importing alembic.
"""

from shared.database.catalogue import DATABASE, LOGIN_ROLES, SCHEMAS, SERVICES
from shared.database.cluster import Cluster, embedded_url
from shared.database.connect import Connection
from shared.database.pool import Pool, create_pool
from shared.database.resolver import Resolved, resolve
from shared.database.schema import wait_for_schema
from shared.database.transient import is_transient

__all__ = [
    "DATABASE",
    "LOGIN_ROLES",
    "SCHEMAS",
    "SERVICES",
    "Cluster",
    "Connection",
    "Pool",
    "Resolved",
    "create_pool",
    "embedded_url",
    "is_transient",
    "resolve",
    "wait_for_schema",
]
