"""Jobs of every temper."""

import contextlib
import logging
import os
import signal
import time
from datetime import timedelta

from django.db import connection
from django_q.models import Task

from scheduling import HIGH, LOW, Retry, SoftTimeout, cancelled, hook, progress, task
from scheduling.models import Cancellation, QueuedJob
from tests.site.models import Effect, Mark

logger = logging.getLogger(__name__)

QUICKLY = Retry(attempts=3, delay=0, jitter=0)


class Hopeless(Exception):
    permanent = True


class AskedToWait(Exception):
    retry_after = 600


@task(retries=QUICKLY)
def leave_effect(name="effect"):
    """Leave one effect behind."""
    Effect.objects.create(name=name)
    return {"name": name}


@task(queue=HIGH)
def urgent(name):
    Effect.objects.create(name=name)


@task(queue=LOW)
def patient(name):
    Effect.objects.create(name=name)


@task(keep=None, retries=QUICKLY)
def leave_no_trace(name):
    Effect.objects.create(name=name)


@task(retries=QUICKLY)
def fail(message):
    Effect.objects.create(name="failed")
    raise ValueError(message)


@task(retries=QUICKLY, keep=None)
def fail_once(name):
    Effect.objects.create(name=name)
    if Effect.objects.filter(name=name).count() == 1:
        raise ValueError("the first time")


@task(retries=Retry(attempts=4, delay=60))
def fail_and_wait():
    raise ValueError("later")


@task()
def fail_for_good():
    raise Hopeless("nothing will help")


@task()
def be_asked_to_wait():
    raise AskedToWait


@task(timeout=1, retries=Retry(attempts=1))
def run_over_time():
    time.sleep(30)


@task(timeout=30, soft_timeout=0.2, retries=Retry(attempts=1))
def tidy_up():
    try:
        time.sleep(20)
    except SoftTimeout:
        Effect.objects.create(name="tidied")
        return "tidied"


@task(unique=True)
def only_one(key, size=1):
    Effect.objects.create(name=key)


@task(unique=True, retries=Retry(attempts=4, delay=60))
def only_one_fails(key):
    raise ValueError(key)


@task(retries=QUICKLY)
def fail_while_cancelled():
    for row in QueuedJob.objects.all():
        Cancellation.objects.get_or_create(job_id=row.job_id)
    raise ValueError("while it was cancelled")


@task()
def sleep_only(seconds):
    time.sleep(seconds)


@task(retries=QUICKLY)
def lose_connection():
    """The first time the database server cuts this very connection in mid-job."""
    Effect.objects.create(name="lost")
    if Effect.objects.filter(name="lost").count() == 1:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@task(retries=Retry(attempts=1))
def return_unstorable():
    return lambda: None


@task(retries=Retry(attempts=1))
def raise_odd_text():
    raise ValueError("NUL \x00")  # PostgreSQL's text columns refuse it


class Speechless(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@task(retries=Retry(attempts=1))
def raise_speechless():
    raise Speechless


@task(rate="6/m", keep=None)
def limited(name):
    Effect.objects.create(name=name)


@task(timeout=60, retries=QUICKLY)
def count_to(total, pause=0.05):
    """Tell progress and stop when asked to."""
    for done in range(total):
        if cancelled():
            return f"stopped at {done}"
        progress(done, total, "counting")
        time.sleep(pause)
    progress(total, total, "counted")
    return total


@task(timeout=30)
def sleep(seconds, name="slept"):
    time.sleep(seconds)
    Effect.objects.create(name=name)


@task()
def whoami():
    return {"pid": os.getpid()}


@task(sensitive=("secret",))
def with_secret(secret):
    Effect.objects.create(name="secret kept")


@task(retries=Retry(attempts=2, delay=0, jitter=0), sensitive=("secret",))
def speak(lines=1, fails=False, secret=""):
    """Log so many lines, and fail where it is told to."""
    logger.debug("not worth a line")
    for number in range(1, lines + 1):
        logger.info("line %d%s", number, f" with {secret}" if secret else "")
    if fails:
        logger.warning("it will fail")
        raise ValueError(f"nobody may read {secret}")
    return lines


@hook
def note_result(finished: Task):
    Effect.objects.create(name=f"hook {finished.success}")


@task(every=timedelta(minutes=10), schedule="site_every")
def every_ten_minutes():
    return "ran"


@task(cron="30 2 * * *", tz="Asia/Kolkata", schedule="site_nightly")
def nightly():
    return "ran"


# --- the soak -----------------------------------------------------------------------------------------------
STUBBORNLY = Retry(attempts=30, delay=0.1, factor=1)


@task(retries=STUBBORNLY, timeout=30)
def endure(key, temper="quick"):
    """Start, behave as the temper says, and leave one mark."""
    Effect.objects.create(name=key)
    starts = Effect.objects.filter(name=key).count()
    if temper == "slow":
        time.sleep(0.7)
    if temper == "failing" and starts == 1:
        raise ValueError("the first time")
    if temper == "hopeless":
        raise Hopeless("always")
    if temper == "crashing" and starts <= 2:
        os.kill(os.getpid(), signal.SIGKILL)
    Mark.objects.get_or_create(key=key)


@task(retries=Retry(attempts=2, delay=0.1))
def poison(key):
    """Take the worker along, every time."""
    Effect.objects.create(name=key)
    os._exit(3)


@task(retries=Retry(attempts=20, delay=0.1), timeout=1)
def hang(key):
    """Hear nothing, the first time."""
    Effect.objects.create(name=key)
    while Effect.objects.filter(name=key).count() == 1:
        with contextlib.suppress(BaseException):
            time.sleep(60)
    Mark.objects.get_or_create(key=key)


@task(retries=STUBBORNLY, timeout=300)
def ignore_cancel(key):
    """Run until somebody ends it."""
    Effect.objects.create(name=key)
    time.sleep(300)


@task(retries=STUBBORNLY, timeout=300)
def hear_nothing(key):
    """Run on, whatever is raised."""
    Effect.objects.create(name=key)
    for _ in range(100):
        with contextlib.suppress(BaseException):
            time.sleep(60)


@task(retries=STUBBORNLY, timeout=300)
def tell_and_sleep(key, seconds):
    Effect.objects.create(name=key)
    time.sleep(seconds)


@task(retries=QUICKLY)
def ask_nonsense():
    """A bare database error, outside any transaction of its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")


@task()
def echo(text):
    return text
