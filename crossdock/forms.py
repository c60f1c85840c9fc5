"""What people fill in on the pages of price requests."""

from django import forms
from django.utils.translation import gettext_lazy as _

from crossdock.keys import LONGEST
from crossdock.models import Status, Supplier, TaskComment
from crossdock.queries import groups
from ims.web import filters

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


class RequestFilter(filters.Filter):
    q = filters.search(_("File, group or owner"), _("Search by file, group or owner"))
    status = filters.choice(_("State"), _("All states"), Status.choices)
    owner = filters.choice(_("Owner"), _("Everyone"), [("mine", _("Mine"))])


class CommentForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for mypy only
    class Meta:
        model = TaskComment
        fields = ("text",)
        labels = {"text": _("Comment")}
        widgets = {"text": forms.Textarea({"rows": 2})}


class LookUpForm(forms.Form):
    brand = forms.CharField(label=_("Brand"), max_length=LONGEST)
    article = forms.CharField(label=_("Article"), max_length=LONGEST)
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
