"""scanner: finds every secret, key, certificate and Entra credential, without reading a value.

owns: vaults, items, the change feed, announcements, rules on thresholds, scans, schedules, the
posture of each day, permission checks (schema `scanner`).
consumes: scan.requested, scan.schedule-requested, scan.shard-requested, scan.details-requested,
rotation.published, permission.check-requested, threshold.change-requested.
publishes: vault.scanned, scan.completed, secret.expiring, permission.changed; scan.requested
(the first look, after a rotation, by schedule), scan.shard-requested and scan.details-requested to
itself.
"""
