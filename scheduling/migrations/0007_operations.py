"""What operations keep: rollups, samples, sizes, incidents, mutes; and when a finished job was due."""

import django.utils.timezone
from django.db import migrations, models


TIMES = {"postgresql": "timestamp with time zone", "sqlite": "datetime"}


def add_due(apps, schema_editor):
    """Empty in rows that are there already: how long those jobs waited nobody knows."""
    kind = TIMES[schema_editor.connection.vendor]
    schema_editor.execute(f"ALTER TABLE django_q_task ADD COLUMN due_at {kind} NULL")


def drop_due(apps, schema_editor):
    schema_editor.execute("ALTER TABLE django_q_task DROP COLUMN due_at")


class Migration(migrations.Migration):

    dependencies = [
        ('scheduling', '0006_joblog'),
    ]

    operations = [
        migrations.RunPython(add_due, drop_due),
        migrations.CreateModel(
            name='RolledUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('until', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='pausedqueue',
            name='is_quiet',
            field=models.BooleanField(default=False, help_text='Paused with all others, for a deploy.'),
        ),
        migrations.CreateModel(
            name='FailureMute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('func', models.CharField(max_length=256)),
                ('gist', models.CharField(blank=True, max_length=300)),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
                ('until', models.DateTimeField(blank=True, help_text='Muted until then.', null=True)),
                ('version', models.CharField(blank=True, help_text='Muted while this version runs.', max_length=100)),
                ('by', models.CharField(blank=True, max_length=150)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('func', 'gist'), name='one_mute_a_group')],
            },
        ),
        migrations.CreateModel(
            name='HttpCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('view', models.CharField(max_length=200)),
                ('method', models.CharField(max_length=10)),
                ('status', models.PositiveSmallIntegerField()),
                ('count', models.BigIntegerField()),
                ('seconds', models.FloatField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('view', 'method', 'status'), name='one_http_count')],
            },
        ),
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='What it is about, e.g. starved:normal.', max_length=200)),
                ('text', models.TextField()),
                ('began_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-began_at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('key',), name='one_open_incident')],
            },
        ),
        migrations.CreateModel(
            name='QueueSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('queue', models.CharField(max_length=100)),
                ('waiting', models.IntegerField()),
                ('running', models.IntegerField()),
                ('oldest_seconds', models.FloatField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('at', 'queue'), name='one_sample_a_minute')],
            },
        ),
        migrations.CreateModel(
            name='Rollup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('grain', models.CharField(choices=[('minute', 'Minute'), ('hour', 'Hour'), ('ever', 'Ever')], max_length=6)),
                ('start', models.DateTimeField()),
                ('func', models.CharField(max_length=256)),
                ('outcome', models.CharField(help_text='succeeded, failed, cancelled; retried: an attempt', max_length=10)),
                ('measure', models.CharField(choices=[('run', 'Run'), ('wait', 'Wait')], max_length=4)),
                ('bucket', models.PositiveSmallIntegerField()),
                ('count', models.BigIntegerField()),
                ('seconds', models.FloatField(help_text='The sum of these lengths.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('grain', 'start', 'func', 'outcome', 'measure', 'bucket'), name='one_rollup')],
            },
        ),
        migrations.CreateModel(
            name='TableSize',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('name', models.CharField(max_length=100)),
                ('size', models.BigIntegerField(help_text='Bytes.')),
                ('rows', models.BigIntegerField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('at', 'name'), name='one_size_an_hour')],
            },
        ),
    ]
