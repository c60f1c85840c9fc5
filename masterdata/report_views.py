"""The report: days in transit per courier, what is late, and both as files."""

from collections.abc import Iterator
from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from ims.accounts import roles
from ims.lib.sheets import Sheet
from ims.web import spreadsheets
from ims.web.access import needs_role
from masterdata import reports
from masterdata.carriers import courier_name
from masterdata.models import Parcel
from masterdata.reports import Report

ROWS = 50  # late parcels on a page
COURIER_HEADINGS = (
    "Courier",
    "Delivered",
    "Median days",
    "9 of 10 within, days",
    "On the way now",
    "Late",
    "Failed or lost",
)
LATE_HEADINGS = (
    "Order",
    "Tracking number",
    "Courier",
    "Status",
    "Days on the way",
    "Days without news",
    "Last news",
)


@require_safe
@needs_role(*roles.STAFF)
def report(request: HttpRequest) -> HttpResponse:
    """The figures of a period, and what is late now."""
    shown = reports.report(chosen_days(request), now())
    page = Paginator(reports.late(shown.until), ROWS).get_page(request.GET.get("page"))
    context = {
        "report": shown,
        "periods": reports.PERIODS,
        "page_obj": page,
        "late": [LateLine(parcel, shown) for parcel in page],
    }
    return render(request, "masterdata/report.html", context)


@spreadsheets.download
@require_safe
@needs_role(*roles.STAFF)
def export(request: HttpRequest, name: str) -> FileResponse:
    """The report as report.xlsx, couriers.csv or late.csv."""
    if name not in EXPORTS:
        raise Http404
    shown = reports.report(chosen_days(request), now())
    return EXPORTS[name](shown)


def chosen_days(request: HttpRequest) -> int:
    """The period of the address; one that is not offered counts as absent."""
    text = request.GET.get("days", "")
    days = int(text) if text.isdecimal() and len(text) < 4 else 0
    return days if days in reports.PERIODS else reports.DEFAULT_PERIOD


class LateLine:
    """A late parcel and how long it is on its way."""

    def __init__(self, parcel: Parcel, shown: Report) -> None:
        self.parcel = parcel
        self.days = reports.days_between(parcel.started_at, shown.until)
        last = parcel.last_event_at
        self.silent_days = None if last is None else reports.days_between(last, shown.until)

    @property
    def cells(self) -> list[Any]:
        parcel = self.parcel
        return [
            parcel.slip.order_id,
            parcel.number,
            courier_name(parcel.courier_code),
            parcel.get_status_display(),
            self.days,
            self.silent_days,
            parcel.last_event,
        ]


def courier_rows(shown: Report) -> Iterator[list[Any]]:
    for line in [*shown.couriers, shown.total]:
        figures = [line.delivered, line.median_days, line.p90_days]
        yield [line.name, *figures, line.on_the_way, line.late, line.problems]


def late_rows(shown: Report) -> Iterator[list[Any]]:
    for parcel in reports.late(shown.until).iterator(chunk_size=1000):
        yield LateLine(parcel, shown).cells


def workbook(shown: Report) -> FileResponse:
    couriers = Sheet(f"Last {shown.days} days", COURIER_HEADINGS, courier_rows(shown))
    late = Sheet("Late now", LATE_HEADINGS, late_rows(shown))
    return spreadsheets.workbook(file_name(shown, "xlsx"), [couriers, late])


def couriers_csv(shown: Report) -> FileResponse:
    return spreadsheets.csv(file_name(shown, "csv"), COURIER_HEADINGS, courier_rows(shown))


def late_csv(shown: Report) -> FileResponse:
    return spreadsheets.csv(f"late-{shown.until:%Y-%m-%d}.csv", LATE_HEADINGS, late_rows(shown))


def file_name(shown: Report, ending: str) -> str:
    return f"couriers-{shown.days}-days-{shown.until:%Y-%m-%d}.{ending}"


EXPORTS = {"report.xlsx": workbook, "couriers.csv": couriers_csv, "late.csv": late_csv}
