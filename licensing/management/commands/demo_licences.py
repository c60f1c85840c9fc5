"""python manage.py demo_licences: licences to look at, for the user that `demo` has made."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError

from ims.accounts import roles
from ims.accounts.models import User
from licensing import demo

USERNAME = "demo"


class Command(BaseCommand):
    help = "Make licences in all states to try IMS with; a second run keeps what people changed."

    def handle(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("demo_licences: this is for DEBUG=1 only.")
        added = demo.fill()
        if user := User.objects.filter(username=USERNAME).first():
            user.groups.add(Group.objects.get_or_create(name=roles.LICENCE_MANAGER)[0])
            user.user_permissions.add(*Permission.objects.filter(content_type__app_label="licensing"))
        self.stdout.write(self.style.SUCCESS(f"The demo has {added} new licences."))
