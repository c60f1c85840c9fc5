"""Days in transit per courier, and what is late: the figures, the page, the files and the JSON."""

import csv
import math
import random
import statistics
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.utils.timezone import now
from openpyxl import load_workbook

from masterdata import reports, slips
from masterdata.models import Parcel

pytestmark = pytest.mark.django_db
PAGE = "/shipments/report/"
API = "/api/masterdata/tracking/report/"


@pytest.fixture
def sent(shipped):
    """A parcel by its days: `sent("fedex", took=3)`, `sent("ups", entered=12)` for one still on its way."""

    def make(
        courier: str, *, took: float | None = None, entered: float = 0, ago: float = 1, **fields
    ) -> Parcel:
        number = f"TN{Parcel.objects.count()}"
        slip = shipped(number, order_id=f"A-{number}", tracking_vendor=courier)
        slips.keep_parcels(slip)
        facts = {
            "status": "IN_TRANSIT",
            "created_at": now() - timedelta(days=entered),
            "last_event_at": now(),
        }
        if took is not None:
            arrived = now() - timedelta(days=ago)
            facts = {"status": "DELIVERED", "delivered_at": arrived}
            facts["created_at"] = arrived - timedelta(days=took)
        slip.parcels.update(**{**facts, **fields})
        return slip.parcels.get()

    return make


def report(days: int = 30) -> reports.Report:
    return reports.report(days, now())


def line_of(code: str) -> reports.CourierLine:
    return next(line for line in report().couriers if line.code == code)


# --- Figures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "median", "p90"),
    [
        ([4], 4.0, 4.0),
        ([2, 4], 3.0, 4.0),
        ([1, 2, 9], 2.0, 9.0),
        (range(1, 11), 5.5, 9.0),
        (range(1, 12), 6.0, 10.0),
    ],
)
def test_median_and_p90_of_a_courier(sent, lengths, median, p90):
    for days in lengths:
        sent("fedex", took=days)
    line = line_of("fedex")
    assert (line.delivered, line.median_days, line.p90_days) == (len(lengths), median, p90)


def test_the_figures_are_those_of_the_textbook(sent):
    chance = random.Random(4)
    lengths = {"ups": [], "fedex": []}
    for courier, days in lengths.items():
        for _ in range(chance.randint(15, 25)):
            days.append(chance.uniform(0.5, 12))
            sent(courier, took=days[-1])
    lengths[None] = lengths["ups"] + lengths["fedex"]
    shown = report()
    for line in [*shown.couriers, shown.total]:
        days = sorted(lengths[line.code])
        assert line.median_days == round(statistics.median(days), 1)
        assert line.p90_days == round(days[math.ceil(0.9 * len(days)) - 1], 1)


def test_only_deliveries_of_the_period_count(sent):
    sent("fedex", took=2, ago=3)
    sent("fedex", took=2, ago=20)
    sent("fedex", took=2, ago=60)
    assert [report(days).total.delivered for days in reports.PERIODS] == [1, 2, 3]


def test_the_couriers_first_event_counts_where_the_number_was_entered_late(sent):
    parcel = sent("fedex", took=1)
    parcel.events.create(at=parcel.delivered_at - timedelta(days=5), status="INFO_RECEIVED_01")
    parcel.events.create(at=parcel.delivered_at - timedelta(days=4), status="IN_TRANSIT_01")
    assert line_of("fedex").median_days == 5.0


def test_a_number_entered_after_its_delivery_took_no_time(sent):
    sent("fedex", took=-2, ago=3)
    assert line_of("fedex").median_days == 0.0


def test_a_parcel_is_late_after_ten_days(sent, settings):
    sent("fedex", entered=9)
    late = sent("fedex", entered=11)
    assert list(reports.late(now())) == [late]
    settings.TRACKING_LATE_DAYS = 8
    assert reports.late(now()).count() == 2


def test_a_parcel_that_stopped_moving_is_late(sent):
    week = now() - timedelta(days=8)
    sent("fedex", entered=8, last_event_at=week, followed_since=week)
    assert line_of("fedex").late == 1


def test_what_is_delivered_or_left_alone_is_not_late(sent):
    sent("fedex", took=30)
    sent("fedex", entered=30, unfollowed_at=now())
    slips.mark_delivered(sent("fedex", entered=30).slip)
    assert reports.late(now()).count() == 0


def test_trouble_is_counted_per_courier(sent):
    sent("fedex", entered=1, status="ABNORMAL")
    sent("ups", entered=1)
    assert (line_of("fedex").problems, line_of("ups").problems) == (1, 0)
    assert (report().total.on_the_way, report().total.problems) == (2, 1)


