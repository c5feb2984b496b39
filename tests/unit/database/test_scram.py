"""The verifier that is stored instead of a password."""

import base64

from shared.database.scram import verifier


def test_it_is_what_postgresql_itself_would_store() -> None:
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")

    assert verifier("pencil", salt) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_the_same_password_never_looks_the_same_twice() -> None:
    assert verifier("pencil") != verifier("pencil")
