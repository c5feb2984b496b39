"""The stages of rotation: what is planned, rotated, given up safely, taken back, allowed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.smoke.api import PASSWORD, Api, Sandbox, eventually, promise
from tests.smoke.platform import Platform

Figures = dict[str, Any]
OVERLAP_SECONDS: Final = 5
ROLLBACK_OVERLAP_SECONDS: Final = 20
LIMIT_SECONDS: Final = 240
CANNOT_SIGN_IN: Final = "7000112"
APPROVER: Final = {"username": "grace", "role": "approver"}


@dataclass
class Kept:
    """An application's credential with the secrets that hold it, and its rotation."""

    application: dict[str, Any]
    key_id: str
    places: list[dict[str, Any]]
    credential_id: str = ""
    rotation_id: str = ""


@dataclass
class Rotations:
    """What the stages share. All rotations begin in the first stage and go on side by side."""

    platform: Platform
    api: Api
    sandbox: Sandbox
    kept: list[Kept] = field(default_factory=list)

    def stages(self) -> Mapping[str, Callable[[], Figures]]:
        """Return the stages in their order."""
        return {
            "plan": self.plan,
            "rotate": self.rotate,
            "rotate-fails-safe": self.rotate_fails_safe,
            "rollback": self.rollback,
            "emergency": self.emergency,
            "approval": self.approval,
        }

    @property
    def twice(self) -> Kept:
        return next(each for each in self.kept if len(each.places) > 1)

    @property
    def broken(self) -> Kept:
        return next(each for each in self.kept if not each.application["can_sign_in"])

    def ordinary(self, number: int) -> Kept:
        sound = [each for each in self.kept if each.application["can_sign_in"]]
        return [each for each in sound if len(each.places) == 1][number]

    def plan(self) -> Figures:
        """A plan names the places and what would be done, and changes nothing."""
        self.kept = self._find()
        promise(len(self.kept) >= 5, "the demo estate has credentials that we may rotate")
        for each in self.kept:
            back = each is self.ordinary(0)
            overlap = ROLLBACK_OVERLAP_SECONDS if back else OVERLAP_SECONDS
            each.credential_id = self._confirm(each, overlap)
        before = self._key_ids(self.twice)
        plan = self._plan(self.twice)
        promise(plan["failure"] is None, f"the plan can be made: {plan['failure']}")
        document = plan["document"]
        promise(len(document["places"]) == 2, "both copies are in the plan")
        promise(document["refusals"] == [], f"nothing is refused: {document['refusals']}")
        promise(self._key_ids(self.twice) == before, "a plan makes no credential")
        return {"steps": len(document["steps"]), "places": len(document["places"])}

    def rotate(self) -> Figures:
        """One application, two vault copies: a new credential everywhere, the old one gone."""
        self._begin_all()
        self._take_back(self.ordinary(0))
        twice = self.twice
        done = self._ended(twice)
        promise(
            done["state"] == "completed", f"it completes, not {done['state']}: {done['reason']}"
        )
        keys = self._key_ids(twice)
        promise(twice.key_id not in keys, "the old credential is gone")
        promise(done["new_key_id"] in keys, "the new one is there")
        for place in done["places"]:
            newest = self._newest(place)
            promise(newest["tags"]["cc-key-id"] == done["new_key_id"], "each place has the new one")
            promise(newest["attributes"].get("exp"), "with its end")
        return {"places": len(done["places"]), "steps": len(done["steps"])}

    def rotate_fails_safe(self) -> Figures:
        """What does not work is not published; the old one stays, and the reason is told."""
        broken = self.broken
        ended = self._ended(broken)
        promise(ended["state"] == "abandoned", f"it is abandoned, not {ended['state']}")
        promise(CANNOT_SIGN_IN in ended["reason"], f"with the cloud's code: {ended['reason']}")
        promise(broken.key_id in self._key_ids(broken), "the old credential is alive")
        for place in ended["places"]:
            promise(place["new_version"] is None, "no place was written")
            promise("cc-rotation" not in self._newest(place)["tags"], "in the vault neither")
        return {"reason": ended["reason"][:60]}

    def rollback(self) -> Figures:
        """While the old one is alive it can be had back, and the API says so."""
        kept = self.ordinary(0)
        ended = self._ended(kept)
        promise(ended["state"] == "rolled_back", f"it is rolled back, not {ended['state']}")
        promise(kept.key_id in self._key_ids(kept), "the old credential is alive")
        promise(ended["new_key_id"] not in self._key_ids(kept), "the new one is gone")
        tags = self._newest(ended["places"][0])["tags"]
        promise(tags["cc-rollback-of"] == kept.rotation_id, "the place says what was undone")
        return {"places": len(ended["places"])}

    def emergency(self) -> Figures:
        """No overlap: the old one goes at once, after the same proofs and two confirmations."""
        kept = self.ordinary(1)
        careless = self.api.http.post(
            "/rotations", json={"credential_id": kept.credential_id, "emergency": True}
        )
        promise(careless.status_code == 422, "an emergency is confirmed by its name and a reason")
        ended = self._ended(kept)
        promise(ended["state"] == "completed", f"it completes, not {ended['state']}")
        promise(ended["emergency"], "as an emergency")
        promise(ended["overlap_seconds"] == 0, "without an overlap")
        promise(kept.key_id not in self._key_ids(kept), "the old credential is gone")
        return {"steps": len(ended["steps"])}

    def approval(self) -> Figures:
        """Somebody else allows the plan as it was shown; nothing begins before."""
        kept = self.ordinary(2)
        waiting = self._until(
            kept, lambda shown: shown["state"] == "awaiting_approval", "it waits for an approval"
        )
        promise(waiting["plan"]["places"], "the plan is shown with it")
        path = f"/rotations/{kept.rotation_id}/approve"
        own = self.api.http.post(path, json={"plan_hash": waiting["plan_hash"]})
        promise(own.status_code == 409, "nobody approves what they asked for")
        grace = self._approver()
        try:
            other = grace.http.post(path, json={"plan_hash": "0" * 64})
            promise(other.status_code == 409, "another plan is not approved")
            grace.http.post(path, json={"plan_hash": waiting["plan_hash"]}).raise_for_status()
        finally:
            grace.close()
        ended = self._ended(kept)
        promise(ended["state"] == "completed", f"it completes, not {ended['state']}")
        promise(ended["approved_by"] == APPROVER["username"], "it says who allowed it")
        return {"approved_by": ended["approved_by"]}

    def _begin_all(self) -> None:
        """Ask for every rotation: each takes most of its time waiting."""
        for each in (self.twice, self.broken, self.ordinary(0)):
            each.rotation_id = self._ask(each)
        urgent = self.ordinary(1)
        name = self._credential(urgent)["name"]
        urgent.rotation_id = self._ask(urgent, emergency=True, confirm=name, reason="smoke")
        shown = self.ordinary(2)
        shown.rotation_id = self._ask(shown, approval_required=True)

    def _take_back(self, kept: Kept) -> None:
        """Ask for the old credential back as soon as the new one is everywhere."""
        overlapping = self._until(kept, lambda shown: shown["state"] == "overlap", "it overlaps")
        promise(overlapping["recourse"]["kind"] == "rollback", "the API says that it can go back")
        self._post(f"/rotations/{kept.rotation_id}/roll-back", {"reason": "smoke"})

    def _find(self) -> list[Kept]:
        """Find the applications that we own, and the secrets that hold their passwords."""
        truth = self.sandbox.truth()
        rotate = truth["identities"]["rotate"]["object_id"]
        items = list(self.api.items(kind="secret"))
        enabled = {each["appId"]: each["accountEnabled"] for each in truth["service_principals"]}
        found = []
        for each in truth["applications"]:
            owners = truth["relations"][each["id"]]["owners"]
            places = [item for item in items if item["tags"].get("ProviderAddress") == each["id"]]
            if places and rotate in {owner["id"] for owner in owners}:
                application = {**each, "can_sign_in": enabled[each["appId"]]}
                found.append(Kept(application, places[0]["tags"]["CredentialId"], places))
        return sorted(found, key=lambda kept: str(kept.application["displayName"]))

    def _confirm(self, kept: Kept, overlap_seconds: int) -> str:
        secrets = self.api.items(kind="app_secret")
        item = next(each for each in secrets if each["external_id"].endswith(f"/{kept.key_id}"))
        body = {
            "item_id": item["id"],
            "place_ids": [place["id"] for place in kept.places],
            "overlap_seconds": overlap_seconds,
        }
        return str(self._post("/rotation-credentials", body)["id"])

    def _credential(self, kept: Kept) -> dict[str, Any]:
        """Return the credential as soon as the rotator knows it."""

        def known() -> dict[str, Any] | None:
            listed = self.api.get("/rotation-credentials", limit=100)["data"]
            return next((each for each in listed if each["id"] == kept.credential_id), None)

        return eventually(known, "a confirmed credential is listed")

    def _plan(self, kept: Kept) -> dict[str, Any]:
        self._credential(kept)
        asked = self._post("/rotations/plans", {"credential_id": kept.credential_id})

        def made() -> dict[str, Any] | None:
            answer = self.api.http.get(f"/rotations/plans/{asked['id']}")
            return answer.json() if answer.status_code == 200 else None

        return eventually(made, "a plan that was asked for is made")

    def _ask(self, kept: Kept, **more: Any) -> str:
        self._credential(kept)
        body = {"credential_id": kept.credential_id, **more}
        return str(self._post("/rotations", body)["id"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        document: dict[str, Any] = self.api.http.post(path, json=body).raise_for_status().json()
        return document

    def _until(
        self, kept: Kept, is_so: Callable[[dict[str, Any]], bool], sentence: str
    ) -> dict[str, Any]:
        def looked() -> dict[str, Any] | None:
            answer = self.api.http.get(f"/rotations/{kept.rotation_id}")
            if answer.status_code == 404:
                return None  # the rotator has not heard of it yet
            shown: dict[str, Any] = answer.raise_for_status().json()
            return shown if is_so(shown) else None

        return eventually(looked, sentence, LIMIT_SECONDS)

    def _ended(self, kept: Kept) -> dict[str, Any]:
        return self._until(kept, lambda shown: bool(shown["over"]), "the rotation ends")

    def _key_ids(self, kept: Kept) -> set[str]:
        truth = self.sandbox.truth()["applications"]
        found = next(each for each in truth if each["id"] == kept.application["id"])
        return {each["keyId"] for each in found["passwordCredentials"]}

    def _newest(self, place: Mapping[str, Any]) -> dict[str, Any]:
        """Return the newest version of a place, without its value, as the sandbox holds it."""
        host = place["vault_url"].removeprefix("https://").partition(".")[0]
        vault = next(each for each in self.sandbox.truth()["vaults"] if each["name"] == host)
        secret = next(
            each for each in vault["secrets"] if each["id"].endswith(f"/secrets/{place['name']}")
        )
        versions: list[dict[str, Any]] = secret["versions"]
        return versions[-1]

    def _approver(self) -> Api:
        """Return a second person, who may approve."""
        first = {**APPROVER, "password": f"{PASSWORD}-at-first"}
        self.api.http.post("/auth/confirm", json={"password": PASSWORD}).raise_for_status()
        self._post("/users", first)
        grace = Api(self.platform.ready["url"])
        grace.log_in(username=first["username"], password=first["password"])
        own = {"present_password": first["password"], "password": f"{PASSWORD}-of-her-own"}
        grace.http.post("/auth/password", json=own).raise_for_status()
        grace.log_in(username=first["username"], password=own["password"])
        return grace
