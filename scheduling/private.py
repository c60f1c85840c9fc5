"""The private parts of Django Q2 that the engine relies on, in one place, checked when a cluster starts."""

from importlib.metadata import version
from pydoc import locate

from django.core.exceptions import ImproperlyConfigured

VERSION = "1.11.1"
RELIED_ON = {  # what its documentation does not promise, by place
    "django_q.admin": ("FailAdmin", "QueueAdmin", "ScheduleAdmin", "TaskAdmin"),
    "django_q.brokers": ("get_broker",),
    "django_q.brokers.orm": ("ORM",),
    "django_q.brokers.orm.ORM": (
        "acknowledge", "delete", "dequeue", "enqueue", "fail", "get_stat", "get_stats", "lock_size",
        "purge_queue", "queue_size", "set_stat",
    ),
    "django_q.cluster": ("Cluster", "Sentinel", "get_mp_context"),
    "django_q.cluster.Cluster": ("name", "sig_handler", "start", "stop"),
    "django_q.cluster.Sentinel": ("guard", "spawn_cluster", "start", "status"),
    "django_q.conf": ("Conf",),
    "django_q.conf.Conf": (
        "BULK", "CLUSTER_NAME", "DAEMONIZE_WORKERS", "IDLE", "PREFIX", "SECRET_KEY", "STARTING", "STOPPED",
        "STOPPING", "TESTING", "TIME_ZONE", "WORKERS", "WORKING",
    ),
    "django_q.core_signing": ("TimestampSigner",),
    "django_q.exceptions": ("TimeoutException",),
    "django_q.humanhash": ("DEFAULT_WORDLIST", "humanize"),
    "django_q.models.Schedule": ("TYPE", "calculate_next_run"),
    "django_q.monitor": ("save_cached",),
    "django_q.signing": ("PickleSerializer", "SignedPackage"),
    "django_q.status": ("Stat",),
    "django_q.tasks": ("async_chain",),
    "django_q.utils": ("get_func_repr",),
    "django_q.worker": ("worker",),
}  # fmt: skip


def check() -> None:
    """Refuse to start on a Django Q2 that this engine was not made for."""
    installed = version("django-q2")
    if installed != VERSION:
        raise ImproperlyConfigured(
            f"django-q2 {installed} is installed; the engine extends {VERSION}. Install requirements.txt."
        )
    for place, names in RELIED_ON.items():
        holder = locate(place)
        missing = [name for name in names if not hasattr(holder, name)]
        if missing:
            raise ImproperlyConfigured(f"django-q2 {installed} lacks {', '.join(missing)} in {place}.")
