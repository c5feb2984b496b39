"""The audit log: written in the transaction of the act, chained, signed, and verifiable offline.

Every service may add entries (`record`) and do nothing else; only the gateway may read. Column
rights keep time, transaction and service name out of everybody's hands; triggers refuse UPDATE,
DELETE and TRUNCATE even to the owner. What a database administrator can still do by force, `verify`
finds.

Seals are written by nobody directly: `audit.seal_entries` (SECURITY DEFINER, callable by the
gateway alone) computes the chain inside the database, one caller at a time. The gateway adds
checkpoints, which it signs with a key that the database never sees.
"""

from shared.audit.actions import Action
from shared.audit.checkpoint import Checkpoint, Export, read_file, read_public_key, to_file
from shared.audit.entry import AuditEntry, Outcome
from shared.audit.listing import list_entries
from shared.audit.log import export_log, read_log, to_line, verify, verify_export
from shared.audit.retention import prune
from shared.audit.sealer import Sealer
from shared.audit.store import record
from shared.audit.verify import VerifyResult

__all__ = [
    "Action",
    "AuditEntry",
    "Checkpoint",
    "Export",
    "Outcome",
    "Sealer",
    "VerifyResult",
    "export_log",
    "list_entries",
    "prune",
    "read_file",
    "read_log",
    "read_public_key",
    "record",
    "to_file",
    "to_line",
    "verify",
    "verify_export",
]
