"""The public API and the sandbox's control endpoint, as the smoke run uses them."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import httpx

T = TypeVar("T")

PASSWORD: Final = "a-long-walk-by-the-river"
LIMIT_SECONDS: Final = 60


class BrokenPromise(AssertionError):
    """Something that the product promises was not so."""


def promise(kept: object, sentence: str) -> None:
    """Raise `BrokenPromise` with the sentence unless the promise was kept."""
    if not kept:
        raise BrokenPromise(sentence)


def eventually(look: Callable[[], T | None], sentence: str, seconds: float = LIMIT_SECONDS) -> T:
    """Look again until there is something; raise `BrokenPromise` when the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise BrokenPromise(f"{sentence} (not within {seconds:.0f} s)")


class Api:
    """One administrator's conversation with the gateway."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url + "/api/v1", timeout=20, trust_env=False)

    def close(self) -> None:
        """End the conversation."""
        self.http.close()

    def sign_in(self, setup_token: str) -> None:
        """Become the first administrator and keep the bearer token."""
        self.log_in(setup_token=setup_token, username="ada", password=PASSWORD)

    def log_in(self, **body: str) -> None:
        """Sign in and keep the bearer token."""
        self.http.headers.pop("authorization", None)
        token = self.http.post("/auth/login", json=body).raise_for_status().json()["access_token"]
        self.http.headers["authorization"] = f"Bearer {token}"

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """GET a document."""
        document: dict[str, Any] = self.http.get(path, params=params).raise_for_status().json()
        return document

    def scan(self) -> dict[str, Any]:
        """Ask for a scan and wait for its end."""
        scan_id = self.http.post("/scans", json={"mode": "full"}).raise_for_status().json()["id"]
        return self.scan_ended(scan_id)

    def scan_ended(self, scan_id: str) -> dict[str, Any]:
        """Wait until a scan has ended and return it."""

        def ended() -> dict[str, Any] | None:
            scan = self.get(f"/scans/{scan_id}")
            return scan if scan["state"] == "completed" else None

        return eventually(ended, f"scan {scan_id} ends")

    def items(self, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield every item, page by page."""
        cursor = None
        while True:
            page = self.get("/items", limit=500, **({"cursor": cursor} if cursor else {}), **params)
            yield from page["data"]
            cursor = page["meta"]["next_cursor"]
            if not cursor:
                return


class Sandbox:
    """The sandbox's control endpoint."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.http = httpx.Client(base_url=ready["control"], timeout=20, trust_env=False)

    def close(self) -> None:
        """End the conversation."""
        self.http.close()

    def truth(self) -> dict[str, Any]:
        """Return everything the sandbox holds, without values."""
        document: dict[str, Any] = self.http.get("/truth").raise_for_status().json()
        return document

    def log(self) -> list[dict[str, Any]]:
        """Return every request that the sandbox has answered."""
        answer = self.http.get("/log").raise_for_status().json()
        entries: list[dict[str, Any]] = answer["entries"] if isinstance(answer, dict) else answer
        return entries

    def write(self, **item: Any) -> None:
        """Change an item as its owner would."""
        self.http.post("/items", json=item).raise_for_status()
