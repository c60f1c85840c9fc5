"""Enqueue a declared task by hand: fields from its signature, values read by their types, clear errors."""

from datetime import date, datetime
from decimal import Decimal
from inspect import signature
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from ims.lib.models import AuditLog
from scheduling import launch
from scheduling.exceptions import Undeclared
from scheduling.testing import enqueued
from tests.site import tasks


def everything(
    whole: int, number: float, flag: bool, words: str, price: Decimal, at: datetime, day: date,
    some: list[str], more: dict[str, Any], colour: Literal["red", "blue"], maybe: int | None,
    rest: Any = None, size=3,
):  # fmt: skip
    pass


TASK = SimpleNamespace(
    name="x", path="x.y", function=everything, signature=signature(everything), sensitive=("words",)
)
GIVEN = {
    "whole": "12", "number": "1.5", "flag": "true", "words": "abc", "price": "12.50",
    "at": "2026-11-22T09:30+05:30", "day": "2026-11-22", "some": '["a"]', "more": '{"a": 1}', "colour": "red",
    "maybe": "", "rest": "plain words", "size": "",
}  # fmt: skip


def test_texts_of_a_form_become_values_of_the_declared_types():
    assert launch.read(TASK, GIVEN) == {
        "whole": 12, "number": 1.5, "flag": True, "words": "abc", "price": "12.50",
        "at": "2026-11-22T09:30:00+05:30", "day": "2026-11-22", "some": ["a"], "more": {"a": 1},
        "colour": "red", "maybe": None, "rest": "plain words",
    }  # fmt: skip


def test_a_field_knows_what_it_asks_for():
    fields = {field.name: field for field in launch.fields(TASK)}
    assert fields["words"].is_sensitive
    assert (fields["size"].kind, fields["size"].default_text) == ("whole number", "3")
    assert fields["maybe"].may_be_none
    assert fields["colour"].choices == ("red", "blue")
    assert fields["rest"].kind == launch.ANY


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("whole", "1.5", "give a whole number"),
        ("whole", True, "give a whole number"),
        ("number", "nan", "give a number"),
        ("flag", "perhaps", "give true or false"),
        ("words", 5, "give a text"),
        ("price", "dear", "give a decimal number"),
        ("at", "2026-11-22T09:30", "with its zone"),
        ("day", "22.11.2026", "give a date"),
        ("some", "{}", "give a JSON list"),
        ("more", "[1", "give a JSON object, e.g. {\"a\": 1}; at character 3: Expecting ',' delimiter"),
        ("some", "plain words", "give a JSON list"),
        ("some", "[" * 100_000, "nested too deeply"),
        ("rest", '{"a": ', "give a JSON value or plain words; at character 7"),
        ("colour", "green", "give one of red, blue"),
        ("whole", "", "give a whole number"),
        ("nosuch", "1", "has no such argument"),
    ],
)
def test_a_wrong_value_is_told_by_its_field_with_the_cure(name, value, message):
    with pytest.raises(launch.BadArguments) as caught:
        launch.read(TASK, {**GIVEN, name: value})
    assert list(caught.value.errors) == [name]
    assert message in caught.value.errors[name]


@pytest.mark.django_db
def test_a_job_is_queued_with_its_arguments_and_the_audit_log_masks_what_is_sensitive(operator):
    task = launch.find("tests.with_secret")
    job = launch.launch(task, launch.read(task, {"secret": "hunter2"}), user=operator)
    assert enqueued(tasks.with_secret) == [{"secret": "hunter2"}]
    entry = AuditLog.objects.get()
    assert (entry.action, entry.target, entry.user) == ("job.enqueue", f"job:{job.id}", operator)
    assert "hunter2" not in str(entry.after)


def test_the_engines_own_tasks_are_not_offered():
    assert not [task.name for task in launch.offered() if task.path.startswith("scheduling.")]
    with pytest.raises(Undeclared, match="by code alone"):
        launch.find("scheduling.act_on_all")
