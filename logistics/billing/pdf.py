"""An invoice on paper: letterhead, payer, lines, total, how to pay, page numbers."""

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.conf import settings
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from ims.lib.local_time import local_day
from ims.lib.pdf_fonts import BOLD, TEXT, marked_up
from logistics.billing.models import Invoice, InvoiceStatus

INK, GREY, LINE, TINT, ACCENT = (
    HexColor(code) for code in ("#1a1d21", "#5f6872", "#d8dde3", "#f3f6fa", "#1f5fbf")
)
MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN
BODY = ParagraphStyle("body", fontName=TEXT, fontSize=10, leading=14, textColor=INK)
SMALL = ParagraphStyle("small", BODY, fontSize=8.5, leading=12, textColor=GREY)
SELLER = ParagraphStyle("seller", BODY, fontName=BOLD, fontSize=15, leading=20)
TITLE = ParagraphStyle("title", BODY, fontName=BOLD, fontSize=24, leading=30)
STRONG = ParagraphStyle("strong", BODY, fontName=BOLD)
GRAND = ParagraphStyle("grand", STRONG, fontSize=13, leading=17)
STATES = {
    InvoiceStatus.PAID: ("PAID", HexColor("#1c7c43")),
    InvoiceStatus.VOID: ("VOID", HexColor("#b3261e")),
}


def render(invoice: Invoice) -> bytes:
    """Alike whenever it is asked for, but for its state and what was paid."""
    file = BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=18 * mm,
        bottomMargin=24 * mm,
        title=f"Invoice {invoice}",
        author=settings.INVOICE_SELLER,
        invariant=1,
    )
    parts = [
        letterhead(),
        Spacer(1, 12 * mm),
        heading(invoice),
        Spacer(1, 10 * mm),
        lines(invoice),
        sums(invoice),
        Spacer(1, 10 * mm),
        KeepTogether([how_to_pay(invoice)]),
        *(paragraph(line, SMALL, spaceBefore=4 * mm, leftIndent=-6) for line in settings.INVOICE_TERMS),
    ]
    document.build(parts, canvasmaker=numbered(invoice))
    return file.getvalue()


# --- The parts, from top to bottom ----------------------------------------------------------------------


def letterhead() -> Table:
    address = [*settings.INVOICE_SELLER_ADDRESS, settings.INVOICE_SELLER_EMAIL]
    right = [paragraph(line, right_of(SMALL)) for line in address if line]
    look = [("LINEBELOW", (0, 0), (-1, 0), 1.2, ACCENT), ("BOTTOMPADDING", (0, 0), (-1, -1), 8)]
    return table([[paragraph(settings.INVOICE_SELLER, SELLER), right]], (0.5, 0.5), look)


def heading(invoice: Invoice) -> Table:
    payer = [paragraph("Billed to", SMALL), paragraph(invoice.payer_name, STRONG)]
    payer += [paragraph(line) for line in invoice.payer_address.splitlines() if line.strip()]
    facts = [
        ("Invoice", invoice.invoice_number),
        ("Date", day(invoice.issued_on)),
        ("Due", day(invoice.due_date)),
        ("Contract", invoice.contract.number if invoice.contract else ""),
        ("Replaces", str(invoice.replaces or "")),
    ]
    rows = [[paragraph(name, SMALL), paragraph(value, right_of(STRONG))] for name, value in facts if value]
    box = table(rows, (0.16, 0.26), [("LINEBELOW", (0, 0), (-1, -2), 0.4, LINE)], padding=3)
    return table([[[paragraph("Invoice", TITLE), Spacer(1, 4 * mm), *payer], box]], (0.58, 0.42))


def lines(invoice: Invoice) -> Table:
    """What was done; each line adds up to the cent."""
    titles = [
        paragraph("Description", SMALL),
        *(cell(word, SMALL) for word in ("Quantity", "Price", "Amount")),
    ]
    base = [about(invoice), cell("1"), cell(amount(invoice.base_fee)), cell(amount(invoice.base_fee))]
    way = [
        [paragraph("Distance"), paragraph(distance_words(invoice), SMALL)],
        cell(f"{plain(invoice.distance_km)} km"),
        cell(plain(invoice.price_per_km, 2)),
        cell(amount(invoice.distance_fee)),
    ]
    look = [("LINEBELOW", (0, 0), (-1, 0), 0.8, INK), ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE)]
    return table([titles, base, way], (0.52, 0.16, 0.15, 0.17), look, padding=6)


def about(invoice: Invoice) -> list[Paragraph]:
    """The trip. A company is told neither whom it was for nor where he lives."""
    trip = invoice.trip
    words = "Delivery" if trip.stock_request_id else "Transport"
    when = trip.completed_at or trip.scheduled_pickup_time or trip.created_at
    facts = [f"Trip {trip.pk}, {day(local_day(when))}"]
    if trip.vehicle:
        facts.append(f"vehicle {trip.vehicle.registration}")
    found = [paragraph(f"{words}, base fee"), paragraph(", ".join(facts), SMALL)]
    if (invoice.patient_id or trip.stock_request_id) and (trip.pickup_place or trip.dropoff_place):
        found.append(paragraph(f"{trip.pickup_place or '—'} to {trip.dropoff_place or '—'}", SMALL))
    return found


