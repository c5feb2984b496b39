"""What can be written to the audit log, as `subject:what`."""

from enum import StrEnum


class Action(StrEnum):
    """Every act that is recorded. A new act is a new member here, reviewed like code."""

    ADMINISTRATOR_CREATED = "administrator:created"
    BREAK_GLASS_OFFERED = "break-glass:offered"
    SESSION_OPENED = "session:opened"
    SESSION_REFUSED = "session:refused"
    SESSION_CLOSED = "session:closed"
    SESSION_CONFIRMED = "session:confirmed"
    SESSIONS_REVOKED = "sessions:revoked"
    PASSWORD_CHANGED = "password:changed"  # noqa: S105 - an act's name
    PASSWORD_RESET = "password:reset"  # noqa: S105 - an act's name
    SECOND_FACTOR_ADDED = "second-factor:added"
    SECOND_FACTOR_REMOVED = "second-factor:removed"
    RECOVERY_CODES_RENEWED = "recovery-codes:renewed"
    TOKEN_CREATED = "token:created"  # noqa: S105 - an act's name
    TOKEN_REVOKED = "token:revoked"  # noqa: S105 - an act's name
    APPROVAL_REQUESTED = "approval:requested"
    APPROVAL_GIVEN = "approval:given"
    APPROVAL_REJECTED = "approval:rejected"
    APPROVAL_WITHDRAWN = "approval:withdrawn"
    APPROVAL_USED = "approval:used"
    KEY_WRAPPED = "key:wrapped"
    KEY_MADE = "key:made"
    KEY_RETIRED = "key:retired"
    KEYS_ROTATED = "keys:rotated"
    AUDIT_EXPORTED = "audit:exported"
    AUDIT_PRUNED = "audit:pruned"  # written by the database itself (audit.prune)
    USER_CREATED = "user:created"
    USER_CHANGED = "user:changed"
    USER_REMOVED = "user:removed"
    ACCOUNT_LOCKED = "account:locked"
    ACCESS_DENIED = "access:denied"
    SCAN_REQUESTED = "scan:requested"
    SCHEDULE_CHANGED = "schedule:changed"
    SCHEDULE_REMOVED = "schedule:removed"
    SCAN_STARTED = "scan:started"
    SCAN_COMPLETED = "scan:completed"
    PERMISSION_CHECK_REQUESTED = "permission-check:requested"
    PERMISSION_CHANGED = "permission:changed"
    SUBSCRIPTION_CHANGE_REQUESTED = "subscription:change-requested"
    SUBSCRIPTION_CHANGED = "subscription:changed"
    THRESHOLD_REQUESTED = "threshold:requested"
    THRESHOLD_CHANGED = "threshold:changed"
    ALERT_RAISED = "alert:raised"
    ALERT_ESCALATED = "alert:escalated"
    ALERT_RESOLVED = "alert:resolved"
    LICENSE_CHANGED = "license:changed"
    DEAD_LETTER_REPLAYED = "dead-letter:replayed"
    DEAD_LETTER_PURGED = "dead-letter:purged"
