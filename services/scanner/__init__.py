"""scanner: finds every secret, key, certificate and Entra credential, without reading a value.

owns: vaults, items, the change feed, announcements, rules on thresholds, scans (schema `scanner`).
consumes: scan.requested, scan.shard-requested, rotation.published,
    threshold.change-requested.
publishes: vault.scanned, scan.completed, secret.expiring, and scan.shard-requested to itself.
"""
