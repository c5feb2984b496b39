"""Logs: whatever somebody logs by mistake, secrets are cut out of it."""

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.logs import REDACTED, configure_logging, get_logger, redact, scrub

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.fixture
def stream() -> io.StringIO:
    out = io.StringIO()
    configure_logging("DEBUG", stream=out)
    return out


@pytest.mark.parametrize(
    "name",
    ["password", "client_secret", "access_token", "Authorization", "SECRET_KEY", "database_url"],
)
def test_a_field_with_a_secrets_name_is_redacted_whatever_it_holds(name: str) -> None:
    assert redact(None, "", {name: "x"}) == {name: REDACTED}


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {JWT}",
        f"got {JWT} from the endpoint",
        "postgresql://scanner:s3cr3t-pw@127.0.0.1/db",
        "amqp://guest:s3cr3t-pw@broker/",
        "https://x/y?sig=s3cr3t-pw&se=1",
        "client_secret=s3cr3t-pw&grant_type=x",
    ],
)
def test_secrets_inside_a_text_are_cut_out(text: str) -> None:
    cleaned = scrub(text)

    assert "s3cr3t-pw" not in cleaned
    assert JWT not in cleaned


def test_nested_fields_are_cleaned_too() -> None:
    event = {"detail": {"inner": [{"token": "x"}, f"Bearer {JWT}"]}}

    assert JWT not in json.dumps(redact(None, "", event))
    assert redact(None, "", event)["detail"]["inner"][0] == {"token": REDACTED}


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_ordinary_text_passes_unchanged_or_shorter_and_never_fails(text: str) -> None:
    assert isinstance(scrub(text), str)


def test_our_records_and_a_librarys_come_out_as_one_json_object_a_line(
    stream: io.StringIO,
) -> None:
    get_logger("ours").info("scanned", vault="kv-1", items=3)
    logging.getLogger("theirs").warning("Bearer %s refused", JWT)

    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (ours["event"], ours["vault"], ours["level"]) == ("scanned", "kv-1", "info")
    assert theirs["event"] == f"Bearer {REDACTED} refused"


def test_an_exceptions_text_is_scrubbed(stream: io.StringIO) -> None:
    try:
        raise ValueError("postgresql://scanner:s3cr3t-pw@127.0.0.1/db is down")
    except ValueError:
        get_logger("ours").exception("failed")

    assert "ValueError" in stream.getvalue()
    assert "s3cr3t-pw" not in stream.getvalue()
