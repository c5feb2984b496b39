"""Every input that carries a secret: a service's new one joins by a line in `INPUTS`.

`carry` puts the value where it belongs, and where somebody could put it by mistake. For a secret
that the platform makes itself it returns that one instead.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from tests.support.canary import people, rotated, slips, surroundings
from tests.support.canary.forms import canary, word_canary
from tests.support.canary.visit import Visit


class Input(NamedTuple):
    """One input, and how its value gets into it."""

    name: str
    carry: Callable[[Visit, str], Awaitable[str | None]]
    make: Callable[[str], str] = canary


# What is set before the start: the variable, and the setting's name.
SETTINGS: Final = {"SECRET_KEY": "secret_key", "SECRET_KEY_PREVIOUS": "secret_key_previous"}

# In this order: the clouds fail once all is had of them that they give, and the administrator comes
# before whatever only an administrator may.
INPUTS: Final = (
    Input("a secret's value in a vault", surroundings.vault_secret),
    Input("the private key of a vault's certificate", surroundings.private_key),
    Input("a client secret that a rotation made", rotated.made_by_rotation),
    Input("a cloud's access token", surroundings.access_token),
    Input("a cloud's error message", surroundings.cloud_message),
    Input("IDENTITY_HEADER", surroundings.identity_header),
    Input("a client secret of an application", surroundings.client_secret),
    Input("the database's password", surroundings.database_password),
    Input("a wrong set-up token", people.wrong_setup_token),
    Input("the set-up token", people.setup_token),
    Input("the first administrator's password", people.administrator),
    Input("a session's token", people.session_token),
    Input("a session's cookie", people.session_cookie),
    Input("a first password", people.first_password),
    Input("a first password given anew", people.password_given_anew),
    Input("a password of one's own choice", people.own_password),
    Input("a second factor's secret", people.second_factor),
    Input("a recovery code", people.recovery_code),
    Input("an API token", people.api_token),
    Input("a break-glass code", people.break_glass),
    Input("a wrong password", slips.wrong_password),
    Input("a password typed as the name", slips.password_as_name),
    Input("a password in a body of the wrong shape", slips.wrong_shape),
    Input("a password as a field's name", slips.password_as_field),
    Input("a password in JSON that breaks off", slips.broken_json),
    Input("a wrong recovery code", slips.wrong_code, slips.short_word),
    Input("a bearer token that nobody made", slips.strange_token, word_canary),
    Input("a token sent to other addresses", slips.wandering_token, word_canary),
    Input("a token in a query", slips.token_in_query),
    Input("a token as a parameter of the wrong kind", slips.wrong_parameter, word_canary),
    Input("a token in a path", slips.token_in_path),
    Input("a token as a method", slips.token_as_method, word_canary),
    Input("a token in a header that nobody reads", slips.strange_headers, word_canary),
    Input("an Idempotency-Key", slips.idempotency_key, word_canary),
    Input("a wrong DATABASE_URL", surroundings.wrong_database),
    Input("BUS_URL of RabbitMQ", surroundings.wrong_rabbitmq),
    Input("BUS_URL of Service Bus", surroundings.wrong_service_bus),
    Input("CERTIFYCLOUDS_TOKEN", surroundings.commands_token, word_canary),
    Input("CERTIFYCLOUDS_PASSWORD", surroundings.commands_password),
    Input("AZURE_CLIENT_SECRET", surroundings.wrong_client_secret),
)


async def carry_all(visit: Visit) -> None:
    """Let each input carry its value, and remember what it was."""
    for one in INPUTS:
        value = one.make(one.name)
        visit.values[one.name] = await one.carry(visit, value) or value
