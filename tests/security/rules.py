"""Who may open and who may change what is at each address: the table that the resolver is held against.

A person not named gets 403 or 404, a visitor the sign-in page or 401. Superusers hold every role, so they are
named only where being a superuser is not enough: what belongs to one person.
"""

from dataclasses import dataclass

from ims.accounts.roles import (
    ACCOUNTANT,
    ALL,
    BUYER,
    DISPATCHER,
    DRIVER,
    EIC,
    LICENCE_MANAGER,
    OPERATIONS,
    OPERATOR,
    PARAMEDIC,
    PATIENT,
    READ_ONLY,
    STAFF,
    STATION_OPERATOR,
)
from tests.security.world import (
    ANONYMOUS,
    NOBODY,
    OTHER_DRIVER,
    OTHER_EIC,
    OTHER_PATIENT,
    OTHER_STATION,
    PEOPLE,
    SUPERUSER,
)

NONE: frozenset[str] = frozenset()
EVERYBODY = frozenset({ANONYMOUS, *PEOPLE})
SIGNED_IN = frozenset(PEOPLE)
ANY_STAFF = frozenset({*STAFF, OTHER_EIC, OTHER_STATION})
OPERATES = frozenset({OPERATOR})
WATCHES = frozenset({OPERATOR, READ_ONLY})
SHIPS = frozenset({OPERATIONS})
ANY_EIC, ANY_STATION = frozenset({EIC, OTHER_EIC}), frozenset({STATION_OPERATOR, OTHER_STATION})
ANY_DRIVER = frozenset({DRIVER, OTHER_DRIVER})
CREW = frozenset({DRIVER, PARAMEDIC})
DISPATCHES = frozenset({DISPATCHER})
RIDES = frozenset({OTHER_DRIVER, OTHER_PATIENT, PATIENT, *CREW})  # their own trips, and no other
ACCOUNTS, SEES_BILLS = frozenset({ACCOUNTANT}), frozenset({ACCOUNTANT, DISPATCHER})
PAYS = frozenset({PATIENT})
BUYS, PRICES = frozenset({BUYER}), frozenset({BUYER, OPERATOR})
KEEPS_LICENCES = frozenset({LICENCE_MANAGER})
READS_LICENCES = frozenset({LICENCE_MANAGER, READ_ONLY})
assert set(ALL) <= SIGNED_IN


@dataclass(frozen=True)
class Rule:
    look: frozenset[str]
    act: frozenset[str]


def rules(look: frozenset[str], act: frozenset[str], addresses: str, *, own: bool = False) -> dict[str, Rule]:
    """The same rule for several addresses; `own`: one person's, whatever a superuser may elsewhere."""
    if not own:
        look, act = look and look | {SUPERUSER}, act and act | {SUPERUSER}
    return {address: Rule(look, act) for address in addresses.split()}


