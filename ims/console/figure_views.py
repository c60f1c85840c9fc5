"""Charts that last, the tasks behind them, and how large the tables are."""

from datetime import datetime
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from ims.console import plots
from ims.web import live
from ims.web.access import needs_role
from scheduling import declaration, figures, overview, roles, rollups, samples, schedules
from scheduling.declaration import QUEUES
from scheduling.search import BadFilter

SPANS = {
    "hour": _("The last hour"),
    "day": _("The last day"),
    "week": _("The last 7 days"),
    "month": _("The last 30 days"),
}


class First(NamedTuple):
    """Of a site that has just begun: when the first figures come, and whether anybody is there to count."""

    at: datetime | None
    has_cluster: bool


@require_safe
@needs_role(*roles.LOOK)
def charts(request: HttpRequest) -> HttpResponse:
    """What ended, how long it took, how long queues were."""
    asked = {name: request.GET.get(name, "") for name in ("span", "task", "queue")}
    asked["span"] = asked["span"] or "hour"
    try:
        chart = figures.chart(asked["span"], asked["task"], asked["queue"])
        by_task = figures.by_task(asked["span"], asked["queue"])
    except BadFilter as error:
        return render(request, "400.html", {"reason": str(error)}, status=400)
    sizes, first = samples.sizes(), None if chart.total else first_figures()
    context = {
        "asked": asked,
        "address": urlencode({name: value for name, value in asked.items() if value}),
        "chart": chart,
        "plots": plots.of(chart),
        "rows": plots.rows(chart),
        "by_task": [each for each in by_task if asked["task"] in ("", each.task)],
        "sizes": sizes,
        "spans": SPANS,
        "queues": QUEUES,
        "tasks": sorted(task.name for task in declaration.tasks()),
        "first": first,
        "seen": live.version((chart, by_task, [each.pk for each in sizes], first)),
    }
    return live.answer(request, "console/charts.html", "console/parts/charts.html", context)


def first_figures() -> First | None:
    """None where something was counted ever."""
    if rollups.counted_until() > rollups.BEGINNING:
        return None
    return First(schedules.status("roll_up").next_run, bool(overview.look().alive))
