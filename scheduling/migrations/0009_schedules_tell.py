"""PostgreSQL tells of changed schedules and resumed queues as of new jobs; SQLite's commits are heard of anyway."""

from django.db import migrations

TELL = [
    "CREATE TRIGGER scheduling_tell AFTER INSERT OR UPDATE OF next_run, repeats ON django_q_schedule"
    " FOR EACH STATEMENT EXECUTE FUNCTION scheduling_tell()",
    "CREATE TRIGGER scheduling_tell AFTER DELETE ON scheduling_pausedqueue"
    " FOR EACH STATEMENT EXECUTE FUNCTION scheduling_tell()",
]
SILENCE = [
    "DROP TRIGGER scheduling_tell ON scheduling_pausedqueue",
    "DROP TRIGGER scheduling_tell ON django_q_schedule",
]


def forward(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in TELL:
            schema_editor.execute(statement)


def backward(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in SILENCE:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0008_release")]

    operations = [migrations.RunPython(forward, backward)]
