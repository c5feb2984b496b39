"""Who may read whose published views: the one reviewed table.

A service reads another's data only through plain `v_*` views that the owner publishes. Nothing else
crosses a schema's border; a grant that is not in this table is taken away by the next migration.
"""

from collections.abc import Mapping
from typing import Final

INVENTORY: Final = ("scanner.v_item", "scanner.v_vault")

VIEW_GRANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": (
        *INVENTORY,
        "scanner.v_item_key",
        "scanner.v_scan",
        "scanner.v_scan_vault",
        "scanner.v_shard",
        "scanner.v_change",
        "scanner.v_permission",
        "scanner.v_permission_check",
        "scanner.v_item_detail",
        "scanner.v_version",
        "scanner.v_vault_change",
        "scanner.v_vault_grant",
        "scanner.v_vault_scope",
        "scanner.v_schedule",
        "scanner.v_subscription",
        "scanner.v_feed_kept",
        "scanner.v_posture_daily",
        "scanner.v_threshold",
        "scanner.v_application",
        "scanner.v_application_change",
        "scanner.v_credential",
        "rotator.v_rotation",
        "rotator.v_rotation_place",
        "rotator.v_rotation_step",
        "rotator.v_credential",
        "rotator.v_place",
        "rotator.v_pause",
        "rotator.v_plan",
        "rotator.v_policy",
        "rotator.v_freeze",
        "rotator.v_suggestion",
        "rotator.v_suggestion_look",
        "alerting.v_alert",
        "alerting.v_outbox",
    ),
    "rotator": (*INVENTORY, "scanner.v_credential", "scanner.v_application", "syncer.v_copy"),
    "syncer": INVENTORY,
    "alerting": INVENTORY,
}