ADMIN = "/admin/"  # superusers, and whom they give a permission
BY_TOKEN = ("/api/auth/logout/", "/api/auth/logoutall/", "/metrics")  # where a session is not enough
RULES: dict[str, Rule] = {
    # --- Everybody: they say nothing, or ask for a secret of their own
    **rules(EVERYBODY, EVERYBODY, "/sign-in/ /password-reset/"),
    **rules(EVERYBODY, EVERYBODY, "/password-reset/{uidb64}/{token}/ /admin/login/"),
    **rules(EVERYBODY, NONE, "/password-reset/sent/ /password-reset/done/ /readyz"),
    **rules(EVERYBODY, EVERYBODY, "/favicon.ico /healthz"),
    **rules(NONE, EVERYBODY, "/api/auth/login/"),
    **rules(EVERYBODY, EVERYBODY, "/api/masterdata/track123/webhook/{secret}/"),
    **rules(EVERYBODY, NONE, "/share/{token}/ /share/{token}/events/ /share/{token}/stream/"),
    **rules(EVERYBODY, NONE, "/trips/stream/ /dispatch/stream/"),  # the same
    **rules(EVERYBODY, NONE, "/api/trips/{trip_id}/stream/"),  # 204 under WSGI; rights: tests/logistics/trips
    **rules(EVERYBODY, NONE, ""),  # 204 under WSGI; rights: tests/logistics/trips
    # --- Whoever is signed in: what is their own
    **rules(SIGNED_IN, SIGNED_IN, "/ /password-change/ /api/devices/ /admin/logout/"),
    **rules(SIGNED_IN, NONE, "/password-change/done/ /notices/ /notices/bell/"),
    **rules(SIGNED_IN, NONE, "/api/auth/me/ /api/notices/ /api/schema/ /api/docs/"),
    **rules(NONE, SIGNED_IN, "/sign-out/ /notices/read/ /notices/kinds/{kind}/ /api/notices/read/"),
    **rules(NONE, NONE, "/api/auth/logout/ /api/auth/logoutall/"),
    **rules(frozenset({NOBODY}), NONE, "/notices/{pk}/", own=True),
    **rules(NONE, frozenset({NOBODY}), "/notices/{pk}/read/", own=True),
    # --- Jobs
    **rules(WATCHES, NONE, "/console/ /console/jobs/ /console/jobs/{job_id}/ /console/failures/"),
    **rules(WATCHES, NONE, "/console/schedules/ /console/schedules/{key}/ /console/audit/ /messages/"),
    **rules(NONE, OPERATES, "/console/queues/{name}/pause/ /console/queues/{name}/resume/"),
    **rules(NONE, OPERATES, "/console/jobs/{job_id}/retry/ /console/jobs/{job_id}/run-again/"),
    **rules(NONE, OPERATES, "/console/jobs/{job_id}/cancel/ /console/schedules/{key}/start/"),
    **rules(NONE, OPERATES, "/console/schedules/{key}/stop/ /console/schedules/{key}/run/"),
    **rules(WATCHES, NONE, "/api/scheduling/jobs/ /api/scheduling/jobs/{job_id}/"),
    **rules(WATCHES, NONE, "/api/scheduling/failures/"),
    **rules(WATCHES, NONE, "/api/scheduling/queues/ /api/scheduling/clusters/ /api/scheduling/audit/"),
    **rules(WATCHES, NONE, "/api/scheduling/schedules/"),
    **rules(WATCHES, OPERATES, "/api/scheduling/schedules/{name}/"),
    **rules(NONE, OPERATES, "/api/scheduling/jobs/{job_id}/retry/"),
    **rules(NONE, OPERATES, "/api/scheduling/jobs/{job_id}/run-again/"),
    **rules(NONE, OPERATES, "/api/scheduling/jobs/{job_id}/cancel/"),
    **rules(NONE, OPERATES, "/api/scheduling/queues/{name}/pause/ /api/scheduling/queues/{name}/resume/"),
    **rules(frozenset({SUPERUSER}), NONE, "/metrics", own=True),  # others by METRICS_TOKEN
    **rules(WATCHES, NONE, "/api/scheduling/figures/ /api/scheduling/incidents/ /api/scheduling/tasks/"),
    **rules(WATCHES, OPERATES, "/api/scheduling/bulk/"),
    **rules(NONE, OPERATES, "/api/scheduling/quiet/ /api/scheduling/wake/ /api/scheduling/failures/mute/"),
    **rules(NONE, OPERATES, "/api/scheduling/tasks/{task}/enqueue/"),
    **rules(WATCHES, NONE, "/console/alerts/ /console/charts/ /console/tasks/"),
    **rules(OPERATES, OPERATES, "/console/bulk/ /console/tasks/{task}/"),
    **rules(NONE, OPERATES, "/console/failures/mute/ /console/failures/unmute/"),
    **rules(NONE, OPERATES, "/console/quiet/ /console/wake/"),
    # --- Shipments
    **rules(ANY_STAFF, NONE, "/shipments/ /shipments/{pk}/ /shipments/progress/ /shipments/export.{kind}"),
    **rules(ANY_STAFF, NONE, "/shipments/report/ /shipments/report/{name}"),
    **rules(ANY_STAFF, NONE, "/api/masterdata/tracking/report/"),
    **rules(NONE, SHIPS, "/shipments/update/ /shipments/{pk}/update/ /shipments/{pk}/{change}/"),
    **rules(NONE, SHIPS, "/shipments/bulk/ /shipments/bulk/confirm/ /api/masterdata/tracking/update/"),
    **rules(SHIPS, SHIPS, "/shipments/import/"),
    **rules(SHIPS, NONE, "/shipments/import/template.{kind}"),
    **rules(SHIPS, NONE, "/shipments/import/{pk}/", own=True),
    **rules(NONE, SHIPS, "/shipments/import/{pk}/confirm/", own=True),
    **rules(ANY_STAFF, SHIPS, "/api/masterdata/packing-slips/ /api/masterdata/packing-slips/{pk}/"),
    **rules(ANY_STAFF, SHIPS, "/api/masterdata/products/ /api/masterdata/products/{pk}/"),
    **rules(SHIPS, SHIPS, "/api/masterdata/packing-slips/{pk}/fetch-tracking-status/"),
    **rules(ANY_STAFF, SHIPS | OPERATES, "/api/masterdata/tracking/scheduler/"),
    # --- Dispatch: the EIC of that mother station, the operator of that daughter, the driver concerned
    **rules(ANY_EIC, NONE, "/dispatch/ /dispatch/board/ /dispatch/shifts/ /api/eic/drivers/available/"),
    **rules(frozenset({EIC}), NONE, "/dispatch/requests/{pk}/ /dispatch/requests/{pk}/now/"),
    **rules(frozenset({EIC}), NONE, "/dispatch/requests/{pk}/drivers/"),
    **rules(NONE, frozenset({EIC}), "/dispatch/requests/{pk}/{verb}/ /dispatch/shifts/{pk}/{verb}/"),
    **rules(NONE, frozenset({EIC}), "/api/eic/stock-requests/{pk}/status/"),
    **rules(NONE, frozenset({EIC}), "/api/eic/stock-requests/{pk}/withdraw/"),
    **rules(ANY_EIC | ANY_STATION, ANY_EIC | ANY_STATION, "/api/eic/stock-requests/"),
    **rules(frozenset({EIC, STATION_OPERATOR}), NONE, "/api/eic/stock-requests/{pk}/"),
    **rules(NONE, frozenset({EIC, STATION_OPERATOR}), "/api/eic/stock-requests/{pk}/cancel/"),
    **rules(ANY_STATION, NONE, "/station/ /station/now/"),
    **rules(NONE, ANY_STATION, "/station/ask/"),
    **rules(NONE, frozenset({STATION_OPERATOR}), "/station/requests/{pk}/cancel/"),
    **rules(ANY_DRIVER, NONE, "/drive/ /drive/now/ /api/driver/pending-offers/", own=True),
    **rules(NONE, ANY_DRIVER, "/drive/offers/{pk}/{verb}/ /drive/queue/{verb}/ /drive/shifts/", own=True),
    **rules(NONE, ANY_DRIVER, "/api/driver-trips/accept/ /api/driver-trips/reject/", own=True),
    **rules(NONE, frozenset({DRIVER}), "/drive/shifts/{pk}/take-back/", own=True),
    **rules(NONE, frozenset({OTHER_DRIVER}), "/drive/trips/{pk}/step/", own=True),
    # --- Trips: dispatchers all, the crew and the patient their own
    **rules(DISPATCHES | RIDES, NONE, "/trips/"),
    **rules(DISPATCHES, DISPATCHES, "/trips/new/"),
    **rules(DISPATCHES | CREW | {PATIENT}, NONE, "/trips/{pk}/ /trips/{pk}/now/"),
    **rules(DISPATCHES | CREW | {PATIENT}, NONE, "/api/trips/{pk}/ /api/trips/{pk}/events/"),
    **rules(DISPATCHES | CREW, NONE, "/trips/{pk}/proofs/{proof_pk}/"),
    **rules(NONE, DISPATCHES, "/trips/{pk}/{verb}/ /api/trips/{pk}/assign/ /api/trips/{pk}/cancel/"),
    **rules(DISPATCHES | RIDES, DISPATCHES, "/api/trips/"),
    **rules(DISPATCHES | CREW | {PATIENT}, DISPATCHES | CREW, "/api/trips/{pk}/gps/"),
    **rules(NONE, DISPATCHES | CREW, "/api/trips/{pk}/status/ /api/trips/{pk}/proof/"),
    **rules(NONE, DISPATCHES | CREW, "/api/trips/{pk}/share/"),
    # --- Invoices: accountants act, dispatchers look, a payer sees his own
    **rules(SEES_BILLS | PAYS | {OTHER_PATIENT}, NONE, "/invoices/ /invoices/export/ /api/invoices/totals/"),
    **rules(SEES_BILLS | PAYS | {OTHER_PATIENT}, NONE, "/api/invoices/export/"),
    **rules(SEES_BILLS | PAYS | {OTHER_PATIENT}, ACCOUNTS, "/api/invoices/"),
    **rules(SEES_BILLS | PAYS, NONE, "/invoices/{pk}/ /invoices/{pk}/pdf/"),
    **rules(SEES_BILLS | PAYS, NONE, "/api/invoices/{pk}/ /api/invoices/{pk}/pdf/"),
    **rules(SEES_BILLS, NONE, "/trips/{pk}/price/ /invoices/price/ /api/invoices/preview/"),
    **rules(NONE, ACCOUNTS, "/invoices/new/ /invoices/{pk}/{verb}/"),
    **rules(NONE, ACCOUNTS, "/invoices/{pk}/payments/{payment_pk}/{verb}/"),
    **rules(NONE, ACCOUNTS, "/api/invoices/{pk}/payments/ /api/invoices/{pk}/payments/{payment_pk}/"),
    **rules(NONE, ACCOUNTS, "/api/invoices/{pk}/reissue/ /api/invoices/{pk}/send/ /api/invoices/{pk}/void/"),
    # --- Cross-dock
    **rules(BUYS, BUYS, "/cross-dock/"),
    **rules(NONE, BUYS, "/cross-dock/preview/ /api/cross-dock/tasks/{pk}/run-again/"),
    **rules(BUYS, NONE, "/cross-dock/template.xlsx"),
    **rules(PRICES, NONE, "/cross-dock/tasks/ /cross-dock/tasks/{task_id}/ /cross-dock/look-up/"),
    **rules(PRICES, NONE, "/api/cross-dock/groups/ /api/cross-dock/look-up/"),
    **rules(PRICES, NONE, "/media/exports/cross_dock_{task_id}.xlsx"),
    **rules(NONE, PRICES, "/cross-dock/tasks/{task_id}/comments/ /cross-dock/tasks/{task_id}/{action}/"),
    **rules(NONE, BUYS, "/cross-dock/tasks/{task_id}/comments/{pk}/", own=True),
    **rules(PRICES, BUYS, "/api/cross-dock/tasks/"),
    **rules(PRICES, PRICES, "/api/cross-dock/tasks/{pk}/ /api/cross-dock/tasks/{task_id}/comments/"),
    **rules(NONE, PRICES, "/api/cross-dock/tasks/{pk}/cancel/ /api/cross-dock/tasks/{pk}/retry/"),
    **rules(PRICES | {SUPERUSER}, BUYS, "/api/cross-dock/tasks/{task_id}/comments/{pk}/", own=True),
    **rules(OPERATES, OPERATES, "/cross-dock/offers/ /api/cross-dock/offer-imports/"),
    **rules(OPERATES, NONE, "/cross-dock/offers/import/{pk}/ /api/cross-dock/offer-imports/{pk}/"),
    # --- Licences
    **rules(READS_LICENCES, NONE, "/licences/ /licences/{pk}/ /licences/{pk}/ledger.pdf /licences/cover/"),
    **rules(READS_LICENCES, NONE, "/licences/allotments/ /licences/allotments/{pk}/ /licences/quality/"),
    **rules(READS_LICENCES, NONE, "/licences/bills/ /licences/bills/{pk}/ /licences/sync/"),
    **rules(READS_LICENCES, NONE, "/licences/papers/{pk}/ /licences/export/{kind}.xlsx"),
    **rules(KEEPS_LICENCES, KEEPS_LICENCES, "/licences/allotments/new/ /licences/bills/new/"),
    **rules(KEEPS_LICENCES, KEEPS_LICENCES, "/licences/import/"),
    **rules(KEEPS_LICENCES, NONE, "/licences/import/{kind}-template.xlsx"),
    **rules(KEEPS_LICENCES, NONE, "/licences/import/{pk}/ /api/licensing/imports/{pk}/", own=True),
    **rules(NONE, KEEPS_LICENCES, "/licences/import/{pk}/confirm/", own=True),
    **rules(NONE, KEEPS_LICENCES, "/api/licensing/imports/{pk}/confirm/", own=True),
    **rules(NONE, KEEPS_LICENCES, "/licences/allotments/{pk}/book/ /licences/allotments/{pk}/release/"),
    **rules(NONE, KEEPS_LICENCES, "/licences/papers/{kind}/{pk}/ /licences/papers/{pk}/remove/"),
    **rules(NONE, KEEPS_LICENCES, "/licences/sync/start/ /licences/sync/cancel/"),
    **rules(NONE, KEEPS_LICENCES, "/api/licensing/licenses/sync/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/licenses/ /api/licensing/licenses/{pk}/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/export-items/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/export-items/{pk}/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/import-items/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/import-items/{pk}/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/allotments/ /api/licensing/allotments/{pk}/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/bills-of-entry/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/bills-of-entry/{pk}/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/attachments/ /api/licensing/attachments/{pk}/"),
    **rules(READS_LICENCES, KEEPS_LICENCES, "/api/licensing/boe-rows/{pk}/"),
    **rules(READS_LICENCES, NONE, "/api/licensing/boe-rows/ /api/licensing/attachments/{pk}/file/"),
    **rules(READS_LICENCES, NONE, "/api/licensing/licenses/{pk}/ledger/"),
    **rules(READS_LICENCES, NONE, "/api/licensing/licenses/{pk}/changes/"),
    **rules(READS_LICENCES, NONE, "/api/licensing/licenses/{pk}/ledger.pdf/"),
    **rules(READS_LICENCES, NONE, "/api/licensing/licenses/totals/"),
    **rules(READS_LICENCES, NONE, "/api/licensing/licenses/cover/ /api/licensing/exports/{kind}.xlsx/"),
    **rules(READS_LICENCES, NONE, "/api/licensing/sync-runs/ /api/licensing/sync-runs/{pk}/"),
    **rules(KEEPS_LICENCES, KEEPS_LICENCES, "/api/licensing/imports/"),
}  # fmt: skip
