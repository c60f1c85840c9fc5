"""What trips refuse."""

from ims.lib.refusals import Refused


class TripRefused(Refused):
    """A trip cannot be planned, moved or shown so."""


class IllegalMove(TripRefused):
    """The trip cannot go from where it is to where it was told to."""

    def __init__(self, message: str) -> None:
        super().__init__("illegal_move", message, "status")