def test_the_busiest_courier_comes_first(sent):
    sent("ups", took=1)
    for _ in range(2):
        sent("fedex", took=1)
    assert [line.name for line in report().couriers] == ["FedEx", "UPS"]


@pytest.mark.parametrize("couriers", [1, 8])
def test_the_report_takes_four_statements(sent, couriers, django_assert_num_queries):
    for number in range(couriers):
        sent(f"courier-{number}", took=3)
        sent(f"courier-{number}", entered=20)
    with django_assert_num_queries(4):
        report()


# --- Page and files -------------------------------------------------------------------------------------


@pytest.fixture
def page(client, reader):
    client.force_login(reader)
    return client


def test_without_parcels_the_page_says_so(page):
    assert "Nothing to report" in page.get(PAGE).content.decode()


def test_the_page_shows_couriers_and_what_is_late(page, sent):
    sent("fedex", took=3)
    late = sent("ups", entered=20)
    text = page.get(PAGE).content.decode()
    assert "FedEx" in text
    assert late.slip.get_absolute_url() in text
    assert "the last 30 days" in text


def test_with_nothing_late_the_page_says_so(page, sent):
    sent("fedex", took=3)
    assert "Nothing is late" in page.get(PAGE).content.decode()


@pytest.mark.parametrize(("query", "days"), [("7", 7), ("90", 90), ("8", 30), ("x", 30), ("", 30), ("²", 30)])
def test_the_period_is_chosen_in_the_address(page, query, days):
    assert page.get(f"{PAGE}?days={query}").context["report"].days == days


@pytest.mark.parametrize("rows", [1, 50])
def test_the_page_takes_the_same_statements(page, sent, rows, django_assert_num_queries):
    for _ in range(rows):
        sent("fedex", entered=20)
    with django_assert_num_queries(10):
        page.get(PAGE)


def test_a_stranger_sees_neither_page_nor_file(client, stranger):
    client.force_login(stranger)
    assert client.get(PAGE).status_code == 403
    assert client.get(PAGE + "report.xlsx").status_code == 403


def test_the_workbook_holds_both_tables(page, sent):
    sent("fedex", took=3)
    sent("ups", entered=20, last_event="=1+1")
    answer = page.get(PAGE + "report.xlsx?days=7")
    book = load_workbook(BytesIO(b"".join(answer.streaming_content)))
    couriers, late = book["Last 7 days"], book["Late now"]
    assert [cell.value for cell in couriers[2]] == ["FedEx", 1, 3, 3, 0, 0, 0]
    assert couriers.max_row == 4  # headings, two couriers, all
    assert (late["C2"].value, late["G2"].value, late["G2"].data_type) == ("UPS", "=1+1", "s")


def test_each_table_comes_as_csv(page, sent):
    sent("fedex", entered=20, last_event="=1+1")
    for name, row in (("couriers", ["FedEx", "0", "", "", "1", "1", "0"]), ("late", None)):
        answer = page.get(f"{PAGE}{name}.csv")
        rows = list(csv.reader(StringIO(answer.getvalue().decode("utf-8-sig"))))
        assert row is None or rows[1] == row
    assert rows[1][:4] == ["A-TN0", "TN0", "FedEx", "In Transit"]
    assert rows[1][6] == "'=1+1"


def test_the_files_name_their_columns_as_the_page(page, sent):
    sent("fedex", entered=20)
    shown = page.get(PAGE).content.decode()
    [headings, *_] = csv.reader(StringIO(page.get(f"{PAGE}couriers.csv").getvalue().decode("utf-8-sig")))
    assert [heading for heading in headings if f">{heading}</th>" not in shown] == []


def test_a_file_that_does_not_exist_is_404(page):
    assert page.get(PAGE + "report.exe").status_code == 404


# --- REST -----------------------------------------------------------------------------------------------


def test_the_report_as_json(api, reader, sent):
    sent("fedex", took=3)
    late = sent("fedex", entered=20)
    body = api(reader).get(API + "?days=90").json()
    assert body["days"] == 90
    (courier,) = body["couriers"]
    assert courier == {
        "courier": "fedex",
        "name": "FedEx",
        "delivered": 1,
        "median_days": 3.0,
        "p90_days": 3.0,
        "on_the_way": 1,
        "late": 1,
        "problems": 0,
    }
    assert body["total"]["courier"] is None
    assert [(row["order_id"], row["packing_slip_id"]) for row in body["late"]] == [
        (late.slip.order_id, late.slip_id)
    ]


def test_another_period_is_refused_and_named(api, reader):
    answer = api(reader).get(API + "?days=8")
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert "days" in answer.json()["error"]


def test_the_json_is_for_staff(api, stranger, anonymous_api):
    assert api(stranger).get(API).status_code == 403
    assert anonymous_api.get(API).status_code == 401
