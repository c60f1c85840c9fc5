"""Invoices over REST: /api/invoices/. An invoice that is not one's own does not exist: 404."""

from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import exceptions, generics, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.accounts.models import User
from ims.lib.api import isAuthenticatedCustom
from ims.submissions.once import idempotent
from ims.web import spreadsheets
from logistics import invoice_actions
from logistics.billing import access, invoices, queries, views
from logistics.billing.models import Invoice, Payment
from logistics.billing.payments import NewPayment
from logistics.billing.serializers import (
    InvoiceFilter,
    InvoiceSerializer,
    PaymentCorrection,
    PaymentRequest,
    PreviewSerializer,
    ReasonRequest,
    ReissueRequest,
    TotalSerializer,
    TripRequest,
    new_payment,
    preview_facts,
)
from logistics.trips.api import checked
from logistics.trips.models import Trip

PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}
WORKBOOK = {(200, spreadsheets.XLSX): OpenApiTypes.BINARY}


class MayOpenInvoices(isAuthenticatedCustom):
    """Lists are for those who can have invoices; of one, the querysets say whose it is."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        user, name = cast(User, request.user), getattr(view, "action", "")
        if name == "create":
            return access.may_act(user)
        if name == "preview":
            return access.sees_all(user)
        return name not in ("list", "totals") or access.may_open(user)


def wanted(request: Request) -> QuerySet[Invoice]:
    """The caller's invoices that match his filters."""
    chosen = InvoiceFilter(data=request.query_params)
    chosen.is_valid(raise_exception=True)
    return queries.search(access.visible(cast(User, request.user)), now(), **chosen.validated_data)


class OwnInvoice(APIView):
    """Of one invoice: whose it is, and how it is answered."""

    permission_classes = (MayOpenInvoices,)

    def own(self, pk: str | int) -> Invoice:
        """Who may look gets it, who may not act on it gets 403, to all others it does not exist."""
        user = cast(User, self.request.user)
        invoice = generics.get_object_or_404(queries.whole(access.visible(user)), pk=pk)
        if self.request.method not in SAFE_METHODS and not access.may_act(user):
            raise exceptions.PermissionDenied("Only accountants may do this.")
        return invoice

    def shown(self, pk: int, code: int = status.HTTP_200_OK) -> Response:
        whole = queries.whole(Invoice.objects.all()).get(pk=pk)
        return Response(InvoiceSerializer(whole, context={"request": self.request}).data, code)


