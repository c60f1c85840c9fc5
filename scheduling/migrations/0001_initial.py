"""The engine's tables, and its columns and indexes on Django Q2's queue."""

import django.utils.timezone
from django.db import migrations, models

# Every column has a default, so that Django Q2's own INSERT of three columns goes on working.
COLUMNS = {
    "job_id": "varchar(32) NOT NULL DEFAULT ''",
    "func": "varchar(256) NOT NULL DEFAULT ''",
    "state": "varchar(10) NOT NULL DEFAULT 'waiting'",
    "attempts": "integer NOT NULL DEFAULT 0",
    "enqueued_at": "{time} NULL",
    "started_at": "{time} NULL",
    "unique_key": "varchar(64) NULL",
    "has_slot": "{bool} NOT NULL DEFAULT {false}",
}
INDEXES = {
    "scheduling_queue_claim": "(key, lock, id)",
    "scheduling_queue_job": "(job_id)",
    "scheduling_queue_func": "(func, id)",
}
TYPES = {
    "postgresql": {"time": "timestamp with time zone", "bool": "boolean", "false": "false"},
    "sqlite": {"time": "datetime", "bool": "bool", "false": "0"},
}


def extend_queue(apps, schema_editor):
    types = TYPES[schema_editor.connection.vendor]
    for name, kind in COLUMNS.items():
        schema_editor.execute(f"ALTER TABLE django_q_ormq ADD COLUMN {name} {kind.format(**types)}")
    for name, columns in INDEXES.items():
        schema_editor.execute(f"CREATE INDEX {name} ON django_q_ormq {columns}")
    schema_editor.execute("CREATE UNIQUE INDEX scheduling_queue_unique ON django_q_ormq (unique_key)")
    schema_editor.execute("CREATE INDEX scheduling_task_func ON django_q_task (func, stopped)")
    schema_editor.execute("CREATE INDEX scheduling_task_stopped ON django_q_task (stopped)")
    schema_editor.execute("CREATE INDEX scheduling_schedule_due ON django_q_schedule (next_run)")


def restore_queue(apps, schema_editor):
    for name in (*INDEXES, "scheduling_queue_unique", "scheduling_task_func", "scheduling_task_stopped",
                 "scheduling_schedule_due"):
        schema_editor.execute(f"DROP INDEX {name}")
    for name in COLUMNS:
        schema_editor.execute(f"ALTER TABLE django_q_ormq DROP COLUMN {name}")


class Migration(migrations.Migration):

    initial = True

    dependencies = [("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more")]

    operations = [
        migrations.CreateModel(
            name='QueuedJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=100)),
                ('payload', models.TextField()),
                ('lock', models.DateTimeField(null=True)),
                ('job_id', models.CharField(default='', max_length=32)),
                ('func', models.CharField(default='', max_length=256)),
                ('state', models.CharField(choices=[('scheduled', 'Scheduled'), ('waiting', 'Waiting'), ('running', 'Running'), ('retrying', 'Retrying'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('unreadable', 'Unreadable')], default='waiting', max_length=10)),
                ('attempts', models.IntegerField(default=0)),
                ('enqueued_at', models.DateTimeField(null=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('unique_key', models.CharField(max_length=64, null=True)),
                ('has_slot', models.BooleanField(default=False)),
            ],
            options={
                'db_table': '"django_q_ormq"',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Cancellation',
            fields=[
                ('job_id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('requested_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('requested_by', models.CharField(blank=True, max_length=150)),
                ('honoured_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('cluster_id', models.UUIDField(primary_key=True, serialize=False)),
                ('host', models.CharField(blank=True, max_length=255)),
                ('pid', models.IntegerField(default=0)),
                ('queues', models.JSONField(default=list)),
                ('workers', models.PositiveIntegerField(default=0)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('seen_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('stat', models.TextField(blank=True, help_text="Django Q2's signed Stat, for qinfo and qmonitor.")),
            ],
        ),
        migrations.CreateModel(
            name='Progress',
            fields=[
                ('job_id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('done', models.BigIntegerField(default=0)),
                ('total', models.BigIntegerField(default=0)),
                ('stage', models.CharField(blank=True, max_length=200)),
                ('updated_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name_plural': 'progress',
            },
        ),
        migrations.CreateModel(
            name='ScheduleOverride',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('stopped', models.BooleanField(default=False)),
                ('interval_minutes', models.PositiveSmallIntegerField(blank=True, help_text='Empty: as declared.', null=True)),
                ('schedule_id', models.IntegerField(editable=False, null=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ThrottleSlot',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('next_at', models.FloatField(help_text='Seconds since 1970.')),
            ],
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('job_id', models.CharField(db_index=True, max_length=32)),
                ('number', models.PositiveIntegerField()),
                ('func', models.CharField(max_length=256)),
                ('started_at', models.DateTimeField(null=True)),
                ('stopped_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('error', models.TextField()),
                ('retry_at', models.DateTimeField(blank=True, help_text='Empty: it was the last attempt.', null=True)),
            ],
            options={
                'ordering': ['job_id', 'number'],
                'constraints': [models.UniqueConstraint(fields=('job_id', 'number'), name='one_row_per_attempt')],
            },
        ),
        migrations.RunPython(extend_queue, restore_queue),
    ]
