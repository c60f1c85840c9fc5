"""Who may see a trip and act on it: the one place for the rules about objects.

Its driver and paramedic, its patient, and dispatchers. For everybody else a trip does not exist.
"""

from django.db.models import Q, QuerySet

from ims.accounts import roles
from ims.accounts.models import User
from logistics.trips.models import Trip

ROLES = (roles.DISPATCHER, roles.DRIVER, roles.PARAMEDIC, roles.PATIENT)


def is_dispatcher(user: User) -> bool:
    return user.has_role(roles.DISPATCHER)


def visible(user: User) -> QuerySet[Trip]:
    """The trips that this person may watch."""
    if is_dispatcher(user):
        return Trip.objects.all()
    return Trip.objects.filter(_crew(user) | Q(patient__user=user))


def knows_patient(user: User, trip: Trip) -> bool:
    """Whether names, records and notes are for this person, and moves: dispatchers and the trip's crew."""
    return is_dispatcher(user) or is_crew(user, trip)


def is_crew(user: User, trip: Trip) -> bool:
    driver = trip.driver
    return trip.paramedic_id == user.pk or (driver is not None and driver.user_id == user.pk)


def may_open(user: User) -> bool:
    """Whether the pages of trips are for this person at all."""
    return user.has_role(*ROLES) or visible(user).exists()


def _crew(user: User) -> Q:
    return Q(driver__user=user) | Q(paramedic=user)
