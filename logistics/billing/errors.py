"""What billing refuses."""

from ims.lib.refusals import Refused


class BillingRefused(Refused):
    """An invoice or a payment cannot be made or changed so."""
