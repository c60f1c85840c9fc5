"""What buyers are told at the bell: their prices are ready, or why they are not."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crossdock.models import CrossDockTask
from ims.accounts import roles
from ims.notices import kinds, services

READY, FAILED = "crossdock.ready", "crossdock.failed"
AUDIENCE = (roles.BUYER,)


def register_kinds() -> None:
    kinds.add(kinds.Kind(READY, gettext_lazy("Prices ready"), AUDIENCE, "ok"))
    kinds.add(kinds.Kind(FAILED, gettext_lazy("Price request failed"), AUDIENCE, "fail"))


def tell_ready(task: CrossDockTask) -> None:
    title = _("Prices are ready: %(file)s") % {"file": task.filename}
    facts = {"matched": f"{task.rows_matched:,}", "done": f"{task.rows_done:,}"}
    _tell(task, READY, title, _("%(matched)s of %(done)s parts have an offer.") % facts)


def tell_failed(task: CrossDockTask) -> None:
    _tell(task, FAILED, _("No prices: %(file)s") % {"file": task.filename}, task.error_message)


def _tell(task: CrossDockTask, kind: str, title: str, text: str) -> None:
    if task.user:
        key = f"{task.pk}:{task.run_token}:{kind}"
        services.notify([task.user], kind, title, text, url=task.get_absolute_url(), key=key)
