"""What contenders that live in Django have in common: settings, tables, a look at the database."""

import os

from bench.contenders.base import WORKERS, Base, count


class DjangoContender(Base):
    settings: str  # its module
    tables: str  # emptied before each measure
    has_many = False

    def prepare(self) -> None:
        os.environ.update(
            DJANGO_SETTINGS_MODULE=self.settings, DATABASE_URL=self.address, BENCH_WORKERS=str(WORKERS)
        )
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)

    def clear(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {self.tables} CASCADE")

    def count(self, table: str, where: str = "true") -> int:
        from django.db import connection

        with connection.cursor() as cursor:
            return count(cursor, table, where)
