"""The paper: what it says is read back, and that it is drawn is looked at, pixel by pixel."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pypdfium2
import pytest

from logistics.billing import invoices, pdf
from logistics.billing.models import Invoice
from tests.logistics.billing.conftest import NOON, issue

pytestmark = pytest.mark.django_db
SCALE = 1  # pixels a point


@pytest.fixture(autouse=True)
def _letterhead(settings) -> None:
    settings.INVOICE_SELLER = "Narmada Transport"
    settings.INVOICE_SELLER_ADDRESS = ["12 Race Course Road", "Vadodara"]
    settings.INVOICE_BANK = ["Bank: Demo Bank", "Account: 000 123"]
    settings.INVOICE_TERMS = ["Payable without deduction."]


@contextmanager
def opened(invoice: Invoice) -> Iterator[pypdfium2.PdfDocument]:
    document = pypdfium2.PdfDocument(pdf.render(invoice))
    try:
        yield document
    finally:
        document.close()


def text_of(invoice: Invoice) -> str:
    with opened(invoice) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


def test_it_says_all_that_a_payer_needs(invoice):
    text = text_of(invoice)
    for words in (
        "Narmada Transport", "12 Race Course Road", "INV-2026-000001", "Asha Trivedi", "22 November 2026",
        "12 Alkapuri to SSG Hospital", "10 km", "2.50", "25.00", "75.00", "Tax 15 %", "11.25", "Total USD",
        "86.25", "Please pay 86.25 USD by 22 December 2026", "Account: 000 123", "Payable without deduction.",
        "Page 1 of 1",
    ):  # fmt: skip
        assert words in text


def test_it_is_drawn_on_one_page_within_its_margins(invoice):
    with opened(invoice) as document:
        assert len(document) == 1
        picture = document[0].render(scale=SCALE).to_pil().convert("L")
    left, top, right, bottom = picture.point(lambda grey: 255 * (grey < 250)).getbbox()
    width, height = picture.size
    assert left > 40
    assert right < width - 40  # points
    assert top < height / 8  # the letterhead
    assert bottom > height * 0.9  # the footer
    ink = sum(picture.histogram()[:128]) / (width * height)
    assert 0.005 < ink < 0.2


def test_a_company_is_not_told_whom_it_paid_for(completed, contract):
    text = text_of(issue(completed(contract=contract)))
    assert "Care Insurance" in text
    assert "Tower B" in text
    assert "GCI-14" in text
    for secret in ("Asha", "MRN", "Alkapuri"):
        assert secret not in text


def test_an_estimate_is_named(completed):
    assert "estimated: neither odometer nor recorded way" in text_of(issue(completed(odometer_end_km=None)))


def test_what_is_paid_or_void_asks_for_nothing(invoice):
    Invoice.objects.update(paid=Decimal(40))
    invoice.refresh_from_db()
    assert "Please pay 46.25 USD" in text_of(invoice)
    Invoice.objects.update(paid=Decimal("86.25"), status="paid")
    invoice.refresh_from_db()
    assert "Paid in full. Thank you." in text_of(invoice)
    Invoice.objects.update(paid=0, status="pending")
    void = invoices.void(invoice.pk, NOON, "misread")
    assert "This invoice is void" in text_of(void)
    assert "Please pay" not in text_of(void)


def test_names_in_any_script_and_small_print_of_pages(invoice, settings):
    settings.INVOICE_TERMS = ["Lorem ipsum dolor sit amet. " * 40] * 12
    invoice.payer_name = "Жанна & <Łódź> हि"
    text = text_of(invoice)
    assert "Жанна & <Łódź>" in text
    assert "Page 3 of 3" in text
