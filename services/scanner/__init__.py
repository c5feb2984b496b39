"""scanner: finds every secret, key, certificate and Entra credential, without reading a value.

owns: vaults, items, the change feed, announcements, scans, permission checks (schema `scanner`).
consumes: scan.requested, scan.shard-requested, rotation.published, permission.check-requested.
publishes: vault.scanned, scan.completed, secret.expiring, permission.changed, and
scan.shard-requested to itself.
"""
