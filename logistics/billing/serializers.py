"""Invoices as JSON, and what callers send."""

from decimal import Decimal
from typing import Any

from django.utils.timezone import now
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ims.lib.ids import IdField
from logistics.billing import access, invoices, mails
from logistics.billing.models import Invoice, InvoiceMail, Payment, PaymentMethod
from logistics.billing.payments import NewPayment
from logistics.billing.queries import STATES

MONEY: dict[str, Any] = {"max_digits": 14, "decimal_places": 2}
KM: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}


# --- What we answer -------------------------------------------------------------------------------------


class PayerSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["company", "patient"])
    id = serializers.IntegerField()
    name = serializers.CharField()


class ContractNumberSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    number = serializers.CharField()


class InvoiceReferenceSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    invoice_number = serializers.CharField()


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    class Meta:
        model = Payment
        fields = ("id", "amount", "date", "method", "reference", "created_at")
        read_only_fields = fields


class InvoiceMailSerializer(serializers.ModelSerializer[InvoiceMail]):
    """One e-mail, and what became of it."""

    address = serializers.SerializerMethodField()
    outcome = serializers.SerializerMethodField()
    why = serializers.SerializerMethodField()
    attempts = serializers.IntegerField(source="letter.attempts", default=0)
    sent_at = serializers.DateTimeField(source="letter.sent_at", default=None, allow_null=True)

    class Meta:
        model = InvoiceMail
        fields = ("number", "kind", "address", "outcome", "why", "attempts", "sent_at", "created_at")
        read_only_fields = fields

    def get_address(self, mail: InvoiceMail) -> str:
        return mail.letter.address if mail.letter else ""

    @extend_schema_field(serializers.ChoiceField(choices=[each.value for each in mails.Outcome]))
    def get_outcome(self, mail: InvoiceMail) -> str:
        return mails.fate_of(mail, now()).outcome

    def get_why(self, mail: InvoiceMail) -> str:
        return mails.fate_of(mail, now()).why


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    """Mails are for accountants and dispatchers alone."""

    payer = serializers.SerializerMethodField()
    contract = ContractNumberSerializer(allow_null=True)
    is_estimated = serializers.BooleanField(help_text="Whether the distance is.")
    distance_fee = serializers.DecimalField(**MONEY)
    due = serializers.DecimalField(**MONEY, help_text="What is still to be paid.")
    replaces = InvoiceReferenceSerializer(allow_null=True)
    replaced_by = serializers.SerializerMethodField()
    payments = PaymentSerializer(many=True)
    mails = serializers.SerializerMethodField()

    class Meta:
        model = Invoice
        fields = (
            "id", "invoice_number", "status", "trip", "payer", "contract", "distance_km", "distance_source",
            "is_estimated", "base_fee", "price_per_km", "distance_fee", "subtotal", "tax_percent", "tax",
            "total", "paid", "due", "currency", "issued_on", "due_date", "sent_at", "reminded_at",
            "voided_at", "void_reason", "replaces", "replaced_by", "payments", "mails", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PayerSerializer)
    def get_payer(self, invoice: Invoice) -> dict[str, Any]:
        kind, pk = ("company", invoice.company_id) if invoice.company_id else ("patient", invoice.patient_id)
        return {"kind": kind, "id": pk, "name": invoice.payer_name}

    @extend_schema_field(InvoiceReferenceSerializer(allow_null=True))
    def get_replaced_by(self, invoice: Invoice) -> dict[str, Any] | None:
        other = getattr(invoice, "replaced_by", None)
        return {"id": other.pk, "invoice_number": other.invoice_number} if other else None

    @extend_schema_field(InvoiceMailSerializer(many=True))
    def get_mails(self, invoice: Invoice) -> list[Any]:
        if not access.sees_all(self.context["request"].user):
            return []
        return list(InvoiceMailSerializer(invoice.mails.all(), many=True).data)


class TotalSerializer(serializers.Serializer[Any]):
    """Of the invoices that match and are not void, in one currency."""

    currency = serializers.CharField()
    count = serializers.IntegerField()
    total = serializers.DecimalField(**MONEY)
    paid = serializers.DecimalField(**MONEY)
    due = serializers.DecimalField(**MONEY)


class PreviewSerializer(serializers.Serializer[Any]):
    """What a trip would be invoiced at, as it stands."""

    trip = serializers.IntegerField()
    payer = serializers.CharField(allow_null=True, help_text="null: nobody is to pay.")
    distance_km = serializers.DecimalField(**KM)
    distance_source = serializers.CharField()
    is_estimated = serializers.BooleanField()
    base_fee = serializers.DecimalField(**MONEY)
    distance_fee = serializers.DecimalField(**MONEY)
    subtotal = serializers.DecimalField(**MONEY)
    tax = serializers.DecimalField(**MONEY)
    total = serializers.DecimalField(**MONEY)
    currency = serializers.CharField()


def preview_facts(trip_id: int, found: invoices.Preview, currency: str) -> dict[str, Any]:
    price = found.price
    return {
        "trip": trip_id,
        "payer": found.payer.name if found.payer else None,
        "distance_km": found.km,
        "distance_source": found.source,
        "is_estimated": found.is_estimated,
        "base_fee": price.base_fee,
        "distance_fee": price.distance_fee,
        "subtotal": price.subtotal,
        "tax": price.tax,
        "total": price.total,
        "currency": currency,
    }


# --- What callers send ----------------------------------------------------------------------------------


class InvoiceFilter(serializers.Serializer[Any]):
    """The query of the list."""

    status = serializers.ChoiceField(choices=list(STATES), required=False)
    q = serializers.CharField(required=False, max_length=200, help_text="In number or payer; or a trip's id.")
    since = serializers.DateField(required=False, help_text="Issued on this day or later.")
    until = serializers.DateField(required=False, help_text="Issued on this day or earlier.")
    trip = IdField(required=False)


class TripRequest(serializers.Serializer[Any]):
    trip_id = IdField()


class ReasonRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)


class ReissueRequest(ReasonRequest):
    distance_km = serializers.DecimalField(
        **KM, min_value=Decimal(0), required=False, allow_null=True, help_text="To correct it."
    )


class PaymentRequest(serializers.Serializer[Any]):
    amount = serializers.DecimalField(**MONEY, min_value=Decimal("0.01"))
    date = serializers.DateField()
    method = serializers.ChoiceField(choices=PaymentMethod.choices, default=PaymentMethod.TRANSFER)
    reference = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    expected_due = serializers.DecimalField(
        **MONEY, required=False, help_text="What you saw to be due: refused where it is not so any more."
    )


def new_payment(facts: dict[str, Any]) -> tuple[NewPayment, Decimal | None]:
    expected_due = facts.pop("expected_due", None)
    return NewPayment(**facts), expected_due


class PaymentCorrection(serializers.Serializer[Any]):
    """What is left out stays."""

    amount = serializers.DecimalField(**MONEY, min_value=Decimal("0.01"), required=False)
    date = serializers.DateField(required=False)
    method = serializers.ChoiceField(choices=PaymentMethod.choices, required=False)
    reference = serializers.CharField(max_length=100, required=False, allow_blank=True)
    expected_due = serializers.DecimalField(**MONEY, required=False)
