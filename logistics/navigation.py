"""This system's places in the rail and on the home page."""

from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ims.accounts import roles
from ims.accounts.models import User
from ims.web import registry
from ims.web.registry import Badge, Figure
from logistics.billing import access as billing_access
from logistics.billing import queries as invoices
from logistics.dispatch import access, board
from logistics.dispatch.models import IS_OPEN, RequestStatus
from logistics.notifications.models import DeliveryStatus, Notification
from logistics.notifications.views import LOOK
from logistics.trips import board as trip_board
from logistics.trips.access import ROLES as TRIP_ROLES


def register() -> None:
    eic, operator = (roles.EIC,), (roles.STATION_OPERATOR,)
    dispatch, station = gettext_lazy("Dispatch"), gettext_lazy("My station")
    registry.add_nav(registry.NavItem(dispatch, "truck-delivery", "logistics:board", eic, badge=waiting))
    registry.add_nav(registry.NavItem(station, "gas-station", "logistics:station", operator, personal=True))
    drive = gettext_lazy("My trips")
    registry.add_nav(
        registry.NavItem(drive, "steering-wheel", "logistics:drive", (roles.DRIVER,), personal=True)
    )
    trips = gettext_lazy("Trips")
    registry.add_nav(registry.NavItem(trips, "ambulance", "logistics:trips", TRIP_ROLES, badge=to_look_at))
    billing = registry.NavItem(
        gettext_lazy("Invoices"),
        "file-invoice",
        "logistics:invoices",
        billing_access.ROLES,
        unpaid,
        also=billing_access.is_member,
    )
    registry.add_nav(billing)
    registry.add_nav(
        registry.NavItem(gettext_lazy("Messages"), "device-mobile", "logistics:deliveries", LOOK)
    )
    registry.add_card(registry.HomeCard(dispatch, "truck-delivery", "logistics:board", eic, summary=figures))
    registry.add_card(
        registry.HomeCard(trips, "ambulance", "logistics:trips", (roles.DISPATCHER,), summary=trip_figures)
    )
    registry.add_card(
        registry.HomeCard(billing.title, billing.icon, billing.url_name, (roles.ACCOUNTANT,), invoice_figures)
    )
    registry.add_card(
        registry.HomeCard(gettext_lazy("Messages"), "device-mobile", "logistics:deliveries", LOOK, sent)
    )


def waiting(user: User) -> Badge | None:
    """How many requests wait for a driver."""
    count = board.attention(user)
    return (
        Badge(count, meaning=ngettext("request waits for a driver", "requests wait for a driver", count))
        if count
        else None
    )


def figures(user: User) -> list[Figure]:
    mine = access.requests_of_eic(user).filter(IS_OPEN)
    without, offered, under_way = (
        board.attention(user),
        mine.filter(status=RequestStatus.ASSIGNING).count(),
        mine.filter(status=RequestStatus.ASSIGNED).count(),
    )
    shifts = board.shifts_to_decide(user)
    return [
        Figure(_("Without a driver"), without, "retry" if without else ""),
        Figure(_("Offered"), offered, "run" if offered else ""),
        Figure(_("Under way"), under_way, "run" if under_way else ""),
        Figure(_("Shifts to approve"), shifts, "retry" if shifts else ""),
    ]


def to_look_at(user: User) -> Badge | None:
    """How many trips are late or without a move."""
    count = trip_board.attention(now()) if user.has_role(roles.DISPATCHER) else 0
    return (
        Badge(count, "failed", ngettext("trip needs a look", "trips need a look", count)) if count else None
    )


def trip_figures(user: User) -> list[Figure]:
    today = trip_board.counts(user, now())
    return [
        Figure(_("Under way"), today.under_way, "run" if today.under_way else ""),
        Figure(_("Without a move"), today.timed_out, "fail" if today.timed_out else ""),
        Figure(_("Late pickups"), today.late, "retry" if today.late else ""),
        Figure(_("Without a driver"), today.unassigned, "retry" if today.unassigned else ""),
    ]


def unpaid(user: User) -> Badge | None:
    """How many invoices an accountant should look at."""
    if not user.has_role(roles.ACCOUNTANT):
        return None
    count = invoices.attention(now())
    words = ngettext("invoice is overdue or was not sent", "invoices are overdue or were not sent", count)
    return Badge(count, "failed", words) if count else None


def invoice_figures(user: User) -> list[Figure]:
    found = invoices.figures(now())
    return [
        Figure(_("Overdue"), found["overdue"], "fail" if found["overdue"] else ""),
        Figure(_("Due in 7 days"), found["due_soon"], "run" if found["due_soon"] else ""),
        Figure(_("Paid in part"), found["part"], "run" if found["part"] else ""),
        Figure(_("Trouble with the mail"), found["mail"], "retry" if found["mail"] else ""),
    ]


def sent(user: User) -> list[Figure]:
    """What became of the newest messages."""
    newest = list(Notification.objects.order_by("-id").values_list("status", flat=True)[:1000])
    states = {
        DeliveryStatus.SENT: "ok",
        DeliveryStatus.FAILED: "fail",
        DeliveryStatus.NOT_CONFIGURED: "retry",
    }
    return [
        Figure(str(status.label), count := newest.count(status), states.get(status, "") if count else "")
        for status in DeliveryStatus
    ]
