"""Migrations that came after the last marked release are safe while processes of that release still run."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

from scripts import release

ROOT = Path(__file__).resolve().parent.parent.parent
MARKED = json.loads((ROOT / "deploy" / "last-release.json").read_text())
HARMLESS = (
    migrations.CreateModel,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.RunPython,
)
UNSAFE_SQL = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN)|RENAME|SET\s+NOT\s+NULL|ALTER\s+COLUMN\s+\S+\s+TYPE|TRUNCATE)\b", re.IGNORECASE
)


def complaints(migration: migrations.Migration) -> Iterator[str]:
    """What old code would stumble over."""
    made = {op.name_lower for op in migration.operations if isinstance(op, migrations.CreateModel)}
    for operation in migration.operations:
        on_new_table = getattr(operation, "model_name_lower", None) in made
        if not on_new_table and (complaint := complain(operation)):
            yield complaint


def complain(operation: Operation) -> str:
    match operation:
        case migrations.AddField(field=field):
            return complain_of_new(field, operation.name)
        case migrations.SeparateDatabaseAndState():
            return "; ".join(filter(None, map(complain, operation.database_operations)))
        case migrations.RunSQL():
            return f"its SQL is not safe: {operation.sql}" if UNSAFE_SQL.search(str(operation.sql)) else ""
        case migrations.AddIndex() | migrations.RemoveIndex() | migrations.RenameIndex():
            return ""  # for tables of millions: AddIndexConcurrently
        case migrations.AddConstraint() | migrations.AlterField() | migrations.AlterUniqueTogether():
            return f"{operation.describe()}: old code may write what it forbids. Say in SAFE why it does not."
        case _ if isinstance(operation, HARMLESS):
            return ""
    return (
        f"{operation.describe()}: old code still uses it. Take it out of the code first, and drop it later."
    )


def complain_of_new(field: models.Field, name: str) -> str:
    """Old code inserts rows without it."""
    if field.null or field.db_default is not NOT_PROVIDED or field.many_to_many:
        return ""
    return f"{name}: old code inserts rows without it. Give null=True or db_default."


# A migration whose complaint was looked at → why it is safe all the same.
SAFE: dict[str, str] = {}


def test_the_code_is_one_release_ahead_of_the_marked_one() -> None:
    assert MARKED["release"] + 1 == settings.RELEASE


def test_no_marked_migration_was_taken_away() -> None:
    assert set(MARKED["migrations"]) <= set(release.migrations())


@pytest.mark.parametrize("name", sorted(set(release.migrations()) - set(MARKED["migrations"])) or ["none"])
def test_a_new_migration_is_safe_while_old_processes_run(name: str) -> None:
    if name == "none":
        return
    package, _, stem = name.rpartition("/")
    module = import_module(f"{package.replace('/', '.')}.migrations.{stem}")
    found = list(complaints(module.Migration(stem, package)))
    assert name in SAFE or found == []


class Unsafe(migrations.Migration):
    operations = [
        migrations.AddField("schedule", "pace", models.IntegerField(default=0)),
        migrations.RemoveField("schedule", "name"),
        migrations.RunSQL("ALTER TABLE schedule RENAME TO plan"),
        migrations.RenameField("schedule", "a", "b"),
        migrations.DeleteModel("schedule"),
        migrations.AlterField("schedule", "name", models.CharField(max_length=3)),
    ]


class Safe(migrations.Migration):
    operations = [
        migrations.AddField("schedule", "pace", models.IntegerField(null=True)),
        migrations.AddField("schedule", "step", models.IntegerField(db_default=0)),
        migrations.CreateModel("Plan", [("id", models.BigAutoField(primary_key=True))]),
        migrations.AddConstraint("plan", models.CheckConstraint(condition=models.Q(id__gt=0), name="some")),
        migrations.AddIndex("schedule", models.Index(fields=["pace"], name="by_pace")),
    ]


def test_each_unsafe_operation_is_found() -> None:
    assert len(list(complaints(Unsafe("x", "y")))) == len(Unsafe.operations)


def test_safe_operations_pass() -> None:
    assert list(complaints(Safe("x", "y"))) == []
