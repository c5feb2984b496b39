"""Examining the identity that discovers: every probe is tried, and no failure ends the others."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.domain.own_budget import Budget
from services.scanner.domain.permission_catalogue import DISCOVERY, Needed
from services.scanner.domain.permission_facts import (
    WORKED,
    Assignment,
    Facts,
    Identity,
    PolicyEntry,
    Probe,
    SubscriptionFacts,
    VaultFacts,
)
from services.scanner.domain.permission_judge import Verdict, judge
from services.scanner.ports import Estate, PermissionProbes
from services.scanner.steps.visit import run_all
from shared.clouds.deadline import deadline
from shared.clouds.errors import AccessDeniedError, CloudError, Denial
from shared.errors import TransientError
from shared.events.permissions import Answer
from shared.telemetry import get_logger

logger = get_logger(__name__)

AT_ONCE: Final = 16
PROBE_SECONDS: Final = 100.0
# Azure Resource Manager refills 25 reads a second for each subscription and identity ("Throttling
# Resource Manager requests"); a scan asks there at the same time.
ARM_RATE: Final = 15.0

T = TypeVar("T")
Roles = Mapping[str, tuple[Assignment, ...] | None]
_UNTRIED: Final = Probe(Answer.UNKNOWN, "It was not tried: no subscription can be seen.")
_PERSON: Final = Probe(Answer.UNKNOWN, "A person's groups are not asked for.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """Who was examined, and what it came to."""

    identity: Identity | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """A vault; `policies` is None where only Resource Graph told of it."""

    vault: VaultRef
    policies: tuple[PolicyEntry, ...] | None


@dataclass(slots=True, kw_only=True)
class Doctor:
    """Examines an identity against what a purpose needs.

    `graph` is Microsoft Graph's address in its cloud.
    """

    graph: str
    probes: PermissionProbes
    estate: Estate
    needed: Needed = DISCOVERY
    at_once: int = AT_ONCE
    _arm: Budget = field(default_factory=lambda: Budget(ARM_RATE))

    async def examine(self) -> Examined:
        """Try everything once; what could not be tried is unknown, never held and never missing."""
        identity, identified, grouped = await self._identity()
        seen, visible = await self._try(self.estate.subscriptions(), "the subscriptions")
        subscriptions = seen or []
        indexed, resource_graph = [], _UNTRIED
        if subscriptions:
            ids = [one.id for one in subscriptions]
            asked = self.probes.resource_graph(ids)
            found, resource_graph = await self._try(asked, "the vaults in Resource Graph")
            indexed = found or []
        told, roles, listed = await self._subscriptions(subscriptions, identity, indexed)
        _, applications = await self._try(self.probes.list_application(), "the applications")
        facts = Facts(
            graph=self.graph,
            identity=identity,
            identified=identified,
            visible=visible,
            resource_graph=resource_graph,
            applications=applications,
            grouped=grouped,
            subscriptions=tuple(told),
            vaults=tuple(await self._vaults(listed, roles)),
        )
        return Examined(identity=identity, verdict=judge(self.needed, facts))

    async def _identity(self) -> tuple[Identity | None, Probe, Probe]:
        """Return who it is, with the groups, and the tries of learning both."""
        identity, identified = await self._try(self.probes.identity(), "its token")
        if identity is None or identity.groups is not None:
            return identity, identified, WORKED
        if not identity.is_application:
            return identity, identified, _PERSON
        asked = self.probes.groups(identity.object_id)
        groups, grouped = await self._try(asked, "the groups of this identity")
        return replace(identity, groups=groups), identified, grouped

    async def _subscriptions(
        self, seen: list[Subscription], identity: Identity | None, indexed: list[VaultRef]
    ) -> tuple[list[SubscriptionFacts], Roles, list[_Listed]]:
        """Ask for each subscription's vaults and roles."""
        told: list[SubscriptionFacts] = []
        roles: dict[str, tuple[Assignment, ...] | None] = {}
        listed = {vault.resource_id: _Listed(vault=vault, policies=None) for vault in indexed}
        for one in seen:
            found, vaults = await self._arm_try(
                partial(self.probes.vaults, one.id), f"the vaults of {one.name}"
            )
            listed |= {
                vault.resource_id: _Listed(vault=vault, policies=policies)
                for vault, policies in found or []
            }
            given, assigned = await self._assignments(one, identity)
            roles[one.id] = None if given is None else tuple(given)
            told.append(
                SubscriptionFacts(id=one.id, name=one.name, vaults=vaults, assigned=assigned)
            )
        return told, roles, [listed[name] for name in sorted(listed)]

    async def _assignments(
        self, one: Subscription, identity: Identity | None
    ) -> tuple[list[Assignment] | None, Probe]:
        if identity is None:
            return None, Probe(Answer.UNKNOWN, "It is not known whose to ask for.")
        ask = partial(self.probes.assignments, one.id, identity.object_id)
        return await self._arm_try(ask, f"the role assignments in {one.name}")

    async def _vaults(self, listed: list[_Listed], roles: Roles) -> list[VaultFacts]:
        found: dict[str, VaultFacts] = {}

        async def look(one: _Listed) -> None:
            found[one.vault.resource_id] = await self._vault(one, roles)

        await run_all(listed, look, at_once=self.at_once)
        return [found[one.vault.resource_id] for one in listed]

    async def _vault(self, one: _Listed, roles: Roles) -> VaultFacts:
        vault = one.vault
        what = f"the permissions on vault {vault.name}"
        grants, granted = await self._arm_try(partial(self.probes.grants, vault), what)
        given = roles.get(vault.subscription_id)
        return VaultFacts(
            vault=vault,
            granted=granted,
            grants=tuple(grants or ()),
            assignments=None if given is None else _concerning(given, vault.resource_id),
            policies=one.policies,
            lists=await self._lists(vault),
        )

    async def _lists(self, vault: VaultRef) -> dict[str, Probe]:
        """Try each list; what stands in the way of one (network, name) stands in all their ways."""
        tried: dict[str, Probe] = {}
        for kind in self.needed.lists:
            asked = self.probes.list_one(vault, kind)
            _, tried[kind] = await self._try(asked, f"the {kind} of vault {vault.name}")
            if tried[kind].answer is Answer.UNKNOWN:
                return dict.fromkeys(self.needed.lists, tried[kind]) | tried
        return tried

    async def _arm_try(self, ask: Callable[[], Awaitable[T]], what: str) -> tuple[T | None, Probe]:
        await asyncio.sleep(self._arm.take(asyncio.get_running_loop().time()))
        return await self._try(ask(), what)

    async def _try(self, asked: Awaitable[T], what: str) -> tuple[T | None, Probe]:
        """Return what was asked for, or None with the reason.

        A `TransientError` that is no cloud's (the budget's database is away) says nothing of this
        identity: it ends the examination, which is tried again.
        """
        try:
            async with deadline(PROBE_SECONDS):
                return await asked, WORKED
        except CloudError as error:
            return None, _refused(error)
        except TransientError:
            raise
        except TimeoutError:
            return None, Probe(Answer.UNKNOWN, f"Asking for {what} took too long.")
        except Exception as error:
            logger.exception("a permission could not be tried", what=what)
            name = type(error).__name__
            return None, Probe(Answer.UNKNOWN, f"Asking for {what} ended in an error ({name}).")


def _refused(error: CloudError) -> Probe:
    """Return no for what was understood and refused; a refused token says nothing of roles.

    What is unknown comes with what to do about it; for what is missing there is a command.
    """
    if isinstance(error, AccessDeniedError) and error.denial is not Denial.TOKEN:
        return Probe(Answer.NO, str(error))
    return Probe(Answer.UNKNOWN, f"{error} {error.remedy}".strip())


def _concerning(assignments: tuple[Assignment, ...], resource_id: str) -> tuple[Assignment, ...]:
    return tuple(one for one in assignments if one.covers(resource_id) or one.is_below(resource_id))
