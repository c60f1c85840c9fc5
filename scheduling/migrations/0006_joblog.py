"""What jobs log, for their pages in the console."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0005_console")]

    operations = [
        migrations.CreateModel(
            "JobLog",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("job_id", models.CharField(max_length=32)),
                ("attempt", models.PositiveIntegerField()),
                ("left_out", models.PositiveIntegerField(default=0, help_text="Earlier lines that are only in the log.")),
                ("lines", models.JSONField(help_text="[when, level, logger, text] each.")),
                ("written_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["job_id", "attempt"],
                "constraints": [models.UniqueConstraint(fields=("job_id", "attempt"), name="one_log_per_attempt")],
            },
        ),
    ]
