"""Jobs are held by a registered cluster, whose lease is one row; PostgreSQL tells of new jobs by NOTIFY."""

import django.utils.timezone
from django.db import migrations, models

FORWARD = [
    "ALTER TABLE django_q_ormq ADD COLUMN holder bigint NULL",
    "DROP INDEX scheduling_queue_claim",
    "CREATE INDEX scheduling_queue_due ON django_q_ormq (key, lock, id) WHERE holder IS NULL",
    "CREATE INDEX scheduling_queue_held ON django_q_ormq (holder) WHERE holder IS NOT NULL",
    "UPDATE django_q_ormq SET state = 'waiting' WHERE state = 'running'",
]
BACKWARD = [
    "DROP INDEX scheduling_queue_held",
    "DROP INDEX scheduling_queue_due",
    "CREATE INDEX scheduling_queue_claim ON django_q_ormq (key, lock, id)",
    "ALTER TABLE django_q_ormq DROP COLUMN holder",
]
NOTIFY = [
    "CREATE FUNCTION scheduling_tell() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM pg_notify('scheduling_queue', ''); RETURN NULL; END $$",
    "CREATE TRIGGER scheduling_tell AFTER INSERT OR UPDATE OF lock ON django_q_ormq"
    " FOR EACH STATEMENT EXECUTE FUNCTION scheduling_tell()",
]
SILENCE = ["DROP TRIGGER scheduling_tell ON django_q_ormq", "DROP FUNCTION scheduling_tell()"]


def forward(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in [*FORWARD, *(NOTIFY if postgresql else [])]:
        schema_editor.execute(statement)


def backward(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in [*(SILENCE if postgresql else []), *BACKWARD]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0002_cache")]

    operations = [
        migrations.RunPython(forward, backward),
        migrations.DeleteModel("Heartbeat"),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("cluster_id", models.UUIDField(db_index=True)),
                ("host", models.CharField(blank=True, max_length=255)),
                ("place", models.CharField(blank=True, max_length=100)),
                ("pid", models.IntegerField(default=0)),
                ("process_start", models.CharField(blank=True, max_length=30)),
                ("queues", models.JSONField(default=list)),
                ("workers", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seen_at", models.DateTimeField(db_index=True)),
                ("lease_until", models.DateTimeField()),
                ("status", models.CharField(blank=True, max_length=20)),
                ("running", models.JSONField(default=list)),
                ("stat", models.TextField(blank=True, help_text="Django Q2's signed Stat, for qinfo and qmonitor.")),
            ],
        ),
        migrations.CreateModel(
            name="PausedQueue",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("paused_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("paused_by", models.CharField(blank=True, max_length=150)),
            ],
        ),
    ]
