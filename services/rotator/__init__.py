"""rotator: replaces credentials without a gap, and goes on after any crash.

owns: the credentials that are rotated and their places, rotations with their steps and plans,
    approvals, pauses, and what it was told expires (schema `rotator`).
consumes: rotation.requested, rotation.plan-requested, rotation.change-requested,
    rotation.pause-requested, credential.change-requested, sync.completed, secret.expiring;
    scan.completed and license.changed are recorded as seen.
publishes: rotation.step, rotation.published, rotation.completed, rotation.failed.
"""
