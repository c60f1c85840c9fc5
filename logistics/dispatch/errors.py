"""What dispatch refuses, with a sentence that names the cure. No retry of the same can help."""


class Refused(Exception):
    """The request cannot be done as asked: `field` names what of it was wrong, if anything was."""

    permanent = True

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class TooLate(Refused):
    """The offer has passed its time."""


class NotYours(Refused):
    """Somebody else was asked."""


class Unknown(Refused):
    """There is no such request."""
