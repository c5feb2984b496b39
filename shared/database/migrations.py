"""What a migration file uses: plain SQL beside a small Python file.

A migration is a pair `0001_name.sql` and `0001_name.py`; the Python half names the order and calls
`run_sql_beside(__file__)`. A migration that older code cannot live with says so with a module-level
`floor = "0007"`: the lowest head of a code base that may still run on the new schema.
"""

from pathlib import Path

from alembic import op

from shared.database.connect import Connection


def run_sql_beside(file: str) -> None:
    """Run the SQL beside a migration's Python file, as the schema's owner, in its transaction."""
    script = Path(file).with_suffix(".sql").read_text(encoding="utf-8")
    # alembic's own `op.execute` takes one statement at a time with this driver.
    op.get_bind().connection.run_async(lambda connection: connection.execute(script))


async def run_sql(connection: Connection, file: Path) -> None:
    """Run a file of statements in one go."""
    await connection.execute(file.read_text(encoding="utf-8"))
