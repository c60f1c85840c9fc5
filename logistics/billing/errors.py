"""What billing refuses, with a sentence that names the cure. No retry of the same can help."""


class BillingRefused(Exception):
    """It cannot be done as asked; `field` names what of it was wrong, if anything was."""

    permanent = True

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field
