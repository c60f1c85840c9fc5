"""PostgreSQL tells of changed schedules as of new jobs; SQLite's commits are heard of anyway."""

from django.db import migrations

TELL = (
    "CREATE TRIGGER scheduling_tell AFTER INSERT OR UPDATE OF next_run, repeats ON django_q_schedule"
    " FOR EACH STATEMENT EXECUTE FUNCTION scheduling_tell()"
)
SILENCE = "DROP TRIGGER scheduling_tell ON django_q_schedule"


def forward(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(TELL)


def backward(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(SILENCE)


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0008_release")]

    operations = [migrations.RunPython(forward, backward)]
