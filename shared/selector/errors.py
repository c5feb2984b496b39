"""The one error of the selector language."""


class SelectorError(ValueError):
    """A selector that cannot be used: where (`position`, counted from 1), and what was expected."""

    def __init__(self, position: int, expected: str) -> None:
        super().__init__(f"At character {position} of the selector: {expected}")
        self.position = position
        self.expected = expected
