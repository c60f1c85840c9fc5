"""Trips over REST: /api/trips/. A trip that is not one's own does not exist: 404."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import exceptions, generics, mixins, parsers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.accounts import roles
from ims.accounts.models import User
from ims.lib.api import BadRequest, isAuthenticatedCustom
from ims.submissions.once import idempotent
from logistics import trip_actions
from logistics.fleet.models import Driver, Vehicle
from logistics.trips import access, queries
from logistics.trips.models import Contract, Patient, Trip, TripStatus
from logistics.trips.planning import Crew
from logistics.trips.proofs import NewProof
from logistics.trips.serializers import (
    CancelRequest,
    CrewRequest,
    MoveRequest,
    NewTrip,
    ProofRequest,
    ProofSerializer,
    SharedSerializer,
    ShareRequest,
    TripFilter,
    TripSerializer,
)


class MayOpenTrips(isAuthenticatedCustom):
    """The list is for those who can have trips; of one trip, the querysets say whose it is."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        user = cast(User, request.user)
        name = getattr(view, "action", "")
        if name == "create":
            return access.is_dispatcher(user)
        return name != "list" or access.may_open(user)


class OwnTrip(APIView):
    """Of one trip: who may look gets it, who may not act on it gets 403, to all others it does not exist."""

    permission_classes = (isAuthenticatedCustom,)

    def own_trip(self, pk: str | int, *, is_whole: bool = True) -> Trip:
        """`is_whole`: with the rows that a trip is shown with; without them it is found in half the time."""
        user = cast(User, self.request.user)
        trips = access.visible(user)
        trips = queries.whole(trips) if is_whole else trips.select_related("driver")
        trip = generics.get_object_or_404(trips, pk=pk)
        if self.request.method not in SAFE_METHODS and not access.knows_patient(user, trip):
            raise exceptions.PermissionDenied("Only dispatchers and the trip's crew may do this.")
        return trip


