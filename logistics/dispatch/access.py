"""Who may see and do what in dispatch: the one place for the rules about objects.

An EIC works on the requests of his mother stations' daughters, an operator on those of his own stations, a
driver on what was offered to him. What is not one's own does not exist.
"""

from django.db.models import Q, QuerySet

from ims.accounts import roles
from ims.accounts.models import User
from logistics.dispatch.models import StockRequest
from logistics.fleet import services as fleet
from logistics.fleet.models import Driver, Shift, StaffRole, Station
from logistics.trips.models import Trip


def mother_stations(user: User) -> QuerySet[Station]:
    """Where this person is engineer in charge."""
    return fleet.stations_of(user, StaffRole.EIC)


def daughter_stations(user: User) -> QuerySet[Station]:
    """Where this person may ask for gas."""
    return fleet.stations_of(user, StaffRole.OPERATOR)


def requests_of_eic(user: User) -> QuerySet[StockRequest]:
    return StockRequest.objects.filter(dbs__parent_station__in=mother_stations(user))


def requests_of_operator(user: User) -> QuerySet[StockRequest]:
    return StockRequest.objects.filter(dbs__in=daughter_stations(user))


def visible_requests(user: User, among: QuerySet[StockRequest]) -> QuerySet[StockRequest]:
    """Of one's own stations, as engineer in charge or as operator."""
    return among.filter(dbs__in=list(stations_to_ask_for(user).values_list("pk", flat=True)))


def stations_to_ask_for(user: User) -> QuerySet[Station]:
    """The daughter stations for which this person may make a request."""
    return Station.objects.filter(
        Q(parent_station__in=mother_stations(user)) | Q(pk__in=daughter_stations(user))
    )


def shifts_of_eic(user: User) -> QuerySet[Shift]:
    stations = mother_stations(user)
    return Shift.objects.filter(Q(vehicle__ms_home__in=stations) | Q(vehicle__ms_home=None))


def driver_of(user: User) -> Driver | None:
    """This person as a driver; None for everybody else."""
    if not user.has_role(roles.DRIVER):
        return None
    return Driver.objects.filter(user=user).first()


def trips_of(driver: Driver) -> QuerySet[Trip]:
    return Trip.objects.filter(driver=driver)
