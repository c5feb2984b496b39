"""Whether a browser's request was made by our own page.

A browser sends the session's cookie whoever made the page that asks. So a request that changes
something on a cookie's word must be JSON (which a foreign form cannot send) and must come from our
own origin: `Sec-Fetch-Site` says so, and where a browser does not send that, `Origin` does.
"""

from typing import Final

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def refusal(
    *,
    method: str,
    content_type: str | None,
    fetch_site: str | None,
    origin: str | None,
    own_origin: str,
) -> str | None:
    """Return why a cookie's request is not acted on, as a sentence, or None."""
    if method in SAFE_METHODS:
        return None
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return "Send the content type application/json with a session's cookie."
    if fetch_site is not None:
        same = fetch_site == "same-origin"
    else:
        same = origin is not None and origin.lower() == own_origin.lower()
    if not same:
        return "The request does not come from this site's own pages."
    return None
