"""The only door for people: the API, its documentation, sessions, and one live stream.

owns:      users, sessions, limits, keys, live events, asked-for scans and schedules;
           runs the audit's sealer
consumes:  vault.scanned, scan.completed, secret.expiring, every rotation, sync and alert fact,
           permission.changed, license.changed, release.available (for the live stream)
publishes: scan.requested, scan.schedule-requested, permission.check-requested,
           threshold.change-requested
"""
