"""Tracking over REST: /api/masterdata/."""

from io import BytesIO
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.http import Http404
from django.utils.crypto import constant_time_compare
from django.utils.timezone import now
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import exceptions, permissions, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from ims.accounts import roles
from ims.lib.api import HasRole, JSONParser
from masterdata import queries, slips, tracking_service, updates
from masterdata.models import PackingSlip, Product
from masterdata.serializers import (
    PackingSlipDetailSerializer,
    PackingSlipFilter,
    PackingSlipSerializer,
    ProductFilter,
    ProductSerializer,
    TrackingQueued,
    TrackingResult,
    TrackingResults,
    TrackingUpdateRequest,
)
from masterdata.tasks import register_parcels, update_number
from masterdata.track123_service import Track123Error, read_webhook
from scheduling.api import ScheduleControlView

MAX_WEBHOOK = 1_000_000  # bytes


class OperationsPermission(HasRole):
    """Any staff role may look; operations may act."""

    read = roles.STAFF
    act = (roles.OPERATIONS,)


class SchedulerPermission(HasRole):
    """Any staff role may look; operations and the console's operator may act."""

    read = roles.STAFF
    act = (roles.OPERATIONS, roles.OPERATOR)

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) or self._only_asks(request)

    def _only_asks(self, request: Request) -> bool:
        """POST {"action": "status"} is a look."""
        asks = isinstance(request.data, dict) and request.data.get("action") == "status"
        return asks and request.user.is_authenticated and request.user.has_role(*self.read)


class AskPermission(HasRole):
    """Asking Track123 is an act, by GET too."""

    read = act = (roles.OPERATIONS,)


class TrackingSchedulerView(ScheduleControlView):
    """The schedule of the tracking updates: its state, start, stop and run now."""

    permission_classes = (SchedulerPermission,)


class TrackingUpdateView(APIView):
    """Update one order or packing slip within the request, or all that are due in the background."""

    permission_classes = (AskPermission,)

    @extend_schema(
        tags=["tracking"],
        request=TrackingUpdateRequest,
        responses={
            200: TrackingResults,
            202: TrackingQueued,
            404: OpenApiResponse(description="No such order or packing slip."),
        },
    )
    def post(self, request: Request) -> Response:
        wanted = TrackingUpdateRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        if "packing_slip_id" in wanted.validated_data:
            return Response(update_slip(wanted.validated_data["packing_slip_id"]))
        if "order_id" in wanted.validated_data:
            return Response(update_order(wanted.validated_data["order_id"]))
        return Response(update_all(), status.HTTP_202_ACCEPTED)


def update_slip(packing_slip_id: int) -> updates.Result:
    try:
        return tracking_service.update_single_order_tracking(packing_slip_id)
    except PackingSlip.DoesNotExist:
        raise exceptions.NotFound(f"packing_slip_id: there is no packing slip {packing_slip_id}.") from None


def update_order(order_id: str) -> dict[str, Any]:
    results = updates.update_order(order_id)
    if not results:
        raise exceptions.NotFound(f"order_id: there is no order {order_id!r}.")
    if len(results) == 1:
        return results[0]
    return {"success": all(each["success"] for each in results), "order_id": order_id, "results": results}


def update_all() -> dict[str, Any]:
    count = slips.due().count()
    job = tracking_service.trigger_immediate_update()
    orders = "order" if count == 1 else "orders"
    message = f"Queued tracking updates for {count} {orders}"
    return {"success": True, "message": message, "queued": count, "job_id": job.id}


@extend_schema(tags=["packing slips"])
@extend_schema_view(list=extend_schema(parameters=[PackingSlipFilter]))
class PackingSlipViewSet(viewsets.ModelViewSet[PackingSlip]):
    """Packing slips; new tracking numbers are registered with Track123 in the background."""

    permission_classes = (OperationsPermission,)
    queryset = PackingSlip.objects.prefetch_related("parcels")
    lookup_value_regex = r"\d+"

    def get_serializer_class(self) -> type[PackingSlipSerializer]:
        return PackingSlipSerializer if self.action == "list" else PackingSlipDetailSerializer

    def get_queryset(self) -> QuerySet[PackingSlip]:
        found = super().get_queryset()
        if self.action != "list":
            return found.prefetch_related("parcels__events")
        wanted = PackingSlipFilter(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        return queries.search_slips(found, **wanted.validated_data)

    @transaction.atomic
    def perform_create(self, serializer: BaseSerializer[PackingSlip]) -> None:
        keep_parcels(serializer.save())

    @transaction.atomic
    def perform_update(self, serializer: BaseSerializer[PackingSlip]) -> None:
        keep_parcels(serializer.save())

    @extend_schema(tags=["tracking"], request=None, responses=TrackingResult)
    @action(
        detail=True,
        methods=["get", "post"],
        url_path="fetch-tracking-status",
        permission_classes=[AskPermission],
    )
    def fetch_tracking_status(self, request: Request, pk: str) -> Response:
        """Ask Track123 about this packing slip now."""
        return Response(update_slip(self.get_object().pk))


def keep_parcels(slip: PackingSlip) -> None:
    """Bring the parcels in step; the job's row commits or rolls back with the slip."""
    if slips.keep_parcels(slip):
        register_parcels.enqueue(packing_slip_id=slip.pk)


@extend_schema(tags=["products"])
@extend_schema_view(list=extend_schema(parameters=[ProductFilter]))
class ProductViewSet(viewsets.ModelViewSet[Product]):
    permission_classes = (OperationsPermission,)
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    lookup_value_regex = r"\d+"

    def get_queryset(self) -> QuerySet[Product]:
        return queries.search_products(super().get_queryset(), self.request.query_params.get("q", ""))

    def perform_destroy(self, product: Product) -> None:
        try:
            product.delete()
        except ProtectedError as error:
            count = len(error.protected_objects)
            raise exceptions.ValidationError(
                {"product": f"It is on {count} packing slips: give them another product first."}
            ) from None


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body is larger than {MAX_WEBHOOK:,} bytes."
    default_code = "too_large"


class WebhookParser(JSONParser):
    """JSON of bounded size, whatever its Content-Type says."""

    media_type = "*/*"

    def parse(self, stream: IO[bytes], *args: Any, **kwargs: Any) -> Any:
        content = stream.read(MAX_WEBHOOK + 1)
        if len(content) > MAX_WEBHOOK:
            raise TooLarge
        return super().parse(BytesIO(content), *args, **kwargs)


class Track123WebhookView(APIView):
    """Track123 tells that a parcel moved. Signed is a time only, so nothing in it is believed: a job asks.

    Answered after three statements, however many slips carry the number; a replay is one job at most.
    """

    authentication_classes = ()
    permission_classes = (permissions.AllowAny,)
    parser_classes = (WebhookParser,)
    throttle_classes = ()

    def initial(self, request: Request, *args: Any, secret: str, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        expected = settings.TRACK123_WEBHOOK_SECRET
        if not expected or not constant_time_compare(secret, expected):
            raise Http404

    @extend_schema(exclude=True)
    def get(self, request: Request, secret: str) -> Response:
        return Response({"success": True})

    @extend_schema(exclude=True)
    def post(self, request: Request, secret: str) -> Response:
        try:
            state = read_webhook(request.data, updates.api_keys(), now())
        except Track123Error as error:
            raise refusal(error) from error
        if slips.hear_of(state.number):
            update_number.enqueue(number=state.number)
        return Response({"success": True})


def refusal(error: Track123Error) -> exceptions.APIException:
    if error.code == "signature":
        return exceptions.PermissionDenied(str(error))
    return exceptions.ValidationError({"body": str(error)})