@extend_schema(tags=["invoices"])
@extend_schema_view(list=extend_schema(parameters=[InvoiceFilter]))
class InvoiceViewSet(OwnInvoice, mixins.ListModelMixin, viewsets.GenericViewSet[Invoice]):
    """The invoices that the caller may read, overdue first, then what falls due next."""

    serializer_class = InvoiceSerializer
    queryset = Invoice.objects.all()
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Invoice]:
        if getattr(self, "swagger_fake_view", False):
            return Invoice.objects.none()
        found = wanted(self.request)
        return queries.whole(queries.urgent_first(found)) if self.action == "list" else found

    def retrieve(self, request: Request, pk: str) -> Response:
        return self.shown(self.own(pk).pk)

    @extend_schema(request=TripRequest, responses={201: InvoiceSerializer})
    def create(self, request: Request) -> Response:
        """Invoice a completed trip by hand; a second time says the same."""
        made = invoice_actions.generate(checked(TripRequest, request)["trip_id"], cast(User, request.user))
        return self.shown(made.pk, status.HTTP_201_CREATED)

    @extend_schema(parameters=[InvoiceFilter], responses=TotalSerializer(many=True))
    @action(detail=False, pagination_class=None)
    def totals(self, request: Request) -> Response:
        """What the invoices that match come to, for each currency; void ones do not count."""
        return Response(TotalSerializer(queries.totals(self.get_queryset()), many=True).data)

    @extend_schema(
        parameters=[OpenApiParameter("trip_id", int, required=True)],
        responses={200: PreviewSerializer, 404: OpenApiResponse(description="There is no such trip.")},
    )
    @action(detail=False, pagination_class=None)
    def preview(self, request: Request) -> Response:
        """What a trip would be invoiced at, as it stands."""
        wanted = TripRequest(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        trips = Trip.objects.select_related("contract__company", "patient")
        trip = generics.get_object_or_404(trips, pk=wanted.validated_data["trip_id"])
        facts = preview_facts(trip.pk, invoices.preview(trip), settings.INVOICE_CURRENCY)
        return Response(PreviewSerializer(facts).data)

    @extend_schema(responses=PDF)
    @action(detail=True)
    def pdf(self, request: Request, pk: str) -> HttpResponse:
        """The invoice as it goes out by mail."""
        return views.paper_of(self.own(pk))

    @extend_schema(request=ReasonRequest, responses=InvoiceSerializer)
    @action(detail=True, methods=["post"])
    def void(self, request: Request, pk: str) -> Response:
        """It keeps its number, and asks for nothing any more."""
        invoice, facts = self.own(pk), checked(ReasonRequest, request)
        invoice_actions.void(invoice.pk, cast(User, request.user), facts["reason"])
        return self.shown(invoice.pk)

    @extend_schema(request=ReissueRequest, responses={201: InvoiceSerializer})
    @action(detail=True, methods=["post"])
    def reissue(self, request: Request, pk: str) -> Response:
        """Void it, and write a new one by today's facts; answers the new one."""
        invoice, facts = self.own(pk), checked(ReissueRequest, request)
        user = cast(User, request.user)
        made = invoice_actions.reissue(invoice.pk, user, facts["reason"], facts.get("distance_km"))
        return self.shown(made.pk, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={202: InvoiceSerializer})
    @action(detail=True, methods=["post"])
    def send(self, request: Request, pk: str) -> Response:
        """Mail it once more, to where the payer gets mail today."""
        invoice = self.own(pk)
        invoice_actions.send(invoice.pk, cast(User, request.user))
        return self.shown(invoice.pk, status.HTTP_202_ACCEPTED)

    @extend_schema(request=PaymentRequest, responses={201: InvoiceSerializer})
    @idempotent
    @action(detail=True, methods=["post"])
    def payments(self, request: Request, pk: str) -> Response:
        """Record a payment; more than is due is refused. Answers the invoice."""
        invoice = self.own(pk)
        new, expected_due = new_payment(checked(PaymentRequest, request))
        invoice_actions.pay(invoice.pk, new, cast(User, request.user), expected_due)
        return self.shown(invoice.pk, status.HTTP_201_CREATED)


class MayExportInvoices(isAuthenticatedCustom):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and access.may_open(cast(User, request.user))


@method_decorator(spreadsheets.download, name="dispatch")
class ExportView(APIView):
    """What the list shows, to take away."""

    permission_classes = (MayExportInvoices,)

    @extend_schema(
        tags=["invoices"],
        operation_id="invoices_export_retrieve",
        parameters=[InvoiceFilter],
        responses=WORKBOOK,
    )
    def get(self, request: Request) -> FileResponse:
        """The invoices that match, as a workbook."""
        rows = queries.sheet(queries.urgent_first(wanted(request)))
        return spreadsheets.xlsx("invoices.xlsx", queries.HEADINGS, rows, title="Invoices")


@extend_schema(tags=["invoices"])
class PaymentView(OwnInvoice):
    """One payment: correct it or take it back; what it was stays in the audit log."""

    @extend_schema(request=PaymentCorrection, responses=InvoiceSerializer)
    def patch(self, request: Request, pk: str, payment_pk: str) -> Response:
        """Correct a payment. Answers the invoice."""
        payment = self._payment(pk, payment_pk)
        facts = checked(PaymentCorrection, request)
        expected_due = facts.pop("expected_due", None)
        kept: dict[str, Any] = {
            name: getattr(payment, name) for name in ("amount", "date", "method", "reference")
        }
        user = cast(User, request.user)
        invoice_actions.correct_payment(payment, NewPayment(**{**kept, **facts}), user, expected_due)
        return self.shown(payment.invoice_id)

    @extend_schema(request=None, responses={200: InvoiceSerializer})
    def delete(self, request: Request, pk: str, payment_pk: str) -> Response:
        """Take a payment back. Answers the invoice."""
        payment = self._payment(pk, payment_pk)
        invoice_actions.remove_payment(payment, cast(User, request.user))
        return self.shown(payment.invoice_id)

    def _payment(self, pk: str, payment_pk: str) -> Payment:
        return generics.get_object_or_404(Payment, pk=payment_pk, invoice=self.own(pk))