@extend_schema(tags=["trips"])
@extend_schema_view(list=extend_schema(parameters=[TripFilter]))
class TripViewSet(OwnTrip, mixins.ListModelMixin, viewsets.GenericViewSet[Trip]):
    """The trips that the caller may watch, the newest first; dispatchers have all."""

    permission_classes = (MayOpenTrips,)
    serializer_class = TripSerializer
    queryset = Trip.objects.all()
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Trip]:
        if getattr(self, "swagger_fake_view", False):
            return Trip.objects.none()
        own = queries.whole(access.visible(cast(User, self.request.user)))
        wanted = TripFilter(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        return own.filter(**wanted.validated_data)

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._shown(self.own_trip(pk))

    @extend_schema(request=NewTrip, responses={201: TripSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Plan a patient's transport."""
        facts = checked(NewTrip, request)
        patient = named(Patient.objects.all(), facts.pop("patient_id"), "patient_id", "patient")
        contract_id = facts.pop("contract_id")
        contract = (
            named(Contract.objects.all(), contract_id, "contract_id", "contract") if contract_id else None
        )
        trip = trip_actions.create(cast(User, request.user), patient=patient, contract=contract, **facts)
        return self._shown(trip, status.HTTP_201_CREATED)

    @extend_schema(request=CrewRequest, responses=TripSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give a trip its driver, vehicle and paramedic; also others in mid-trip."""
        trip = self._as_dispatcher(pk)
        trip_actions.assign(trip, crew_of(checked(CrewRequest, request)), cast(User, request.user))
        return self._shown(trip)

    @extend_schema(request=MoveRequest, responses=TripSerializer)
    @action(detail=True, methods=["post", "patch"], url_path="status")
    def move(self, request: Request, pk: str) -> Response:
        """Take a trip one step on; a second time says the same."""
        trip, facts = self.own_trip(pk), checked(MoveRequest, request)
        wanted = TripStatus(facts.pop("status"))
        if wanted in (TripStatus.CANCELLED, TripStatus.PENDING):
            raise BadRequest("status", "Use …/cancel/ to cancel; no trip goes back to pending.")
        if wanted == TripStatus.ASSIGNED and trip.status == TripStatus.PENDING:
            raise BadRequest("status", "Use …/assign/ with a driver and a vehicle.")
        trip_actions.move(trip, wanted, cast(User, request.user), **facts)
        return self._shown(trip)

    @extend_schema(request=CancelRequest, responses=TripSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """End a transport before its time."""
        trip, facts = self._as_dispatcher(pk), checked(CancelRequest, request)
        trip_actions.cancel(trip, cast(User, request.user), facts["reason"])
        return self._shown(trip)

    @extend_schema(request={"multipart/form-data": ProofRequest}, responses={201: ProofSerializer})
    @idempotent
    @action(detail=True, methods=["post"], parser_classes=[parsers.MultiPartParser])
    def proof(self, request: Request, pk: str) -> Response:
        """Keep a signature or a photo of the handing over."""
        trip, facts = self.own_trip(pk), checked(ProofRequest, request)
        file = facts["picture"]
        new = NewProof(facts["kind"], file.file, file.size, facts["signed_by"])
        kept = trip_actions.prove(trip, new, cast(User, request.user))
        return Response(ProofSerializer(kept).data, status.HTTP_201_CREATED)

    @extend_schema(request=ShareRequest, responses={201: SharedSerializer})
    @action(detail=True, methods=["post"])
    def share(self, request: Request, pk: str) -> Response:
        """Make a link by which anybody may watch the vehicle until it expires; it names nobody."""
        trip, facts = self.own_trip(pk), checked(ShareRequest, request)
        url, expires = trip_actions.share(trip, timedelta(hours=facts["hours"]), cast(User, request.user))
        return Response({"url": url, "expires_at": expires}, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={204: None})
    @share.mapping.delete
    def unshare(self, request: Request, pk: str) -> Response:
        """Revoke all links that were made for this trip; who watches by one is let go."""
        trip_actions.unshare(self.own_trip(pk), cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _as_dispatcher(self, pk: str) -> Trip:
        trip = self.own_trip(pk)
        if not access.is_dispatcher(cast(User, self.request.user)):
            raise exceptions.PermissionDenied("Only dispatchers may do this.")
        return trip

    def _shown(self, trip: Trip, code: int = status.HTTP_200_OK) -> Response:
        whole = queries.whole(Trip.objects.all()).get(pk=trip.pk)
        return Response(self.get_serializer(whole).data, code)


def checked(shape: Callable[..., Any], request: Request) -> dict[str, Any]:
    wanted = shape(data=request.data)
    wanted.is_valid(raise_exception=True)
    return dict(wanted.validated_data)


def named(rows: QuerySet[Any], pk: int, field: str, what: str) -> Any:
    """The row of this id, or an error that names the field."""
    found = rows.filter(pk=pk).first()
    if found is None:
        raise BadRequest(field, f"There is no {what} {pk}.")
    return found


def crew_of(facts: dict[str, Any]) -> Crew:
    drivers = Driver.objects.select_related("user", "assigned_vehicle")
    driver: Driver = named(drivers, facts["driver_id"], "driver_id", "driver")
    vehicle = driver.assigned_vehicle
    if "vehicle_id" in facts:
        vehicle = named(Vehicle.objects.all(), facts["vehicle_id"], "vehicle_id", "vehicle")
    if vehicle is None:
        raise BadRequest("vehicle_id", f"{driver.name} has no vehicle of his own: name one.")
    paramedic_id = facts.get("paramedic_id")
    if paramedic_id is None:
        return Crew(driver, vehicle)
    paramedics = User.objects.filter(is_active=True, groups__name=roles.PARAMEDIC)
    return Crew(driver, vehicle, named(paramedics, paramedic_id, "paramedic_id", "paramedic"))
