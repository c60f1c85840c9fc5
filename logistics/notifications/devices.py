"""The devices that a person registers and signs out."""

from django.utils.timezone import now

from ims.accounts.models import User
from logistics.notifications.models import DeviceToken, Platform

MOST = 20  # of one person: each is sent every push


def register(user: User, token: str, platform: str = Platform.ANDROID) -> DeviceToken:
    """Reach this person on this device from now on; a token that was another person's moves to this one.

    The oldest go where there are too many.
    """
    moment = now()
    DeviceToken.objects.bulk_create(
        [DeviceToken(user=user, token=token, platform=platform, registered_at=moment, updated_at=moment)],
        update_conflicts=True,
        unique_fields=["token"],
        update_fields=["user", "platform", "is_active", "registered_at", "ended_because", "updated_at"],
    )
    own = DeviceToken.objects.filter(user=user).order_by("-registered_at", "-id")
    own.exclude(pk__in=list(own.values_list("pk", flat=True)[:MOST])).delete()
    return DeviceToken.objects.get(token=token)


def forget(user: User, token: str) -> bool:
    """Take one's own device away; False where it is not one's own."""
    return bool(DeviceToken.objects.filter(user=user, token=token).delete()[0])
