"""python manage.py demo_cross_dock: suppliers, offers and a first price request to try cross-dock with."""

from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError

from crossdock import actions, demo, view
from crossdock.models import CrossDockTask
from ims.accounts import roles
from ims.accounts.models import User
from ims.lib.sheets import write_xlsx

USERNAME = "demo"


class Command(BaseCommand):
    help = (
        "Make suppliers, offers and a price request of the user demo; a second run keeps what people changed."
    )

    def handle(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("demo_cross_dock: this is for DEBUG=1 only; it makes invented offers.")
        added = demo.fill()
        view.refresh()
        user = User.objects.filter(username=USERNAME).first()
        if user:
            user.groups.add(Group.objects.get_or_create(name=roles.BUYER)[0])
            user.user_permissions.add(*Permission.objects.filter(content_type__app_label="crossdock"))
            ask_first(user)
        self.stdout.write(self.style.SUCCESS(f"The demo's cross-dock is ready: {added} new offers."))


def ask_first(user: User) -> None:
    if CrossDockTask.objects.exists():
        return
    file = BytesIO()
    write_xlsx(file, ["Бренд", "Артикул"], demo.request_rows())
    actions.ask(file, "Запрос_ноябрь.xlsx", next(iter(demo.GROUPS)), user)
