"""One small firm: a person for each role, whom the objects concern, and their doubles whom they do not."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils.timezone import now

from crossdock.models import CrossDockTask, OfferImport, Supplier, SupplierGroup, TaskComment
from ims.accounts import roles
from ims.accounts.models import User
from ims.notices import services as notices
from ims.notices.models import Notice
from licensing import importing
from licensing.balances import day_in_india
from licensing.models import (
    Allotment,
    AllotmentItem,
    Attachment,
    BillOfEntry,
    BOERow,
    ExportItem,
    ImportItem,
    License,
    SyncRun,
)
from logistics import trip_actions
from logistics.billing import invoices
from logistics.billing.models import Invoice
from logistics.dispatch.models import StockRequest
from logistics.fleet import services as fleet
from logistics.fleet.models import Driver, Shift, StaffRole, Station, Vehicle
from logistics.trips import sharing
from logistics.trips.models import Patient, Trip
from logistics.trips.planning import Crew
from masterdata import imports
from masterdata.models import PackingSlip, Parcel, Product
from scheduling import schedules
from tests.conftest import make_user
from tests.site import tasks

WEBHOOK_SECRET = "a-long-secret"
ANONYMOUS, NOBODY, SUPERUSER = "anonymous", "nobody", "superuser"
OTHER_EIC, OTHER_STATION, OTHER_DRIVER, OTHER_PATIENT = (
    "other eic",
    "other station operator",
    "other driver",
    "other patient",
)
# What has to be said at an address, that the answer may depend on who says it.
BODIES = {
    "/api/eic/stock-requests/{pk}/status/": {"status": "APPROVED"},
    "/drive/trips/{pk}/step/": {"from": "assigned"},
}
DOUBLES = (OTHER_EIC, OTHER_STATION, OTHER_DRIVER, OTHER_PATIENT)
PEOPLE = (*roles.ALL, NOBODY, *DOUBLES, SUPERUSER)


class KeepingStorage(FileSystemStorage):
    """Files outlive what is rolled back."""

    def delete(self, name: str) -> None:
        return


@dataclass(frozen=True)
class World:
    people: dict[str, User]
    ids: dict[str, dict[str, Any]]  # beginning of an address → what stands in its braces

    def values(self, address: str) -> dict[str, Any]:
        """What the longest beginning that fits says, over what shorter ones say."""
        found: dict[str, Any] = {}
        for beginning in sorted(self.ids, key=len):
            if address.startswith(beginning):
                found |= self.ids[beginning]
        return found


def make() -> World:
    """Everything that addresses name, once."""
    people = add_people()
    ids = {**of_the_engine(people), **of_shipments(people), **of_prices(people), **of_licences(people)}
    return World(people, {**ids, **of_the_fleet(people)})


def add_people() -> dict[str, User]:
    people = {role: make_user(role.replace(" ", "-"), role) for role in roles.ALL}
    people[NOBODY] = make_user("nobody")
    for double in DOUBLES:
        people[double] = make_user(double.replace(" ", "-"), double.removeprefix("other "))
    people[SUPERUSER] = make_user("superuser", is_staff=True, is_superuser=True)
    return people


def of_the_engine(people: dict[str, User]) -> dict[str, dict[str, Any]]:
    schedules.sync()
    job = tasks.leave_effect.enqueue()
    notices.notify(people.values(), "tracking.exception", "A parcel", "was lost", "/", key="one")
    mine = Notice.objects.get(user=people[NOBODY])
    engine = {"job_id": job.id, "key": "site_every", "name": "site_every"}
    return {
        "/console/": engine,
        "/console/queues/": {"name": "normal"},
        "/api/scheduling/": engine,
        "/api/scheduling/queues/": {"name": "normal"},
        "/console/tasks/": {"task": "tests.leave_effect"},
        "/api/scheduling/tasks/": {"task": "tests.leave_effect"},
        "/notices/": {"pk": mine.pk, "kind": "tracking.exception"},
        "/password-reset/": {"uidb64": "MQ", "token": "set-password"},
    }


def of_shipments(people: dict[str, User]) -> dict[str, dict[str, Any]]:
    product = Product.objects.create(name="Mug", code="MUG")
    slip = PackingSlip.objects.create(
        order_id="A-1", status="shipped", tracking_ids="TN1", tracking_vendor="ups"
    )
    Parcel.objects.create(slip=slip, number="TN1", courier_code="ups")
    sheet = imports.receive(BytesIO(b"Order ID\nA-2\n"), "orders.csv", people[roles.OPERATIONS])
    slips = {"pk": slip.pk, "kind": "csv", "name": "late.csv", "change": "delivered"}
    return {
        "/api/masterdata/": {"pk": slip.pk, "secret": WEBHOOK_SECRET},
        "/api/masterdata/products/": {"pk": product.pk},
        "/shipments/": slips,
        "/shipments/import/": {"pk": sheet.pk},
    }


def of_prices(people: dict[str, User]) -> dict[str, dict[str, Any]]:
    SupplierGroup.objects.get_or_create(name="ОПТ-2")
    supplier = Supplier.objects.create(supid="A", name="Alpha")
    upload = OfferImport.objects.create(name="offers.xlsx", supplier=supplier)
    request = add_priced_request(people[roles.BUYER])
    comment = TaskComment.objects.create(task=request, user=people[roles.BUYER], text="urgent")
    prices = {"pk": comment.pk, "task_id": request.pk, "action": "cancel"}
    return {
        "/cross-dock/": prices,
        "/cross-dock/offers/": {"pk": upload.pk},
        "/media/exports/": prices,
        "/api/cross-dock/tasks/{pk}": {"pk": request.pk},
        "/api/cross-dock/tasks/{task_id}": prices,
        "/api/cross-dock/offer-imports/": {"pk": upload.pk},
    }


def add_priced_request(buyer: User) -> CrossDockTask:
    request = CrossDockTask(filename="parts.xlsx", supplier_group="ОПТ-2", user=buyer, status="SUCCESS")
    name = f"exports/cross_dock_{request.pk}.xlsx"
    request.output_url = default_storage.url(default_storage.save(name, ContentFile(b"PK")))
    request.save()
    return request


def of_licences(people: dict[str, User]) -> dict[str, dict[str, Any]]:
    today = day_in_india(now())
    licence = License.objects.create(
        license_number="L-1", license_date=today - timedelta(days=30), expiry_date=today + timedelta(days=365)
    )
    export = ExportItem.objects.create(license=licence, cif_fc=Decimal(10_000))
    item = ImportItem.objects.create(license=licence, serial=1, hs_code="1234", quantity=Decimal(1000))
    allotment = Allotment.objects.create(company="A")
    AllotmentItem.objects.create(allotment=allotment, item=item, qty=1, cif_fc=1)
    bill = BillOfEntry.objects.create(number="1234567", date=today)
    row = BOERow.objects.create(bill_of_entry=bill, item=item, qty=1, cif_fc=1)
    paper = Attachment(license=licence, name="scan.pdf")
    paper.file.save("scan.pdf", ContentFile(b"%PDF-1.4"))
    filled_in = BytesIO(b"Licence number,Licence date,Expiry date\nL-2,2026-01-01,2030-01-01\n")
    sheet = importing.receive(filled_in, "licences.csv", "licences", people[roles.LICENCE_MANAGER])
    run = SyncRun.objects.create()
    licences = {"pk": licence.pk, "kind": "licences"}
    return {
        "/licences/": licences,
        "/licences/allotments/": {"pk": allotment.pk},
        "/licences/bills/": {"pk": bill.pk},
        "/licences/import/": {"pk": sheet.pk},
        "/licences/papers/{pk}": {"pk": paper.pk},
        "/licences/papers/{kind}": {"pk": licence.pk, "kind": "licence"},
        "/api/licensing/": licences,
        "/api/licensing/export-items/": {"pk": export.pk},
        "/api/licensing/import-items/": {"pk": item.pk},
        "/api/licensing/allotments/": {"pk": allotment.pk},
        "/api/licensing/bills-of-entry/": {"pk": bill.pk},
        "/api/licensing/boe-rows/": {"pk": row.pk},
        "/api/licensing/sync-runs/": {"pk": run.pk},
        "/api/licensing/attachments/": {"pk": paper.pk},
        "/api/licensing/imports/": {"pk": sheet.pk},
    }


def of_the_fleet(people: dict[str, User]) -> dict[str, dict[str, Any]]:
    ms = Station.objects.create(type="MS", code="MS-1", name="Vadodara MS", lat="22.31", lng="73.18")
    dbs = add_daughter(ms, "DBS-1")
    far = Station.objects.create(type="MS", code="MS-2", name="Surat MS")
    for name, station, role in (
        (roles.EIC, ms, StaffRole.EIC),
        (OTHER_EIC, far, StaffRole.EIC),
        (roles.STATION_OPERATOR, dbs, StaffRole.OPERATOR),
        (OTHER_STATION, add_daughter(far, "DBS-2"), StaffRole.OPERATOR),
    ):
        fleet.appoint(people[name], station, role)
    driver = add_driver(people[roles.DRIVER], ms, "GJ-1")
    add_driver(people[OTHER_DRIVER], far, "GJ-2")
    wish = Shift.objects.create(
        driver=driver,
        vehicle=driver.assigned_vehicle,
        start=now() + timedelta(days=1),
        end=now() + timedelta(days=1, hours=2),
        status="PENDING",
    )
    request = StockRequest.objects.create(dbs=dbs, requested_qty_kg=Decimal(800))
    trip = add_trip(people, driver)
    token = sharing.link(trip, now(), timedelta(hours=1))[0].rstrip("/").rpartition("/")[2]
    invoice = add_invoice(trip)
    bill = {"pk": invoice.pk, "payment_pk": invoice.payments.get().pk, "verb": "send"}
    return {
        "/invoices/": bill,
        "/invoices/{pk}/payments/": {**bill, "verb": "remove"},
        "/api/invoices/": bill,
        "/dispatch/": {"pk": request.pk, "verb": "approve"},
        "/dispatch/shifts/": {"pk": wish.pk},
        "/drive/": {"pk": request.pk, "verb": "accept"},
        "/drive/queue/": {"verb": "join"},
        "/drive/trips/": {"pk": add_delivery(dbs, people[OTHER_DRIVER].driver).pk},
        "/drive/shifts/": {"pk": wish.pk},
        "/station/": {"pk": request.pk},
        "/api/eic/": {"pk": request.pk},
        "/trips/": {"pk": trip.pk, "verb": "cancel", "proof_pk": trip.proofs.get().pk},
        "/api/trips/": {"pk": trip.pk, "trip_id": trip.pk},
        "/share/": {"token": token},
    }


def add_daughter(mother: Station, code: str) -> Station:
    facts = {
        "capacity_kg": 5000,
        "current_stock_kg": 1000,
        "sale_rate_kg_per_hour": 200,
        "lead_time_minutes": 120,
    }
    return Station.objects.create(type="DBS", code=code, name=f"{code} DBS", parent_station=mother, **facts)


def add_driver(user: User, home: Station, registration: str) -> Driver:
    vehicle = Vehicle.objects.create(registration=registration, ms_home=home)
    return fleet.make_driver(user, licence=f"L-{registration}", assigned_vehicle=vehicle)


def add_delivery(dbs: Station, driver: Driver) -> Trip:
    request = StockRequest.objects.create(dbs=dbs, requested_qty_kg=Decimal(500), status="ASSIGNED")
    return Trip.objects.create(
        stock_request=request, driver=driver, vehicle=driver.assigned_vehicle, status="assigned"
    )


def add_invoice(ridden: Trip) -> Invoice:
    """Of another ride of the same patient with the same crew, in part paid."""
    facts = {"status": "completed", "completed_at": now(), "odometer_start_km": 100, "odometer_end_km": 110}
    crew = {"driver": ridden.driver, "vehicle": ridden.vehicle, "patient": ridden.patient}
    invoice = invoices.issue(Trip.objects.create(**facts, **crew).pk, now()).invoice
    invoice.payments.create(amount=Decimal(1), date=day_in_india(now()))
    return invoice


def add_trip(people: dict[str, User], driver: Driver) -> Trip:
    patient = Patient.objects.create(
        medical_record_number="MRN-1", name="Asha Trivedi", user=people[roles.PATIENT]
    )
    trip = trip_actions.create(
        None,
        patient=patient,
        pickup_place="12 Alkapuri",
        dropoff_place="SSG Hospital",
        scheduled_pickup_time=now() + timedelta(minutes=20),
    )
    trip_actions.assign(trip, Crew(driver, driver.assigned_vehicle, people[roles.PARAMEDIC]), None)
    trip.proofs.create(kind="photo", picture=ContentFile(b"\x89PNG\r\n\x1a\n", "proof.png"))
    return trip
