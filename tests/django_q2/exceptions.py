"""Every shipped test of Django Q2 that does not hold here, with its reason. One that holds fails the run."""

from typing import NamedTuple


class DoesNotHold(NamedTuple):
    reason: str
    fails_at: str  # the statement of the shipped test at which it fails, and no other


EXCEPTIONS = {
    "test_brokers.py::test_orm": DoesNotHold(
        "A claim is given up when its holder is dead, not when `retry` seconds are over: a job that runs for"
        " longer would run twice. What follows in the test holds: tests/scheduling/test_broker.py.",
        "assert broker.queue_size() == 1",
    ),
    "test_cluster.py::test_bad_secret": DoesNotHold(
        "The Stat of a cluster is kept in its heartbeat, and this Sentinel is never started, so that it has"
        " none. That nothing signed with another key runs holds: tests/scheduling/test_broker.py.",
        "assert Stat.get(pid=s.parent_pid, cluster_id=cluster_id) is None",
    ),
    "test_cluster.py::test_recycle": DoesNotHold(
        "It counts the statements beside a broker in Redis; ours acknowledges in the database. What follows"
        " is save_limit, which is refused (E006): results are kept for as long as their task says.",
        "with django_assert_num_queries(12):",
    ),
    "test_cluster.py::test_timeout[1-async_task_kwargs0]": DoesNotHold(
        "Every declared task has a timeout, by default 90 s, which goes before that of the cluster.",
        "assert s.reincarnations == 1",
    ),
    "test_scheduler.py::test_scheduler": DoesNotHold(
        "All but its last line holds. There a schedule is for the cluster `default`, and its job is looked"
        " for in another queue. Queues are a fixed list here, and a row that names none of them is broken.",
        "assert task_queue.qsize() == 1",
    ),
    "test_scheduler.py::test_scheduler_atomic_must_specify_the_write_db": DoesNotHold(
        "Jobs commit with your data, in the one database `default` (E009): the test's router sends the"
        " schedules to a database `replica`, which is none of the site's.",
        "scheduler(broker=broker)",
    ),
    "test_scheduler.py::test_scheduler_atomic_must_specify_the_database_based_on_router_redirection": (
        DoesNotHold(
            "It looks for one transaction around all schedules. Here each that is due has one of its own, and"
            " none is due in the test.",
            'mocked_db.atomic.assert_called_with(using="default")',
        )
    ),
}

# Three to six seconds each, in `make test-slow`.
FINISHES = [
    f"test_cluster.py::test_timeout_task_finishes[{case}]"
    for case in (
        "5-async_task_kwargs0",
        "10-async_task_kwargs1",
        "1-async_task_kwargs2",
        "None-async_task_kwargs3",
    )
]
SLOW = [
    "test_cluster.py::test_timeout[1-async_task_kwargs0]",
    "test_cluster.py::test_timeout[None-async_task_kwargs2]",
    *FINISHES,
]

LEFT_OUT = {
    f"test_brokers.py::{name}": f"It is about {other} as a broker; ours is the database (E001)."
    for name, other in {
        "test_redis": "Redis",
        "test_custom": "Redis",
        "test_ironmq": "IronMQ",
        "test_sqs": "Amazon SQS",
        "test_mongo": "MongoDB",
    }.items()
} | {
    "test_cluster.py::TestEarlyClusterStop::test_cluster_early_stop": (
        "It is a race here: a signal only passes the wish to stop on, so that a second one is heard,"
        " and it is run() that waits for the end. Django Q2's handler waits itself."
    )
}
