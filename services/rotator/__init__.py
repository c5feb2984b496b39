"""rotator: replaces credentials without a gap, and goes on after any crash.

owns: the credentials that are rotated and their places, rotations with their steps and plans,
    approvals, pauses, policies and freezes with what they lead to, suggestions, and what it was
    told expires (schema `rotator`).
consumes: rotation.requested, rotation.plan-requested, rotation.change-requested,
    rotation.pause-requested, credential.change-requested, rotation.policy-change-requested,
    rotation.freeze-change-requested, rotation.suggestions-requested, sync.completed,
    secret.expiring, scan.completed, license.changed.
publishes: rotation.upcoming, rotation.step, rotation.published, rotation.completed,
    rotation.failed.
"""
