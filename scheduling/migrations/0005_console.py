"""For the console: the gist of each failed attempt, and indexes of what is rare and looked for."""

from django.db import migrations, models

from scheduling.text import GIST_LENGTH, gist

# Partial, so that plain jobs, which wait, run and succeed, cost nothing more.
INDEXES = {
    "scheduling_task_failed": "django_q_task (stopped, id) WHERE NOT success",
    "scheduling_queue_special": "django_q_ormq (state, id) WHERE state IN ('retrying', 'scheduled', 'unreadable')",
}


def note_gists(apps, schema_editor):
    attempts = apps.get_model("scheduling", "Attempt").objects
    for attempt in attempts.iterator():
        attempts.filter(pk=attempt.pk).update(gist=gist(attempt.error))


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0003_holders")]

    operations = [
        migrations.AddField("attempt", "gist", models.CharField(blank=True, default="", editable=False, max_length=GIST_LENGTH), preserve_default=False),
        migrations.RunPython(note_gists, migrations.RunPython.noop),
        *[
            migrations.RunSQL(f"CREATE INDEX {name} ON {columns}", f"DROP INDEX {name}")
            for name, columns in INDEXES.items()
        ],
    ]
