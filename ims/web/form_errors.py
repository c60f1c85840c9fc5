"""What is wrong with a form, as one sentence: for buttons that lead back to a page without the form."""

from django import forms


def complaint(form: forms.BaseForm) -> tuple[str, str]:
    """The first field that is wrong, and what is, with the name that people know; no field: the whole."""
    field, errors = next(iter(form.errors.items()))
    if field not in form.fields:
        return "", str(errors[0])
    return field, f"{form[field].label}: {errors[0]}"
