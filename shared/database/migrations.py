"""What a migration file uses: plain SQL beside a small Python file.

A migration is a pair `0001_name.sql` and `0001_name.py`; the Python half names the order and calls
`run_sql_beside(__file__)`. A migration that older code cannot live with says so with a module-level
`floor = "0007"`: the lowest head of a code base that may still run on the new schema.
"""

from pathlib import Path

import asyncpg
from alembic import op

from shared.database.connect import Connection
from shared.database.transient import is_transient
from shared.errors import SchemaError


def run_sql_beside(file: str) -> None:
    """Run the SQL beside a migration's Python file, as the schema's owner, in its transaction.

    Raises `SchemaError` that names the file and the place when the server refuses the SQL.
    """
    path = Path(file).with_suffix(".sql")
    script = path.read_text(encoding="utf-8")
    try:
        # alembic's own `op.execute` takes one statement at a time with this driver.
        op.get_bind().connection.run_async(lambda connection: connection.execute(script))
    except asyncpg.PostgresError as error:
        if is_transient(error):
            raise
        raise SchemaError(
            f"The migration {path.parent.parent.name}/{path.name} failed near line"
            f" {_line(script, error)}: {error}"
        ) from error


async def run_sql(connection: Connection, file: Path) -> None:
    """Run a file of statements in one go."""
    script = file.read_text(encoding="utf-8")  # noqa: ASYNC240 - a page of text, read once
    await connection.execute(script)


def _line(script: str, error: asyncpg.PostgresError) -> int:
    """Return the line of the script that the server complains about; the first if it cannot say."""
    place = int(getattr(error, "position", None) or 1)
    return script.count("\n", 0, place) + 1
