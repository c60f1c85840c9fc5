"""What trips refuse, with a sentence that names the cure. No retry of the same can help."""


class TripRefused(Exception):
    """It cannot be done as asked; `field` names what of it was wrong, if anything was."""

    permanent = True

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class IllegalMove(TripRefused):
    """The trip cannot go from where it is to where it was told to."""

    def __init__(self, message: str) -> None:
        super().__init__("illegal_move", message, "status")
