"""What single calls asked for beside what their task declares."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0009_schedules_tell")]

    operations = [
        migrations.CreateModel(
            name="CallOptions",
            fields=[
                ("job_id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("queue", models.CharField(blank=True, help_text="Empty: as declared.", max_length=100)),
                ("timeout", models.PositiveIntegerField(help_text="Seconds. Empty: as declared.", null=True)),
                (
                    "keeps",
                    models.BooleanField(help_text="Whether a success is kept. Empty: as declared.", null=True),
                ),
                ("written_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={"verbose_name_plural": "call options"},
        ),
    ]