def sums(invoice: Invoice) -> Table:
    tax = f"{settings.INVOICE_TAX_NAME} {plain(invoice.tax_percent)} %"
    rows = [
        ["", paragraph("Subtotal"), cell(amount(invoice.subtotal))],
        ["", paragraph(tax), cell(amount(invoice.tax))],
        ["", paragraph(f"Total {invoice.currency}", GRAND), cell(amount(invoice.total), GRAND)],
    ]
    look = [("LINEABOVE", (1, 2), (-1, 2), 0.8, INK)]
    if invoice.paid:
        rows.append(["", paragraph("Paid so far"), cell(f"−{amount(invoice.paid)}")])
        rows.append(["", paragraph("Still to pay", STRONG), cell(amount(invoice.due), STRONG)])
    return table(rows, (0.52, 0.26, 0.22), look, padding=4)


def how_to_pay(invoice: Invoice) -> Table:
    if invoice.status == InvoiceStatus.VOID:
        told = [paragraph("This invoice is void: nothing is to be paid on it.", STRONG)]
    elif not invoice.due:
        told = [paragraph("Paid in full. Thank you.", STRONG)]
    else:
        when = "at once: it was due on" if invoice.status == InvoiceStatus.OVERDUE else "by"
        ask = f"Please pay {amount(invoice.due)} {invoice.currency} {when} {day(invoice.due_date)}."
        told = [
            paragraph(ask, STRONG),
            *(paragraph(line) for line in settings.INVOICE_BANK),
            paragraph(f"Reference: {invoice.invoice_number}"),
        ]
    look = [("BACKGROUND", (0, 0), (-1, -1), TINT), ("LINEBEFORE", (0, 0), (0, -1), 2, ACCENT)]
    return table([[told]], (1,), look, padding=10)


# --- Words and figures ----------------------------------------------------------------------------------


def distance_words(invoice: Invoice) -> str:
    words = str(invoice.get_distance_source_display())
    return f"{words}: neither odometer nor recorded way" if invoice.is_estimated else words


def amount(value: Decimal) -> str:
    return f"{value:,.2f}"


def plain(value: Decimal, places: int = 0) -> str:
    """Without zeros at its end, but for so many places."""
    text = f"{value:,f}".rstrip("0") if "." in f"{value:f}" else f"{value:,f}."
    whole, _, rest = text.partition(".")
    rest = rest.ljust(places, "0")
    return f"{whole}.{rest}" if rest else whole


def day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"


# --- Paper ----------------------------------------------------------------------------------------------


def paragraph(text: object, style: ParagraphStyle = BODY, **changes: object) -> Paragraph:
    return Paragraph(marked_up(str(text)), ParagraphStyle(style.name, style, **changes) if changes else style)


def right_of(style: ParagraphStyle) -> ParagraphStyle:
    return ParagraphStyle(f"{style.name}-right", style, alignment=TA_RIGHT)


def cell(text: str, style: ParagraphStyle = BODY) -> Paragraph:
    return paragraph(text, right_of(style))


def table(
    rows: list[list[Any]], shares: tuple[float, ...], look: list[Any] | None = None, padding: float = 0
) -> Table:
    """Columns by their shares of the width."""
    paddings = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), padding),
        ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
        ("LEFTPADDING", (0, 0), (-1, -1), padding if len(shares) == 1 else 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), padding if len(shares) == 1 else 0),
    ]
    return Table(rows, colWidths=[share * WIDTH for share in shares], style=[*paddings, *(look or [])])


def numbered(invoice: Invoice) -> type[Canvas]:
    """A canvas that knows at the end how many pages there are, and puts a footer on each."""

    class Numbered(Canvas):  # type: ignore[misc]  # reportlab has no types
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            self.pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self.pages, start=1):
                self.__dict__.update(page)
                footer(self, invoice, number, len(self.pages))
                super().showPage()
            super().save()

    return Numbered


def footer(canvas: Canvas, invoice: Invoice, number: int, count: int) -> None:
    canvas.setStrokeColor(LINE)
    canvas.line(MARGIN, 16 * mm, A4[0] - MARGIN, 16 * mm)
    canvas.setFont(TEXT, 8)
    canvas.setFillColor(GREY)
    canvas.drawString(MARGIN, 11 * mm, f"{settings.INVOICE_SELLER} · Invoice {invoice}")
    canvas.drawRightString(A4[0] - MARGIN, 11 * mm, f"Page {number} of {count}")
    if invoice.status in STATES:
        stamp(canvas, *STATES[InvoiceStatus(invoice.status)])


def stamp(canvas: Canvas, word: str, colour: Any) -> None:
    canvas.saveState()
    canvas.translate(A4[0] / 2, A4[1] / 2)
    canvas.rotate(30)
    canvas.setFillColor(colour, alpha=0.12)
    canvas.setFont(BOLD, 120)
    canvas.drawCentredString(0, -40, word)
    canvas.restoreState()
