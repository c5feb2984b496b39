"""A log with entries, a sealer, and somebody who owns the server and tampers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.audit import Action, AuditEntry, Checkpoint, Sealer, VerifyResult, record, verify
from shared.database import Pool
from tests.support.database import Database


@dataclass
class Log:
    """The audit log of one test."""

    database: Database
    pool: Pool
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    exported: list[Checkpoint] = field(default_factory=list)

    @property
    def public(self) -> list[Ed25519PublicKey]:
        return [self.key.public_key()]

    def sealer(self, **options: Any) -> Sealer:
        return Sealer(self.pool, key=self.key, export=self.exported.append, **options)

    async def write(self, count: int, role: str = "scanner", **more: Any) -> None:
        async with self.database.pool(role) as pool:
            for number in range(count):
                facts = {"actor": "anna", "subject": f"scan {number}", **more}
                async with pool.transaction() as connection:
                    await record(connection, AuditEntry(action=Action.SCAN_REQUESTED, **facts))

    async def sealed(self, count: int, sealer: Sealer | None = None) -> None:
        """Seal until `count` entries are; a transaction elsewhere on the server may hold it up."""
        sealer, done = sealer or self.sealer(), 0
        async with asyncio.timeout(60):
            while done < count:
                done += await sealer.seal()
        assert done == count

    async def seal(self, count: int) -> None:
        """Write, seal and sign `count` more entries."""
        await self.write(count)
        await self.sealed(count)
        await self.sealer().checkpoint()

    async def verify(self, exported: Sequence[Checkpoint] = ()) -> VerifyResult:
        async with self.pool.acquire() as connection:
            return await verify(connection, self.public, exported)

    async def tamper(self, *statements: str) -> None:
        """Do what only the owner of the server can: switch the guards off and write."""
        async with self.database.connection() as admin:
            for table in ("entry", "seal", "checkpoint"):
                await admin.execute(f"ALTER TABLE audit.{table} DISABLE TRIGGER USER")
            for statement in statements:
                await admin.execute(statement)
