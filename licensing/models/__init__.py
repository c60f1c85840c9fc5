"""Licences, what is reserved and debited of them, and what is on record about that."""

from licensing.models.ledger import (
    Allotment,
    AllotmentItem,
    BillOfEntry,
    BOEAllotment,
    BOERow,
    TransactionType,
)
from licensing.models.licences import ExportItem, ImportItem, License, PurchaseStatus
from licensing.models.records import Attachment, LedgerChange, SheetImport, SyncRun

__all__ = [
    "Allotment",
    "AllotmentItem",
    "Attachment",
    "BOEAllotment",
    "BOERow",
    "BillOfEntry",
    "ExportItem",
    "ImportItem",
    "LedgerChange",
    "License",
    "PurchaseStatus",
    "SheetImport",
    "SyncRun",
    "TransactionType",
]
