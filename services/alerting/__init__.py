"""alerting: tells people, once, that a credential needs them, and takes it back when it does not.

owns: rules, channels, alerts, deliveries (schema `alerting`).
consumes: secret.expiring, vault.scanned, scan.completed; this release has no rule for rotation.*,
    sync.*, permission.changed, license.changed and release.available: they are recorded as seen
    and nothing follows.
publishes: alert.raised, alert.resolved.
"""
