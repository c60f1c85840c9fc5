"""django-tasks-db on PostgreSQL: the backend of Django's own tasks; as many workers as the others have."""

from bench.contenders.base import WORKERS
from bench.contenders.django_base import DjangoContender


class Contender(DjangoContender):
    packages = ("django-tasks-db", "django", "psycopg")
    settings = "bench.contenders.django_tasks_settings"
    tables = "django_tasks_database_dbtaskresult"

    def start(self) -> None:
        for _ in range(WORKERS):
            self.run("-m", "django", "db_worker", "--no-startup-delay")

    def enqueue(self) -> None:
        from bench.contenders import django_tasks_app

        django_tasks_app.nothing.enqueue()

    def enqueue_report(self, port: int) -> None:
        from bench.contenders import django_tasks_app

        django_tasks_app.report.enqueue(port)

    def count_done(self) -> int:
        return self.count(self.tables, "status = 'SUCCESSFUL'")
