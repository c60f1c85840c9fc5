"""What people of tracking, cross-dock, licences and the console do."""

import random
import uuid
from datetime import UTC, datetime

from tests.load.cast import Firm
from tests.load.traffic import errand
from tests.load.visits import Visit

SEVERAL = (0, 0, 0, 1, 1, 2)  # which of the firm's sheets; small ones more often


# --- Signing in -----------------------------------------------------------------------------------------


@errand(weight=1, role="operations")
def begins_the_day(visit: Visit, firm: Firm, chance: random.Random) -> None:
    cookies = visit.sign_in()
    visit.page("people: home", "/")
    visit.sign_out(cookies)


@errand(weight=1, role="read-only")
def signs_a_program_in(visit: Visit, firm: Firm, chance: random.Random) -> None:
    headers = {"Authorization": f"Bearer {visit.log_in()}"}
    visit.plain("people: who am I", "/api/auth/me/", headers=headers)
    visit.plain("people: log out", "/api/auth/logout/", method="POST", expect=(200, 204), headers=headers)


@errand(weight=3, role="operations")
def looks_at_the_bell(visit: Visit, firm: Firm, chance: random.Random) -> None:
    visit.page("people: bell", "/notices/bell/")
    visit.page("people: notices", "/notices/")
    visit.submit("people: all read", "/notices/read/", expect=(200, 204, 302))


# --- Tracking -------------------------------------------------------------------------------------------


@errand(weight=8, role="operations")
def looks_after_orders(visit: Visit, firm: Firm, chance: random.Random) -> None:
    visit.page("track: page of orders", chance.choice(["/shipments/", "/shipments/?status=shipped"]))
    visit.page("track: page of one", f"/shipments/{chance.choice(firm.slips)}/")
    visit.get("track: list", "/api/masterdata/packing-slips/?status=shipped")


@errand(weight=3, role="operations")
def ships_an_order(visit: Visit, firm: Firm, chance: random.Random) -> None:
    number = f"DEMO-{chance.randint(20, 400)}-{chance.randrange(10**8):08d}"
    facts = {
        "order_id": f"L-{uuid.uuid4().hex[:10]}",
        "product": firm.product,
        "quantity": chance.randint(1, 3),
        "status": "shipped",
        "tracking_ids": number,
        "tracking_vendor": "ups",
        "sales_price": "20.00",
    }
    path = "/api/masterdata/packing-slips/"
    made = visit.send("track: ship", "POST", path, expect=(201,), json=facts).json()
    firm.slips.append(made["id"])
    visit.send("track: correct", "PATCH", f"{path}{made['id']}/", json={"customizations": "Gift wrap"})


@errand(weight=1.5, role="operations")
def asks_the_carrier(visit: Visit, firm: Firm, chance: random.Random) -> None:
    path = "/api/masterdata/tracking/update/"
    asked = {"packing_slip_id": chance.choice(firm.slips)}
    visit.send("track: ask Track123 now", "POST", path, json=asked)


@errand(weight=0.5, role="operations")
def updates_everything(visit: Visit, firm: Firm, chance: random.Random) -> None:
    visit.send("track: ask for all", "POST", "/api/masterdata/tracking/update/", expect=(202,), json={})
    visit.get("track: report", "/api/masterdata/tracking/report/")
    visit.page("track: export", "/shipments/export.xlsx")


@errand(weight=4)
def tells_of_a_parcel(visit: Visit, firm: Firm, chance: random.Random) -> None:
    """Track123's webhook."""
    with firm.vendor.lock:
        numbers = list(firm.vendor.parcels)
    if numbers:
        body = firm.vendor.webhook_body(chance.choice(numbers))
        path = f"/api/masterdata/track123/webhook/{firm.secrets['webhook']}/"
        visit.plain("track: webhook", path, method="POST", json=body)


# --- Price requests -------------------------------------------------------------------------------------


@errand(weight=2.5, role="buyer")
def asks_for_prices(visit: Visit, firm: Firm, chance: random.Random) -> None:
    sheet = firm.sheets[chance.choice(SEVERAL)]
    files = {"file": (f"parts-{chance.randrange(1000)}.xlsx", sheet)}
    facts = {"supplier_group": firm.group}
    if chance.random() < 0.3:
        visit.submit("cross-dock: upload on the page", "/cross-dock/", files=files, data=facts)
        return
    path = "/api/cross-dock/tasks/"
    made = visit.send("cross-dock: upload", "POST", path, expect=(201,), files=files, data=facts).json()
    if chance.random() < 0.2:
        visit.send("cross-dock: cancel", "POST", f"{path}{made['id']}/cancel/", expect=(200, 409))


