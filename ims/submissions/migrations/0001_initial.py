import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Submission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(help_text="Of the person, the address and his key.", max_length=64, unique=True)),
                ("content", models.CharField(help_text="A digest of what was sent.", max_length=64)),
                ("status", models.PositiveSmallIntegerField(default=0, help_text="HTTP's.")),
                ("answer", models.TextField(help_text="Of a page: where it led; else the body.")),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={"default_permissions": ()},
        ),
    ]
