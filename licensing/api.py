"""Licences over REST: /api/licensing/."""

from collections.abc import Sequence
from typing import Any

from django.db.models import ProtectedError, QuerySet
from django.http import HttpResponse
from django.utils.timezone import now
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import exceptions, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from ims.lib.api import BadRequest, HasRole
from ims.submissions.once import idempotent
from licensing import allotting, entering, ledger, queries, tasks
from licensing.balances import day_in_india
from licensing.cover import cover
from licensing.ledger_serializers import (
    AllotmentRequest,
    AllotmentSerializer,
    BillOfEntryRequest,
    BillOfEntrySerializer,
    BOERowSerializer,
)
from licensing.lines import Line, Refused
from licensing.models import Allotment, BillOfEntry, BOERow, ExportItem, ImportItem, License, SyncRun
from licensing.rules import ACT, LOOK
from licensing.serializers import (
    ChangeSerializer,
    CoverQuestion,
    CoverSerializer,
    ExportItemSerializer,
    ImportItemSerializer,
    LedgerLineSerializer,
    LicenseDetailSerializer,
    LicenseFilter,
    LicenseSerializer,
    SyncRequest,
    SyncRunSerializer,
    TotalsSerializer,
)
from licensing.statement import statement

LATEST_CHANGES = 200


class LicencePermission(HasRole):
    """Licence managers act; they and read-only people look."""

    read = LOOK
    act = ACT


class LedgerWriting:
    """Every change through the API is on record with its user, and followed by the recalculation."""

    request: Request

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        with ledger.changes(self.request.user):
            serializer.save()
        serializer.instance.refresh_from_db()  # with its figures

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        with ledger.changes(self.request.user):
            serializer.save()
        serializer.instance.refresh_from_db()

    def perform_destroy(self, instance: Any) -> None:
        try:
            with ledger.changes(self.request.user):
                instance.delete()
        except ProtectedError as error:
            count = len(error.protected_objects)
            raise exceptions.ValidationError(
                {"id": f"{count} rows of allotments or bills of entry use it: delete those first."}
            ) from None


