from django.db import migrations
from django.db.models import TextField, Value

import ims.lib.secrets

SECRETS = ("track123_api_key", "service_account_json")


def encrypt(apps, schema_editor):
    """A save encrypts what was plain."""
    for row in apps.get_model("masterdata", "GoogleDriveSettings").objects.only("id", *SECRETS):
        row.save(update_fields=SECRETS)


def decrypt(apps, schema_editor):
    rows = apps.get_model("masterdata", "GoogleDriveSettings").objects
    for row in rows.only("id", *SECRETS):
        plain = {name: Value(getattr(row, name), output_field=TextField()) for name in SECRETS}
        rows.filter(pk=row.pk).update(**plain)


class Migration(migrations.Migration):
    dependencies = [("masterdata", "0002_heard_at")]

    operations = [
        migrations.AlterField(
            model_name="googledrivesettings",
            name="track123_api_key",
            field=ims.lib.secrets.EncryptedTextField(blank=True, verbose_name="Track123 API key"),
        ),
        migrations.AlterField(
            model_name="googledrivesettings",
            name="service_account_json",
            field=ims.lib.secrets.EncryptedTextField(blank=True, verbose_name="service account JSON"),
        ),
        migrations.RunPython(encrypt, decrypt),
    ]
