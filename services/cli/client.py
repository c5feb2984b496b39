"""The gateway's API as the command line uses it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import httpx

from services.cli.settings import ClientSettings
from shared.errors import CertifyCloudsError, PermanentError, TransientError

PAGE: Final = 500
TIMEOUT_SECONDS: Final = 30.0


class Client:
    """A signed-in conversation with one platform. Use it as a context manager."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._http = httpx.Client(
            base_url=settings.url.rstrip("/") + "/api/v1", timeout=TIMEOUT_SECONDS, trust_env=False
        )

    def __enter__(self) -> Self:
        self._http.headers["authorization"] = f"Bearer {self._token()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _token(self) -> str:
        """Return the token that was given, or sign in for one."""
        if self._settings.token:
            return self._settings.token.get_secret_value()
        if not (self._settings.username and self._settings.password):
            raise PermanentError(
                "Not signed in: set CERTIFYCLOUDS_TOKEN, or CERTIFYCLOUDS_USERNAME and"
                " CERTIFYCLOUDS_PASSWORD."
            )
        password = self._settings.password.get_secret_value()
        answer = self.post(
            "/auth/login", {"username": self._settings.username, "password": password}
        )
        return str(answer["access_token"])

    def get(self, path: str, **params: str | int | None) -> dict[str, Any]:
        """GET one document; parameters that are None are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return self._answer("GET", path, params=given)

    def find(self, path: str) -> dict[str, Any] | None:
        """GET one document, or None where there is none."""
        response = self._request("GET", path)
        return None if response.status_code == httpx.codes.NOT_FOUND else _document(response)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST a document and return the answer's."""
        return self._answer("POST", path, json=body)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PUT a document and return the answer's."""
        return self._answer("PUT", path, json=body)

    def delete(self, path: str) -> dict[str, Any]:
        """DELETE what is at a path and return the answer's document."""
        return self._answer("DELETE", path)

    def download(self, path: str, file: Path, **params: str) -> int:
        """Write an answer into a new file as it comes; return its bytes.

        A file that is there is not written over, and what broke off leaves none.
        """
        try:
            out = file.open("xb")
        except FileExistsError:
            raise PermanentError(f"{file} is there already; choose another name.") from None
        except OSError as error:
            raise PermanentError(f"{file} cannot be written: {error.strerror}.") from None
        try:
            with out, self._http.stream("GET", path, params=params) as response:
                refusal = _refusal(response)
                if refusal is None:
                    return sum(out.write(part) for part in response.iter_bytes())
        except httpx.HTTPError as error:
            refusal = TransientError(f"The download broke off ({type(error).__name__}).")
        file.unlink()
        raise refusal

    def items(self, **params: str | int | None) -> Iterator[dict[str, Any]]:
        """Yield every item that fits, page by page, in the order that was asked for."""
        yield from self.pages("/items", **params)

    def pages(self, path: str, **params: str | int | None) -> Iterator[dict[str, Any]]:
        """Yield every row of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=PAGE, cursor=cursor, **params)
            yield from page["data"]
            cursor = page["meta"]["next_cursor"]
            if not cursor:
                return

    def _answer(self, method: str, path: str, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's
        return _document(self._request(method, path, **how))

    def _request(self, method: str, path: str, **how: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        try:
            return self._http.request(method, path, **how)
        except httpx.HTTPError as error:
            raise TransientError(
                f"{self._settings.url} does not answer ({type(error).__name__}). Is the platform"
                " running (certifyclouds up), and is CERTIFYCLOUDS_URL right?"
            ) from None


def _document(response: httpx.Response) -> dict[str, Any]:
    """Return the answer's document. Raises `PermanentError` for a refusal."""
    if response.is_error:
        raise PermanentError(_sentence(response))
    document: dict[str, Any] = response.json()
    return document


def _sentence(response: httpx.Response) -> str:
    """Return what a problem document (RFC 9457) says, in one line."""
    try:
        problem = response.json()
        text = problem.get("detail") or problem.get("title")
        reasons = [error["detail"] for error in problem.get("errors", ())]
        text = " ".join([text, *reasons]) if reasons else text
    except ValueError:
        text = None
    return f"The platform refused ({response.status_code}): {text or response.reason_phrase}"


def _refusal(response: httpx.Response) -> CertifyCloudsError | None:
    if not response.is_error:
        return None
    response.read()
    return PermanentError(_sentence(response))
