"""What people choose on the page of messages."""

from django.utils.translation import gettext_lazy as _

from ims.web import filters
from logistics.notifications.models import DeliveryStatus


class MessageFilter(filters.Filter):
    status = filters.choice(_("Status"), _("All messages"), DeliveryStatus.choices)