@extend_schema(tags=["licences"])
@extend_schema_view(list=extend_schema(parameters=[LicenseFilter]))
class LicenseViewSet(LedgerWriting, viewsets.ModelViewSet[License]):
    """DFIA licences with their balances."""

    permission_classes = (LicencePermission,)
    queryset = License.objects.all()
    lookup_value_regex = r"\d+"

    def get_serializer_class(self) -> type[LicenseSerializer]:
        return LicenseSerializer if self.action == "list" else LicenseDetailSerializer

    def get_queryset(self) -> QuerySet[License]:
        found = super().get_queryset()
        if self.action not in ("list", "totals"):
            return found.prefetch_related("export_items", "import_items")
        wanted = LicenseFilter(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        return queries.search(found, day_in_india(now()), **wanted.validated_data)

    def perform_create(self, serializer: BaseSerializer[License]) -> None:
        entering.enter(serializer.save, self.request.user)
        serializer.instance.refresh_from_db()  # type: ignore[union-attr]

    def perform_update(self, serializer: BaseSerializer[License]) -> None:
        with entering.correcting(serializer.instance, self.request.user):
            serializer.save()
        serializer.instance.refresh_from_db()  # type: ignore[union-attr]

    @extend_schema(parameters=[LicenseFilter], responses=TotalsSerializer)
    @action(detail=False)
    def totals(self, request: Request) -> Response:
        """How many licences match, and their balances together."""
        return Response(TotalsSerializer(queries.totals(self.get_queryset())).data)

    @extend_schema(parameters=[CoverQuestion], responses=CoverSerializer)
    @action(detail=False, pagination_class=None)
    def cover(self, request: Request) -> Response:
        """Which licences cover this quantity of this HS code? Those that expire first come first."""
        wanted = CoverQuestion(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return Response(CoverSerializer(cover(**wanted.validated_data, today=day_in_india(now()))).data)

    @extend_schema(responses=LedgerLineSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def ledger(self, request: Request, pk: str) -> Response:
        """Credits, debits and allotments by date, with a running balance."""
        return Response(LedgerLineSerializer(statement(self.get_object()), many=True).data)

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, url_path="ledger.pdf")
    def ledger_pdf(self, request: Request, pk: str) -> HttpResponse:
        from licensing import statement_pdf  # loads reportlab, which nothing else needs

        licence = self.get_object()
        return HttpResponse(statement_pdf.pdf(licence, statement(licence)), content_type="application/pdf")

    @extend_schema(responses=ChangeSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def changes(self, request: Request, pk: str) -> Response:
        """Who changed which ledger row, newest first."""
        newest = self.get_object().changes.select_related("user")[:LATEST_CHANGES]
        return Response(ChangeSerializer(newest, many=True).data)

    @extend_schema(request=SyncRequest, responses={202: SyncRunSerializer})
    @action(detail=False, methods=["post"])
    def sync(self, request: Request) -> Response:
        """Work out all licences in the background."""
        wanted = SyncRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        run = tasks.queue_sync(request.user, dry=wanted.validated_data["dry_run"])
        return Response(SyncRunSerializer(run).data, status.HTTP_202_ACCEPTED)


class OfLicence(LedgerWriting):
    """Rows of licences, all or those of ?license=ID."""

    request: Request
    licence_path = "license"

    def get_queryset(self) -> QuerySet[Any]:
        found = super().get_queryset()  # type: ignore[misc]
        wanted = self.request.query_params.get("license", "")
        if not wanted:
            return found
        if not wanted.isdecimal() or len(wanted) > 18:
            raise BadRequest("license", "Give the id of a licence, a whole number.")
        return found.filter(**{self.licence_path: wanted})


@extend_schema(tags=["licences"])
class ExportItemViewSet(OfLicence, viewsets.ModelViewSet[ExportItem]):
    permission_classes = (LicencePermission,)
    queryset = ExportItem.objects.order_by("pk")
    serializer_class = ExportItemSerializer
    lookup_value_regex = r"\d+"


@extend_schema(tags=["licences"])
class ImportItemViewSet(OfLicence, viewsets.ModelViewSet[ImportItem]):
    permission_classes = (LicencePermission,)
    queryset = ImportItem.objects.order_by("pk")
    serializer_class = ImportItemSerializer
    lookup_value_regex = r"\d+"


@extend_schema(tags=["licences"])
class BOERowViewSet(
    OfLicence,
    mixins.DestroyModelMixin,
    mixins.UpdateModelMixin,
    viewsets.ReadOnlyModelViewSet[BOERow],
):
    """What customs debited; booked at bills-of-entry/. A correction beyond what is left is refused."""

    permission_classes = (LicencePermission,)
    queryset = BOERow.objects.select_related("item__license").order_by("pk")
    serializer_class = BOERowSerializer
    licence_path = "item__license"
    lookup_value_regex = r"\d+"

    def perform_update(self, serializer: BaseSerializer[BOERow]) -> None:
        with ledger.changes(self.request.user):
            try:
                allotting.check_correction(
                    serializer.instance, serializer.validated_data, self.request.user, day_in_india(now())
                )
            except Refused as error:
                raise BadRequest(error.field.rpartition(".")[2], str(error)) from None
            super().perform_update(serializer)


@extend_schema(tags=["allotments and bills of entry"])
class AllotmentViewSet(LedgerWriting, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet[Allotment]):
    """Reservations of credit; one that exceeds what is left is refused."""

    permission_classes = (LicencePermission,)
    queryset = Allotment.objects.prefetch_related("items__item__license", "bills_of_entry")
    serializer_class = AllotmentSerializer
    lookup_value_regex = r"\d+"

    @extend_schema(request=AllotmentRequest, responses={201: AllotmentSerializer, 400: OpenApiResponse()})
    @idempotent
    def create(self, request: Request) -> Response:
        wanted = AllotmentRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        facts = wanted.validated_data
        lines = lines_of(facts.pop("items"))
        made = allotting.allot(lines, request.user, day_in_india(now()), **facts)
        return Response(self.get_serializer(made).data, status.HTTP_201_CREATED)

    def perform_destroy(self, instance: Allotment) -> None:
        allotting.release(instance, self.request.user)


@extend_schema(tags=["allotments and bills of entry"])
class BillOfEntryViewSet(LedgerWriting, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet[BillOfEntry]):
    """What customs debited. Booking attaches allotments, whose reservations then count no more."""

    permission_classes = (LicencePermission,)
    queryset = BillOfEntry.objects.prefetch_related("rows__item__license", "allotments")
    serializer_class = BillOfEntrySerializer
    lookup_value_regex = r"\d+"

    @extend_schema(request=BillOfEntryRequest, responses={201: BillOfEntrySerializer, 400: OpenApiResponse()})
    @idempotent
    def create(self, request: Request) -> Response:
        wanted = BillOfEntryRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        facts = wanted.validated_data
        rows = facts.pop("rows", None)
        lines = None if rows is None else lines_of(rows)
        allotments = facts.pop("allotments")
        made = allotting.book(lines, allotments, request.user, day_in_india(now()), **facts)
        return Response(self.get_serializer(made).data, status.HTTP_201_CREATED)


@extend_schema(tags=["licences"])
class SyncRunViewSet(viewsets.ReadOnlyModelViewSet[SyncRun]):
    """The syncs of all licences, newest first."""

    permission_classes = (LicencePermission,)
    queryset = SyncRun.objects.all()
    serializer_class = SyncRunSerializer
    lookup_value_regex = r"\d+"


def lines_of(asked: Sequence[dict[str, Any]]) -> list[Line]:
    return [Line(item_id=each["item"], **{k: v for k, v in each.items() if k != "item"}) for each in asked]
