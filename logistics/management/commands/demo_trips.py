"""python manage.py demo_trips [--drive]: transports for the demo; --drive moves them until Ctrl-C."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils.timezone import now

from ims.accounts.models import User
from logistics import demo_driving, demo_invoices, demo_trips

USERNAME = "demo"
PAUSE = 3.0  # seconds between two fixes of a vehicle


class Command(BaseCommand):
    help = "Make crews, patients and trips to look at; --drive moves the demo's vehicles until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--drive", action="store_true", help="send fixes every three seconds")

    def handle(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("demo_trips: this is for DEBUG=1 only.")
        if options["drive"]:
            return self.drive()
        person = User.objects.filter(username=USERNAME).first()
        if person is None:
            raise CommandError("demo_trips: run `python manage.py demo` first; it makes the user.")
        if demo_trips.fill(person):
            self.stdout.write(self.style.SUCCESS("The demo's trips are ready."))
        if demo_invoices.fill(person):
            self.stdout.write(self.style.SUCCESS("The demo's invoices are ready."))
        return None

    def drive(self) -> None:
        stopped = threading.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stopped.set())
        while not stopped.wait(PAUSE):
            try:
                demo_driving.drive(now())
            except DatabaseError as error:
                self.stderr.write(f"demo_trips: {error}")
                connection.close()
