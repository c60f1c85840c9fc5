"""The private parts of Django Q2 that the engine relies on, in one place, checked when a cluster starts."""

from importlib.metadata import version
from pydoc import locate

from django.core.exceptions import ImproperlyConfigured

VERSION = "1.11.1"
RELIED_ON = {
    "django_q.cluster": ("Sentinel", "Cluster", "get_mp_context"),
    "django_q.cluster.Sentinel": ("start", "spawn_cluster", "guard", "reincarnate", "stop", "status"),
    "django_q.worker": ("worker",),
    "django_q.monitor": ("monitor", "save_task"),
    "django_q.pusher": ("pusher",),
    "django_q.conf.Conf": ("PREFIX", "CLUSTER_NAME", "WORKERS", "GUARD_CYCLE", "POLL", "SYNC", "SECRET_KEY"),
    "django_q.core_signing": ("loads",),
    "django_q.signing": ("PickleSerializer", "SignedPackage"),
    "django_q.exceptions": ("TimeoutException",),
    "django_q.utils": ("get_func_repr",),
}


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
