"""The small cast of every test: staff, the stranger, their API clients, and a real cluster."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from knox.models import AuthToken
from rest_framework.test import APIClient

from ims.accounts import roles
from ims.accounts.models import User
from tests.site.emptied import only_what_is_filled_is_emptied  # noqa: F401 - a fixture
from tests.site.migrated import django_db_keepdb  # noqa: F401 - a fixture

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "a-password-for-tests"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="run on a real PostgreSQL started by the tests")


DATABASE = {"db", "transactional_db", "database"}  # fixtures by which a test reaches one


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The run on PostgreSQL repeats what may differ there: the tests that reach a database."""
    vendor = "postgresql" if config.getoption("--postgres") else "sqlite"
    chosen = [item for item in items if is_for(vendor, item)]
    config.hook.pytest_deselected(items=[*{*items}.difference(chosen)])
    items[:] = chosen
    items[:] = long_ones_first(items, getattr(config, "workerinput", {}).get("workercount", 1))


def is_for(vendor: str, item: pytest.Item) -> bool:
    only = item.get_closest_marker("only")
    again = vendor == "sqlite" or (reaches_database(item) and not item.get_closest_marker("once"))
    return again and (only is None or only.args == (vendor,))


def long_ones_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Each of pytest's processes begins with an equal share of the list; let none end with a long test."""
    long = [item for item in items if is_long(item)]
    short = [item for item in items if not is_long(item)]
    shares = [share(long, number, workers) + share(short, number, workers) for number in range(workers)]
    return [item for each in shares for item in each]


def share(items: list[pytest.Item], number: int, count: int) -> list[pytest.Item]:
    return items[len(items) * number // count : len(items) * (number + 1) // count]


def is_long(item: pytest.Item) -> bool:
    """Whether it starts whole programs, and mostly waits for them."""
    return bool(item.get_closest_marker("programs")) or "qcluster" in item.fixturenames


def reaches_database(item: pytest.Item) -> bool:
    is_test_case = isinstance(getattr(item, "cls", None), type) and issubclass(item.cls, TransactionTestCase)
    return (
        is_test_case or bool(item.get_closest_marker("django_db")) or bool(DATABASE & set(item.fixturenames))
    )


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """Throttles count in the cache; no test spends another's allowance."""
    cache.clear()


# --- People ---------------------------------------------------------------------------------------------
def make_user(username: str, *role_names: str, **fields: object) -> User:
    user = User.objects.create_user(username, f"{username}@example.com", PASSWORD, **fields)
    user.groups.set(Group.objects.get_or_create(name=name)[0] for name in role_names)
    return user


@pytest.fixture
def operations(db) -> User:
    """Ships orders: may read and act in tracking."""
    return make_user("operations", roles.OPERATIONS)


@pytest.fixture
def operator(db) -> User:
    """Runs the console: may stop schedules and retry jobs."""
    return make_user("operator", roles.OPERATOR)


@pytest.fixture
def reader(db) -> User:
    """May look, not touch."""
    return make_user("reader", roles.READ_ONLY)


@pytest.fixture
def stranger(db) -> User:
    """A driver: signed in, but holds no staff role."""
    return make_user("stranger", roles.DRIVER)


@pytest.fixture
def admin(db) -> User:
    """A superuser: holds every role."""
    return make_user("admin", is_staff=True, is_superuser=True)


# --- Clients --------------------------------------------------------------------------------------------
@pytest.fixture
def api(db) -> Callable[[User], APIClient]:
    """A client with a real Bearer token: `api(operations).get(…)`."""

    def client_of(user: User) -> APIClient:
        _, token = AuthToken.objects.create(user)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return client_of


@pytest.fixture
def anonymous_api() -> APIClient:
    return APIClient()


# --- A real cluster -------------------------------------------------------------------------------------
class Cluster:
    """`python manage.py qcluster` as a process group of its own, on the database of this test."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by stop()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "qcluster", *arguments],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url_of_test(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def terminate(self) -> None:
        """What systemd does: SIGTERM to the parent alone."""
        self.process.terminate()

    def kill(self) -> None:
        """What a power cut does: everything of the group at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def read_output(self) -> str:
        self.output.seek(0)
        return self.output.read()


@pytest.fixture
def qcluster(transactional_db, request) -> Iterator[Callable[..., Cluster]]:
    """Start clusters: `qcluster()`, `qcluster("--workers", "1", Q_CLUSTER_NAME="normal")`."""
    started: list[Cluster] = []

    def start(*arguments: str, **environment: str) -> Cluster:
        started.append(Cluster(*arguments, **environment))
        return started[-1]

    yield start
    for cluster in started:
        cluster.kill()
        request.node.add_report_section("teardown", f"qcluster {cluster.pid}", cluster.read_output())
        cluster.output.close()


def database_url_of_test() -> str:
    """The DATABASE_URL by which another process sees the very database of this test."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    base, _, _ = os.environ["DATABASE_URL"].partition("?")
    _, _, query = os.environ["DATABASE_URL"].partition("?")
    address = f"{base.rpartition('/')[0]}/{database['NAME']}"
    return f"{address}?{query}" if query else address


def wait_for(condition: Callable[[], object], timeout: float = 15.0, every: float = 0.05) -> object:
    """The first true value of `condition`; a failure after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"Still not so after {timeout:g} s: {getattr(condition, '__name__', condition)}")
        time.sleep(every)
    return value


@pytest.fixture(name="wait_for")
def _wait_for() -> Callable[..., object]:
    return wait_for
