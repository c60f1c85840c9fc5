"""What people fill in on the pages of price requests."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crossdock.keys import LONGEST
from crossdock.models import Status, Supplier, TaskComment
from crossdock.queries import groups

SHEETS = ".xlsx,.xls,.csv"


class GroupField(forms.ChoiceField):
    """One of the groups of suppliers there are, by name."""

    def __init__(self) -> None:
        super().__init__(label=_("Supplier group"), choices=lambda: [(name, name) for name in groups()])


class RequestForm(forms.Form):
    file = forms.FileField(
        label=_("Spreadsheet"),
        help_text=_(".xlsx, .xls or .csv, up to 50 MB, with the columns “Бренд” and “Артикул”."),
        widget=forms.FileInput({"accept": SHEETS}),
        allow_empty_file=True,  # told by the reader, in the same words as everywhere
    )
    supplier_group = GroupField()


class RequestFilter(forms.Form):
    """The filters of the list, which live in its address; a value that is none of them counts as absent."""

    q = forms.CharField(required=False, max_length=200)
    status = forms.ChoiceField(required=False, choices=[("", _("All states")), *Status.choices])
    owner = forms.ChoiceField(required=False, choices=[("", _("Everyone")), ("mine", _("Mine"))])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        search = {"type": "search", "placeholder": _("File, group or owner"), "aria-label": _("Search")}
        self.fields["q"].widget = forms.TextInput(search)
        self.fields["status"].widget.attrs["aria-label"] = _("State")
        self.fields["owner"].widget.attrs["aria-label"] = _("Owner")

    @property
    def wanted(self) -> dict[str, str]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class CommentForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for mypy only
    class Meta:
        model = TaskComment
        fields = ("text",)
        labels = {"text": _("Comment")}
        widgets = {"text": forms.Textarea({"rows": 2})}


class LookUpForm(forms.Form):
    brand = forms.CharField(label="Бренд", max_length=LONGEST)
    article = forms.CharField(label="Артикул", max_length=LONGEST)
    supplier_group = GroupField()


class OfferImportForm(forms.Form):
    file = forms.FileField(
        label=_("Price list"),
        help_text=_(".xlsx, .xls or .csv with “Бренд”, “Артикул”, “Цена” and “Количество”."),
        widget=forms.FileInput({"accept": SHEETS}),
        allow_empty_file=True,
    )
    supplier = forms.ModelChoiceField(
        Supplier.objects.all(),
        label=_("Supplier"),
        to_field_name="supid",
        required=False,
        empty_label=_("As the column “Поставщик” says"),
    )
