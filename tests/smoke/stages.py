"""The demo scenario in stages. Each returns its figures and raises at the first broken promise."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.smoke.api import Api, Sandbox, eventually, promise
from tests.smoke.platform import Platform
from tests.smoke.rotations import Rotations

Figures = dict[str, Any]
SERVICES: Final = {"gateway", "scanner", "alerting", "rotator", "syncer", "licensing"}
VALUE_PATH: Final = re.compile(r"/secrets/[^/]+(/[0-9a-f]+)?/?$")


class Scenario:
    """What the stages share: the platform, its API, the sandbox."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.api = Api(platform.ready["url"])
        self.sandbox = Sandbox(platform.ready["sandbox"])
        self.rotations = Rotations(platform, self.api, self.sandbox)
        self.changed: dict[str, Any] = {}
        self.first: dict[str, Any] = {}

    def close(self) -> None:
        """End both conversations."""
        self.api.close()
        self.sandbox.close()

    def stages(self) -> Mapping[str, Callable[[], Figures]]:
        """Return the stages in their order."""
        return {
            "login": self.login,
            "scan": self.scan,
            "inventory": self.inventory,
            "expiring": self.expiring,
            "change-feed": self.change_feed,
            "alert": self.alert,
            "rescan": self.rescan,
            "isolation": self.isolation,
            "blindness": self.blindness,
            **self.rotations.stages(),
            "hosts": self.hosts,
        }

    def login(self) -> Figures:
        """The one-time token makes the first administrator, and nobody else gets in."""
        promise(self.api.http.get("/items").status_code == 401, "the API answers nobody unknown")
        self.api.sign_in(self.platform.ready["setup_token"])
        second = {"setup_token": self.platform.ready["setup_token"], "username": "eve"}
        again = self.api.http.post(
            "/auth/login", json={**second, "password": "another-long-phrase"}
        )
        promise(again.status_code in (401, 403, 409, 422), "a set-up token works once")
        return {"user": self.api.get("/auth/me")["username"]}

    def scan(self) -> Figures:
        """Everything that can be read is read; what cannot be is said."""
        scan = self.api.scan()
        promise(scan["outcome"] == "partial", "two unreadable vaults make the scan partial")
        promise(scan["unreadable"] == 2, "exactly two vaults are unreadable")
        vaults = self.api.get(f"/scans/{scan['id']}/vaults", limit=500)["data"]
        unread = [vault for vault in vaults if vault["outcome"] != "ok"]
        promise(all(vault["reason"] and vault["remedy"] for vault in unread), "each says why")
        self.first = scan
        return {key: scan[key] for key in ("vaults", "items", "unreadable", "outcome")}

    def inventory(self) -> Figures:
        """The inventory holds what the sandbox holds, once, and every filter narrows it."""
        items = list(self.api.items(sort="expires_on"))
        promise(len({item["id"] for item in items}) == len(items), "no item comes twice")
        promise(len(items) == self.first["items"], "the pages add up to what the scan counted")
        secrets = list(self.api.items(kind="secret", sort="name"))
        promise(all(item["kind"] == "secret" for item in secrets), "the kind filter holds")
        found = self.api.get("/items", q=secrets[0]["name"])["data"]
        promise(any(item["id"] == secrets[0]["id"] for item in found), "search finds a name")
        return {"items": len(items), "secrets": len(secrets)}

    def expiring(self) -> Figures:
        """What expires is known by its status and comes first."""
        critical = list(self.api.items(status="critical", sort="expires_on"))
        limit = (datetime.now(UTC) + timedelta(days=7)).isoformat()
        promise(critical, "the demo estate has credentials in their last week")
        promise(
            all(datetime.fromisoformat(i["expires_on"]) <= datetime.fromisoformat(limit)
                for i in critical if not i["managed"] and _long_lived(i)),
            "critical means fewer than seven days",
        )  # fmt: skip
        ends = [item["expires_on"] for item in critical]
        promise(ends == sorted(ends), "soonest first")
        overview = self.api.get("/overview")
        return {"critical": len(critical), "overview": overview["items"]["by_status"]}

    def change_feed(self) -> Figures:
        """An item changed in the sandbox shows after a scan, with what changed."""
        item = next(
            item for item in self.api.items(kind="secret", status="healthy", sort="name")
            if not item["managed"]
        )  # fmt: skip
        end = int((datetime.now(UTC) + timedelta(days=2)).timestamp())
        self.sandbox.write(
            vault=item["vault_name"], kind="secret", name=item["name"], attributes={"exp": end}
        )
        scan = self.api.scan()
        changes = self.api.get(f"/items/{item['id']}/changes")["data"]
        promise(changes, "the change is in the item's history")
        promise("expires_on" in str(changes[0]["fields"]), "it names the field that changed")
        self.changed = self.api.get(f"/items/{item['id']}")
        promise(self.changed["status"] == "critical", "the new end counts at once")
        return {"changed": scan["changed"], "item": item["name"]}

    def alert(self) -> Figures:
        """The credential that came close becomes one alert, delivered to the outbox."""

        def raised() -> dict[str, Any] | None:
            alerts = self.api.get("/alerts", limit=500)["data"]
            return next((a for a in alerts if a["item_id"] == self.changed["id"]), None)

        alert = eventually(raised, "an expiring secret becomes an alert")
        outbox = self.api.get("/outbox", limit=500)["data"]
        own = [message for message in outbox if message["alert_id"] == alert["id"]]
        promise(len(own) >= 1, "the alert is delivered to the outbox")
        alerts = self.api.get("/alerts", limit=500)["data"]
        open_alerts = [a["item_id"] for a in alerts if a["state"] == "raised"]
        promise(len(set(open_alerts)) == len(open_alerts), "one open alert per credential")
        return {"alerts": len(alerts), "title": alert["title"]}

    def rescan(self) -> Figures:
        """A second look at an unchanged estate changes nothing."""
        scan = self.api.scan()
        promise(
            not scan["added"] and not scan["changed"] and not scan["removed"], "nothing changed"
        )
        return {key: scan[key] for key in ("vaults", "items", "added", "changed", "removed")}

    def isolation(self) -> Figures:
        """Six services are there, each a process with a database role of its own."""
        health = self.api.get("/system/health")
        seen = {service["service"] for service in health["services"]}
        promise(seen == SERVICES, f"all six services are there, not only {sorted(seen)}")
        return {"services": sorted(seen)}

    def blindness(self) -> Figures:
        """The identity that discovers has asked for no value."""
        log = self.sandbox.log()
        discover = self.sandbox.ready["identities"]["discover"]["object_id"]
        asked = [e for e in log if e.get("object_id", e.get("identity")) == discover]
        values = [e["path"] for e in asked if VALUE_PATH.search(e["path"])]
        promise(asked, "the sandbox saw the discover identity at all")
        promise(not values, f"no value was asked for, but {values[:3]}")
        return {"requests": len(asked), "value_requests": 0}

    def hosts(self) -> Figures:
        """Only the documented hosts were contacted."""
        contacted = {_family(entry["host"]) for entry in self.sandbox.log()}
        documented = {"arm", "graph", "vault", "identity", "login"}
        promise(contacted == documented, f"the documented hosts, not {contacted ^ documented}")
        return {"hosts": sorted(contacted)}


def _long_lived(item: Mapping[str, Any]) -> bool:
    """Say whether the plain thresholds hold: certificates of up to 60 days go by their lifetime."""
    begun = item.get("not_before") or item.get("created_on")
    if not begun or not item["expires_on"]:
        return True
    life = datetime.fromisoformat(item["expires_on"]) - datetime.fromisoformat(begun)
    return life > timedelta(days=60)


def _family(host: str) -> str:
    name = host.partition(":")[0]
    if name.endswith(".vault.sandbox.localhost"):
        return "vault"
    return "identity" if name in ("127.0.0.1", "localhost") else name.partition(".")[0]
