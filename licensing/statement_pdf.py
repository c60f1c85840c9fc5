"""The ledger of a licence as a PDF: facts, entries with a running balance, page numbers."""

from decimal import Decimal
from io import BytesIO
from typing import Any

from django.utils.timezone import now
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from ims.lib.pdf_fonts import BOLD, TEXT, marked_up
from licensing.balances import INDIA
from licensing.models import License
from licensing.statement import Line

STYLES = getSampleStyleSheet()
TITLE = ParagraphStyle("title", STYLES["Title"], fontName=BOLD)
FACTS = ParagraphStyle("facts", STYLES["Normal"], fontName=TEXT)
SMALL = ParagraphStyle("small", STYLES["BodyText"], fontName=TEXT, fontSize=8, leading=10, spaceBefore=0)
RIGHT = ParagraphStyle("right", SMALL, alignment=TA_RIGHT)
HEADINGS = ("Date", "Entry", "Quantity", "Credit USD", "Debit or allotted USD", "Balance USD")
FIRST_NUMBER = 2  # column, from which on cells stand right
WIDTHS = (21 * mm, 62 * mm, 28 * mm, 24 * mm, 27 * mm, 26 * mm)
LOOK = TableStyle(
    [
        ("FONT", (0, 0), (-1, -1), TEXT, 8),
        ("ALIGN", (FIRST_NUMBER, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.lightgrey),
    ]
)


def pdf(licence: License, lines: list[Line]) -> bytes:
    file = BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=11 * mm,
        rightMargin=11 * mm,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title=f"Ledger of licence {licence}",
        author="IMS",
    )
    rows: list[list[Any]] = [
        [
            Paragraph(f"<b>{heading}</b>", SMALL if place < FIRST_NUMBER else RIGHT)
            for place, heading in enumerate(HEADINGS)
        ]
    ]
    rows += [cells(line) for line in lines]
    document.build(
        [
            Paragraph(f"Ledger of licence {marked_up(str(licence))}", TITLE),
            Paragraph(marked_up(facts(licence)), FACTS),
            Spacer(1, 5 * mm),
            Table(rows, colWidths=WIDTHS, repeatRows=1, style=LOOK),
        ],
        onFirstPage=footer,
        onLaterPages=footer,
    )
    return file.getvalue()


def facts(licence: License) -> str:
    parts = [
        licence.exporter,
        f"port {licence.port}" if licence.port else "",
        f"of {licence.license_date:%d.%m.%Y}" if licence.license_date else "",
        f"good until {licence.expiry_date:%d.%m.%Y}" if licence.expiry_date else "without an expiry date",
        f"balance {licence.balance_cif:,.2f} USD",
        f"overdrawn by {licence.overdrawn_cif:,.2f} USD" if licence.overdrawn_cif else "",
    ]
    return " · ".join(part for part in parts if part)


def cells(line: Line) -> list[Any]:
    quantity = marked_up(f"{line.quantity:,.3f} {line.unit}") if line.quantity else ""
    return [
        f"{line.day:%d.%m.%Y}",
        Paragraph(marked_up(line.text), SMALL),
        Paragraph(quantity, RIGHT),
        amount(line.credit),
        amount(line.taken),
        amount(line.balance),
    ]


def amount(value: Decimal | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def footer(canvas: Any, document: Any) -> None:
    moment = now().astimezone(INDIA)
    canvas.setFont(TEXT, 8)
    canvas.drawString(11 * mm, 9 * mm, f"IMS, {moment:%d.%m.%Y %H:%M} IST")
    canvas.drawRightString(A4[0] - 11 * mm, 9 * mm, f"Page {document.page}")
