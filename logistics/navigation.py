"""This system's places in the rail and on the home page."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ims.accounts import roles
from ims.accounts.models import User
from ims.web import registry
from ims.web.registry import Badge, Figure
from logistics.dispatch import access, board
from logistics.dispatch.models import IS_OPEN, RequestStatus
from logistics.notifications.models import DeliveryStatus, Notification
from logistics.notifications.views import LOOK


def register() -> None:
    eic, operator = (roles.EIC,), (roles.STATION_OPERATOR,)
    dispatch, station = gettext_lazy("Dispatch"), gettext_lazy("My station")
    registry.add_nav(registry.NavItem(dispatch, "truck-delivery", "logistics:board", eic, badge=waiting))
    registry.add_nav(registry.NavItem(station, "gas-station", "logistics:station", operator))
    registry.add_nav(
        registry.NavItem(gettext_lazy("My trips"), "steering-wheel", "logistics:drive", (roles.DRIVER,))
    )
    registry.add_nav(
        registry.NavItem(gettext_lazy("Messages"), "device-mobile", "logistics:deliveries", LOOK)
    )
    registry.add_card(registry.HomeCard(dispatch, "truck-delivery", "logistics:board", eic, summary=figures))
    registry.add_card(
        registry.HomeCard(gettext_lazy("Messages"), "device-mobile", "logistics:deliveries", LOOK, sent)
    )


def waiting(user: User) -> Badge | None:
    """How many requests wait for a driver."""
    count = board.attention(user)
    return Badge(count, meaning=_("requests wait for a driver")) if count else None


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
