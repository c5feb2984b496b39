"""rotator: will replace credentials without a gap. This release remembers which ones end soon.

owns: the credentials it was told of (schema `rotator`).
consumes: secret.expiring; sync.completed and license.changed are recorded as seen; a
    rotation.requested is refused with a sentence and kept as a dead letter.
publishes: nothing yet.
"""
