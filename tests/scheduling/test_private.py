"""What the engine takes from the inside of Django Q2 is listed, and checked when a cluster starts."""

import ast
import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from scheduling import private

SOURCES = [path.read_text() for path in Path(private.__file__).parent.rglob("*.py")]
DOCUMENTED = ("django_q.models.", "django_q.signals.", "django_q.tasks.async_task")


def imported():
    """Every name that the engine imports from Django Q2, as "django_q.module.name"."""
    nodes = (node for source in SOURCES for node in ast.walk(ast.parse(source)))
    froms = (node for node in nodes if isinstance(node, ast.ImportFrom))
    names = (f"{node.module}.{alias.name}" for node in froms for alias in node.names)
    return {name for name in names if name.startswith("django_q.") and not name.startswith(DOCUMENTED)}


def test_every_private_name_that_the_engine_imports_is_listed():
    listed = {f"{place}.{name}" for place, names in private.RELIED_ON.items() for name in names}
    assert imported() <= listed | set(private.RELIED_ON)


def test_every_setting_that_the_engine_reads_from_django_q2_is_listed():
    read = {name for source in SOURCES for name in re.findall(r"\bConf\.([A-Z_]+)", source)}
    assert read == set(private.RELIED_ON["django_q.conf.Conf"])


def test_the_django_q2_that_the_engine_extends_is_installed():
    private.check()


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("django_q.utils", "get_func_repr"),
        ("django_q.cluster.Sentinel", "guard"),
        ("django_q.conf.Conf", "BULK"),
        ("django_q.models.Schedule", "calculate_next_run"),
    ],
)
def test_a_missing_name_is_told_with_its_place(monkeypatch, place, name):
    monkeypatch.delattr(f"{place}.{name}")
    with pytest.raises(ImproperlyConfigured, match=rf"lacks {name} in {place}\."):
        private.check()


def test_a_cluster_does_not_start_on_another_version(monkeypatch):
    monkeypatch.setattr(private, "VERSION", "1.0.0")
    with pytest.raises(
        ImproperlyConfigured, match=r"the engine extends 1\.0\.0\. Install requirements\.txt\."
    ):
        call_command("qcluster")