@errand(weight=4, role="buyer")
def looks_for_results(visit: Visit, firm: Firm, chance: random.Random) -> None:
    visit.page("cross-dock: page of requests", "/cross-dock/tasks/")
    asked = visit.get("cross-dock: list", "/api/cross-dock/tasks/").json()["results"]
    if not asked:
        return
    chosen = chance.choice(asked[:10])
    visit.page("cross-dock: page of one", f"/cross-dock/tasks/{chosen['id']}/")
    if chosen["status"] == "SUCCESS":
        visit.page("cross-dock: download", chosen["output_url"])
    comments = f"/api/cross-dock/tasks/{chosen['id']}/comments/"
    visit.send("cross-dock: comment", "POST", comments, expect=(201,), json={"text": "Seen."})


@errand(weight=2, role="buyer")
def looks_one_part_up(visit: Visit, firm: Firm, chance: random.Random) -> None:
    query = f"brand=Bosch&article={chance.randrange(10**9):010d}&supplier_group={firm.group}"
    visit.get("cross-dock: look-up", f"/api/cross-dock/look-up/?{query}")
    visit.get("cross-dock: groups", "/api/cross-dock/groups/")


# --- Licences -------------------------------------------------------------------------------------------


@errand(weight=5, role="licence manager")
def reads_licences(visit: Visit, firm: Firm, chance: random.Random) -> None:
    chosen = chance.choice(firm.licences)
    visit.page("licences: page of all", "/licences/")
    visit.page("licences: page of one", f"/licences/{chosen}/")
    visit.get("licences: ledger", f"/api/licensing/licenses/{chosen}/ledger/")
    visit.get("licences: cover", "/api/licensing/licenses/cover/?hs_code=1701&quantity=500")


@errand(weight=4, role="licence manager")
def uses_a_licence(visit: Visit, firm: Firm, chance: random.Random) -> None:
    """Reserve a little, then book it, release it or leave it; refused where nothing is left."""
    path = f"/api/licensing/licenses/{chance.choice(firm.licences)}/"
    items = visit.get("licences: one", path).json()["import_items"]
    line = {"item": chance.choice(items)["id"], "qty": "1.000", "cif_fc": "2.50"}
    facts = {"company": "Sweet Imports", "items": [line]}
    allotments = "/api/licensing/allotments/"
    made = visit.send("licences: allot", "POST", allotments, expect=(201, 400), json=facts)
    if made.status_code == 400:
        return
    mood = chance.random()
    if mood < 0.5:
        book(visit, made.json()["id"])
    elif mood < 0.8:
        visit.send("licences: release", "DELETE", f"{allotments}{made.json()['id']}/", expect=(204,))


def book(visit: Visit, allotment: int) -> None:
    facts = {
        "company": "Sweet Imports",
        "number": uuid.uuid4().hex[:12],
        "date": datetime.now(UTC).date().isoformat(),
        "port": "INNSA1",
        "exchange_rate": "84.00",
        "allotments": [allotment],
    }
    visit.send("licences: book", "POST", "/api/licensing/bills-of-entry/", expect=(201,), json=facts)


@errand(weight=1.5, role="licence manager")
def corrects_a_licence(visit: Visit, firm: Firm, chance: random.Random) -> None:
    path = f"/api/licensing/licenses/{chance.choice(firm.licences)}/"
    items = visit.get("licences: one", path).json()["export_items"]
    if items:
        facts = {"cif_fc": f"{chance.randint(20_000, 400_000)}.00"}
        row = f"/api/licensing/export-items/{chance.choice(items)['id']}/"
        visit.send("licences: correct a credit", "PATCH", row, json=facts)


@errand(weight=0.7, role="licence manager")
def prints_licences(visit: Visit, firm: Firm, chance: random.Random) -> None:
    visit.get("licences: PDF", f"/api/licensing/licenses/{chance.choice(firm.licences)}/ledger.pdf/")
    visit.get("licences: export", "/api/licensing/exports/licences.xlsx/")


# --- The console ----------------------------------------------------------------------------------------


@errand(weight=3, role="operator")
def looks_at_the_console(visit: Visit, firm: Firm, chance: random.Random) -> None:
    visit.page("console: overview", "/console/")
    name = chance.choice(["charts", "jobs", "failures", "schedules", "alerts", "tasks", "audit"])
    visit.page(f"console: {name}", f"/console/{name}/")
    name = chance.choice(["jobs", "queues", "clusters", "figures", "failures", "schedules", "incidents"])
    visit.get(f"console: REST {name}", f"/api/scheduling/{name}/")


@errand(weight=0.3, role="operator")
def runs_a_schedule(visit: Visit, firm: Firm, chance: random.Random) -> None:
    name = chance.choice(["refresh_best_offers", "sync_all_licenses", "check_trip_timeouts"])
    path = f"/api/scheduling/schedules/{name}/"
    visit.send("console: run a schedule", "POST", path, expect=(200, 202), json={"action": "run_now"})


@errand(weight=2)
def monitors(visit: Visit, firm: Firm, chance: random.Random) -> None:
    headers = {"Authorization": f"Bearer {firm.secrets['metrics']}"}
    visit.plain("monitor: metrics", "/metrics", headers=headers)
    visit.plain("monitor: healthz", "/healthz")
    visit.plain("monitor: readyz", "/readyz")
