"""Dispatch over REST: /api/eic/, /api/driver/, /api/driver-trips/. Errors have the flat shape."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import exceptions, generics, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.accounts import roles
from ims.lib.api import HasRole
from ims.submissions.once import idempotent
from logistics import actions
from logistics.dispatch import access, answers, candidates
from logistics.dispatch.models import RequestStatus, StockRequest
from logistics.dispatch.serializers import (
    Accepted,
    Answering,
    AvailableDriver,
    AvailableFilter,
    Declined,
    NewStockRequest,
    PendingOfferSerializer,
    ReasonSerializer,
    StatusChange,
    StatusChanged,
    StockRequestFilter,
    StockRequestSerializer,
)
from logistics.fleet.models import Driver, Station

ROLES = (roles.EIC, roles.STATION_OPERATOR)


class StationStaffPermission(HasRole):
    """EICs and station operators; of which stations, the querysets say."""

    read = act = ROLES


class EicPermission(HasRole):
    read = act = (roles.EIC,)


class DriverPermission(HasRole):
    """People with the role who are entered as drivers."""

    read = act = (roles.DRIVER,)

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and access.driver_of(request.user) is not None


# --- The EIC and the station operator -------------------------------------------------------------------


@extend_schema(tags=["dispatch"])
@extend_schema_view(list=extend_schema(parameters=[StockRequestFilter]))
class StockRequestViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[StockRequest],
):
    """The stock requests of one's own stations, newest first."""

    permission_classes = (StationStaffPermission,)
    serializer_class = StockRequestSerializer
    queryset = StockRequest.objects.select_related(
        "dbs__parent_station", "target_driver__user", "trip", "token"
    )
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[StockRequest]:
        own = access.visible_requests(self.request.user, super().get_queryset())
        if self.action != "list":
            return own
        wanted = StockRequestFilter(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        return own.filter(**wanted.validated_data)

    @extend_schema(request=NewStockRequest, responses={201: StockRequestSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Ask the mother station for gas."""
        wanted = NewStockRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        facts = wanted.validated_data
        dbs = access.stations_to_ask_for(request.user).filter(pk=facts["dbs"]).first()
        if dbs is None:
            raise exceptions.ValidationError({"dbs": "This is none of your daughter stations."})
        made = actions.ask_for_gas(
            dbs, facts["requested_qty_kg"], request.user, facts["priority"], facts["notes"]
        )
        return Response(self.get_serializer(made).data, status.HTTP_201_CREATED)

    @extend_schema(request=StatusChange, responses=StatusChanged)
    @action(detail=True, methods=["patch"], url_path="status", permission_classes=[EicPermission])
    def change_status(self, request: Request, pk: str) -> Response:
        """Offer the trip to a driver, approve or reject the request."""
        wanted = StatusChange(data=request.data)
        wanted.is_valid(raise_exception=True)
        chosen = self._own_as_eic()
        decide(chosen, request, **wanted.validated_data)
        return self._shown(chosen)

    @extend_schema(request=ReasonSerializer, responses=StatusChanged)
    @action(detail=True, methods=["post"], permission_classes=[EicPermission])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take an open offer back from the driver."""
        chosen = self._own_as_eic()
        actions.withdraw(chosen, request.user, reason_of(request))
        return self._shown(chosen)

    @extend_schema(request=ReasonSerializer, responses=StatusChanged)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Take a request back; once a driver has accepted, only the EIC may."""
        chosen = self.get_object()
        as_eic = access.requests_of_eic(request.user).filter(pk=chosen.pk).exists()
        actions.cancel(chosen, request.user, reason_of(request), may_recall=as_eic)
        return self._shown(chosen)

    def _own_as_eic(self) -> StockRequest:
        chosen = self.get_object()
        if not access.requests_of_eic(self.request.user).filter(pk=chosen.pk).exists():
            raise Http404
        return chosen

    def _shown(self, chosen: StockRequest) -> Response:
        return Response(StatusChanged(self.get_queryset().get(pk=chosen.pk)).data)


def decide(
    chosen: StockRequest, request: Request, *, status: str, driver_id: int | None, notes: str, reason: str
) -> None:
    if status == RequestStatus.REJECTED:
        actions.reject(chosen, request.user, reason)
    elif driver_id is not None:
        actions.assign(chosen, driver_id, request.user, notes)
    elif status == RequestStatus.APPROVED:
        actions.approve(chosen, request.user, notes)
    else:
        actions.assign_next(chosen, request.user, notes)


def reason_of(request: Request) -> str:
    wanted = ReasonSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    return str(wanted.validated_data["reason"])


@extend_schema(tags=["dispatch"], parameters=[AvailableFilter])
class AvailableDriversView(generics.ListAPIView[Any]):
    """The drivers to whom a trip can be offered now, those with the fewest trips today first."""

    permission_classes = (EicPermission,)
    serializer_class = AvailableDriver
    queryset = Driver.objects.none()

    def filter_queryset(self, queryset: QuerySet[Driver]) -> list[candidates.Candidate]:
        wanted = AvailableFilter(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        request = self._request_named(wanted.validated_data.get("stock_request_id"))
        ms = self._station(wanted.validated_data.get("ms"), request)
        return candidates.available(ms, now(), request)

    def _request_named(self, pk: int | None) -> StockRequest | None:
        if pk is None:
            return None
        return generics.get_object_or_404(access.requests_of_eic(self.request.user), pk=pk)

    def _station(self, pk: int | None, request: StockRequest | None) -> Station:
        own = access.mother_stations(self.request.user)
        if pk is not None:
            return generics.get_object_or_404(own, pk=pk)
        found = own.filter(daughters__stock_requests=request).first() if request else own.first()
        if found is None:
            raise exceptions.NotFound("You are engineer in charge of no mother station.")
        return found


# --- The driver -----------------------------------------------------------------------------------------


@extend_schema(tags=["dispatch"])
class PendingOffersView(generics.ListAPIView[StockRequest]):
    """The trips that are offered to the caller and may still be answered."""

    permission_classes = (DriverPermission,)
    serializer_class = PendingOfferSerializer
    queryset = StockRequest.objects.all()

    def get_queryset(self) -> QuerySet[StockRequest]:
        if getattr(self, "swagger_fake_view", False):
            return StockRequest.objects.none()
        return answers.open_offers([own_driver(self.request)], now())


class AcceptView(APIView):
    """Take an offered trip; asked twice, the same answer and one trip."""

    permission_classes = (DriverPermission,)

    @extend_schema(tags=["dispatch"], request=Answering, responses=Accepted)
    def post(self, request: Request) -> Response:
        taken = actions.accept(answering(request)["stock_request_id"], own_driver(request))
        return Response(
            {
                "success": True,
                "status": "accepted",
                "trip_id": taken.trip.pk,
                "token_number": taken.token.number,
            }
        )


class RejectView(APIView):
    """Decline an offered trip."""

    permission_classes = (DriverPermission,)

    @extend_schema(tags=["dispatch"], request=Answering, responses=Declined)
    def post(self, request: Request) -> Response:
        wanted = answering(request)
        actions.decline(wanted["stock_request_id"], own_driver(request), wanted["reason"])
        return Response({"success": True, "status": "rejected"})


def answering(request: Request) -> dict[str, Any]:
    wanted = Answering(data=request.data)
    wanted.is_valid(raise_exception=True)
    return dict(wanted.validated_data)


def own_driver(request: Request) -> Driver:
    """The caller as a driver; the permission has seen to it that he is one."""
    driver = access.driver_of(request.user)
    if driver is None:
        raise exceptions.PermissionDenied
    return driver
