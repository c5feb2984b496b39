"""Judging a password that somebody chose."""

from services.gateway.domain.password import normalise, refusal, words_to_avoid
from services.gateway.domain.problem import FieldError, ProblemError, invalid
from services.gateway.ports import GuessCounter


async def weakness(guesser: GuessCounter, password: str, username: str) -> str | None:
    """Return why the password is not accepted for this user, as a sentence, or None if it is."""
    context = words_to_avoid((username,))
    guesses = await guesser.guesses(normalise(password), context=context)
    return refusal(password, guesses=guesses, context=(username,))


async def refuse_weak(guesser: GuessCounter, password: str, username: str) -> None:
    """Raise `ProblemError` for a password that is easy to guess."""
    if why := await weakness(guesser, password, username):
        raise unusable(why)


def unusable(why: str) -> ProblemError:
    """Return the refusal of a password, pointing at it."""
    return invalid(why, (FieldError(pointer="/body/password", detail=why),))
