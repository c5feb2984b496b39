"""What routes and middleware are handed: the gateway's parts, joined once by `app.py`."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from opentelemetry.trace import Tracer

from services.gateway.domain.scope import Scope
from services.gateway.queries.overview import read_overview
from services.gateway.settings import Settings
from services.gateway.steps.api_tokens import ApiTokens
from services.gateway.steps.approvals import Approvals
from services.gateway.steps.authenticate import Authenticate
from services.gateway.steps.cached import Cached
from services.gateway.steps.change_credential import ChangeCredential
from services.gateway.steps.change_policy import ChangePolicy
from services.gateway.steps.change_rotation import ChangeRotation
from services.gateway.steps.change_schedule import ChangeSchedule
from services.gateway.steps.dead_letters import DeadLetters
from services.gateway.steps.export_audit import ExportAudit
from services.gateway.steps.live import PING_SECONDS, LiveHub
from services.gateway.steps.pause_rotations import PauseRotations
from services.gateway.steps.people import OwnAccount, People
from services.gateway.steps.request_permission_check import RequestPermissionCheck
from services.gateway.steps.request_rotation import RequestRotation
from services.gateway.steps.request_scan import RequestScan
from services.gateway.steps.request_subscription import RequestSubscription
from services.gateway.steps.request_threshold import RequestThreshold
from services.gateway.steps.second_factor import SecondFactor
from services.gateway.steps.sight import ScopeOf
from services.gateway.steps.sign_in import SignIn
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Pool
from shared.health import Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that an endpoint may use.

    `scope_of` says how much of the inventory a session may see; None is everything.
    """

    settings: Settings
    pool: Pool
    bus: Bus
    clock: Clock
    health: Health
    tracer: Tracer
    sign_in: SignIn
    authenticate: Authenticate
    request_scan: RequestScan
    request_permission_check: RequestPermissionCheck
    change_schedule: ChangeSchedule
    request_threshold: RequestThreshold
    request_subscription: RequestSubscription
    request_rotation: RequestRotation
    change_rotation: ChangeRotation
    pause_rotations: PauseRotations
    change_credential: ChangeCredential
    change_policy: ChangePolicy
    dead_letters: DeadLetters
    approvals: Approvals
    export_audit: ExportAudit
    overview: Cached[dict[str, Any]]
    scope_of: ScopeOf
    people: People
    own_account: OwnAccount
    second_factor: SecondFactor
    api_tokens: ApiTokens
    health_report: Cached[dict[str, Any]]
    hub: LiveHub
    ping_seconds: float = PING_SECONDS

    def overview_of(self, scope: Scope | None) -> Cached[dict[str, Any]]:
        """Return the numbers of a scope; those of everything are read once for all."""
        if scope is None:
            return self.overview
        read = partial(read_overview, self.pool, scope)
        return Cached(read=read, clock=self.clock, fresh_for=self.overview.fresh_for)
