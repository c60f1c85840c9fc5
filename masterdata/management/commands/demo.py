"""python manage.py demo: fill an empty development database with a small firm to look at."""

import os
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError

from ims.accounts import roles
from ims.accounts.models import User
from masterdata import demo, slips
from masterdata.models import PackingSlip
from masterdata.tasks import register_parcels
from masterdata.tracking_service import SCHEDULE
from scheduling import schedules

USERNAME = "demo"
PASSWORD = "parcels-on-the-move"  # noqa: S105 - printed by `make run`, only where DEBUG is on
INTERVAL_MINUTES = 1


class Command(BaseCommand):
    help = "Make a user, products and orders to try IMS with; a second run keeps what people changed."

    def handle(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("demo: this is for DEBUG=1 only; it makes a user with a known password.")
        user_is_new = add_user(os.environ.get("DEMO_PASSWORD") or PASSWORD)
        added = demo.fill()
        register_fresh()
        if user_is_new:  # later it is the operator's choice
            schedules.start(SCHEDULE, INTERVAL_MINUTES, force=True)
        self.stdout.write(self.style.SUCCESS(f"The demo is ready: {added} new orders, user {USERNAME}."))


def add_user(password: str) -> bool:
    """The user who may do all that a member of staff may; False where it was there already."""
    if User.objects.filter(username=USERNAME).exists():
        return False
    user = User.objects.create_user(
        USERNAME, "demo@localhost", password, first_name="Demo", last_name="User", is_staff=True
    )
    names = (roles.OPERATIONS, roles.OPERATOR)
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in names])
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="masterdata"))
    return True


def register_fresh() -> None:
    """Tell the stand-in of the parcels that are on their way since just now."""
    fresh = slips.due().filter(order_id__startswith=demo.PREFIX, parcels__registered_at=None)
    for slip in PackingSlip.objects.filter(pk__in=fresh.values("pk")):
        register_parcels.enqueue(packing_slip_id=slip.pk)
