"""`manage.py check` refuses settings under which jobs would be lost, doubled or delayed."""

from pydoc import locate
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import connection

from scheduling.declaration import QUEUES, tasks

TAG = "scheduling"  # what `qcluster` checks at its start; all else is checked by `manage.py check`


@register(TAG)
def check_q_cluster(**_: Any) -> list[CheckMessage]:
    """Each rule: a setting of Q_CLUSTER, whether it is safe, why, and what to do."""
    conf: dict[str, Any] = settings.Q_CLUSTER
    rules = [
        ("E001", "broker_class", conf.get("broker_class") == "scheduling.broker.DatabaseBroker",
         "this one keeps order, leases and the allow-list", "set it to scheduling.broker.DatabaseBroker"),
        ("E002", "retry", conf.get("retry", 60) > (conf.get("timeout") or 0),
         "a job that runs longer than retry would run twice", "set retry above timeout"),
        ("E010", "timeout", bool(conf.get("timeout")),
         "a job that hangs would hold its worker for ever", "give it seconds"),
        ("E003", "scheduler", conf.get("scheduler", True) is False,
         "Django Q2's scheduler stops all schedules at one bad row", "set it to False: ours runs instead"),
        ("E004", "max_attempts", conf.get("max_attempts", 0) == 0,
         "attempts are declared by @task(retries=…)", "set it to 0"),
        ("E005", "ack_failures", not conf.get("ack_failures", False),
         "a failed job would be gone before its retry", "set it to False"),
        ("E006", "save_limit", conf.get("save_limit", 250) == 0,
         "pruning in the result path is slow and lets one task push out all others", "set it to 0"),
        ("E007", "catch_up", conf.get("catch_up", True) is False,
         "every missed run would be made up for", "set it to False"),
        ("E008", "ALT_CLUSTERS", set(QUEUES) <= set(conf.get("ALT_CLUSTERS", {})),
         "Q_CLUSTER_NAME=queue would stop with a KeyError", "name every queue in it"),
        ("E009", "orm", conf.get("orm") == "default",
         "jobs commit with your data only in the same database", "set it to default"),
    ]  # fmt: skip
    return [
        Error(
            f"Q_CLUSTER[{name!r}] is unsafe: {why}.",
            hint=f"In settings.py, {cure}.",
            id=f"scheduling.{number}",
        )
        for number, name, safe, why, cure in rules
        if not safe
    ]


@register(TAG)
def check_connections(**_: Any) -> list[CheckMessage]:
    if connection.vendor != "postgresql" or connection.settings_dict["CONN_MAX_AGE"] != 0:
        return []
    return [
        Error(
            "DATABASES['default']['CONN_MAX_AGE'] is 0: every job would open a connection of its own.",
            hint="In settings.py, set it above 0, or to None.",
            id="scheduling.E011",
        )
    ]


@register(TAG)
def check_tasks(**_: Any) -> list[CheckMessage]:
    """A task in a module of a package `tasks` is looked for in the package."""
    return [
        Error(
            f"{declared.name}: no worker would find it at {declared.path}.",
            hint=f"Import it in the package's __init__.py from {declared.function.__module__}.",
            id="scheduling.E012",
        )
        for declared in tasks()
        if ".tasks." in declared.function.__module__ and locate(declared.path) is not declared
    ]
