"""Spreadsheets that people bring in: tried first, shown with what they would do, written when confirmed.

models.py   the row of an upload, to be subclassed by each app
rows.py     columns by their headings, cells as values, errors by row and column
writing.py  the rows of a file in batches, each in a transaction of its own
report.py   what an import does, or would do
uploads.py  an upload's life: kept, confirmed, written, forgotten
"""
