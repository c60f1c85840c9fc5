"""The cache of Django Q2's cached results and async_iter: a table, because clusters are many processes."""

from django.core.management import call_command
from django.db import migrations


def create_table(apps, schema_editor):
    call_command("createcachetable", "scheduling_cache", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):

    dependencies = [("scheduling", "0001_initial")]

    operations = [
        migrations.RunPython(create_table, lambda apps, editor: editor.execute("DROP TABLE scheduling_cache")),
    ]
