"""Which release declared a schedule, so that older code leaves it alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0007_operations")]

    operations = [
        migrations.AddField(
            "scheduleoverride",
            "release",
            models.PositiveIntegerField(
                db_default=0, default=0, editable=False, help_text="Of the code that declared it."
            ),
        )
    ]
