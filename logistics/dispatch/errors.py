"""What dispatch refuses."""

from ims.lib import refusals


class Refused(refusals.Refused):
    """A request or an offer cannot be made, answered or moved so."""


class TooLate(Refused):
    """The offer has passed its time."""


class NotYours(Refused):
    """Somebody else was asked."""

    http_status = 403


class Unknown(Refused):
    """There is no such request."""

    http_status = 404
