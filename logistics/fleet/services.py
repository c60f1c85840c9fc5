"""Who works where. A post gives its holder the role that opens the pages."""

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet

from ims.accounts import roles
from ims.accounts.models import User
from logistics.fleet.models import Driver, StaffRole, Station, StationStaff, StationType

GROUPS = {StaffRole.EIC: roles.EIC, StaffRole.OPERATOR: roles.STATION_OPERATOR}
PLACES = {StaffRole.EIC: StationType.MS, StaffRole.OPERATOR: StationType.DBS}


@transaction.atomic
def appoint(user: User, station: Station, role: StaffRole) -> StationStaff:
    """Give a person a post at a station, and the role that goes with it."""
    post, _ = StationStaff.objects.get_or_create(user=user, station=station, role=role)
    give_role(user, GROUPS[role])
    return post


def give_role(user: User, name: str) -> None:
    user.groups.add(Group.objects.get_or_create(name=name)[0])
    user.__dict__.pop("roles", None)  # cached on the object


def make_driver(user: User, **fields: object) -> Driver:
    """Make a person a driver, with the role that goes with it."""
    driver, _ = Driver.objects.get_or_create(user=user, defaults=fields)
    give_role(user, roles.DRIVER)
    return driver


def stations_of(user: User, role: StaffRole) -> QuerySet[Station]:
    """The stations where this person has a post; a superuser has all."""
    stations = Station.objects.filter(type=PLACES[role])
    if not user.has_role(GROUPS[role]):
        return stations.none()
    if user.is_superuser:
        return stations
    return stations.filter(pk__in=StationStaff.objects.filter(user=user, role=role).values("station"))


def eics_of(ms: Station) -> QuerySet[User]:
    """The active engineers in charge of a mother station."""
    return staff_of(ms, StaffRole.EIC)


def staff_of(station: Station, role: StaffRole) -> QuerySet[User]:
    posts = StationStaff.objects.filter(station=station, role=role)
    return User.objects.filter(pk__in=posts.values("user"), is_active=True).order_by("pk")
