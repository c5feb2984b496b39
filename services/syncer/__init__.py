"""syncer: will copy secrets to other clouds. This release has no target and copies nothing.

owns: an empty schema of its own (`syncer`), with the record of messages seen.
consumes: vault.scanned, rotation.published and license.changed are recorded as seen; a
    sync.requested is refused with a sentence and kept as a dead letter.
publishes: nothing yet.
"""
