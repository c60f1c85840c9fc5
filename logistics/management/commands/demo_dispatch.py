"""python manage.py demo_dispatch: a gas firm beside the demo's shop, with the demo's user in every post."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.management.base import BaseCommand, CommandError

from ims.accounts.models import User
from logistics import demo

USERNAME = "demo"


class Command(BaseCommand):
    help = "Make stations, drivers and stock requests to try dispatch with; a second run changes nothing."

    def handle(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("demo_dispatch: this is for DEBUG=1 only.")
        person = User.objects.filter(username=USERNAME).first()
        if person is None:
            raise CommandError("demo_dispatch: run `python manage.py demo` first; it makes the user.")
        if demo.fill(person):
            person.user_permissions.add(*Permission.objects.filter(content_type__app_label="logistics"))
            self.stdout.write(self.style.SUCCESS("The demo's dispatch is ready."))
