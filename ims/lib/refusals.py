"""What is refused, with a sentence that names the cure: each app subclasses this for its own refusals."""


class Refused(Exception):
    """It cannot be done as asked; `field` names what of it was wrong, if anything was."""

    permanent = True  # no retry of the same can help
    http_status = 400  # of the answer that REST gives

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field

    @property
    def sentence(self) -> str:
        """With the field, for those who have no form before them."""
        return f"{self.field}: {self}" if self.field else str(self)
