"""The price of one part, without a file."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from crossdock import queries, rules
from crossdock.forms import LookUpForm
from crossdock.pricing import Pricer
from ims.web.access import needs_role


@require_safe
@needs_role(*rules.LOOK)
def look_up(request: HttpRequest) -> HttpResponse:
    """The best offers for one part, as the address asks for it."""
    form = LookUpForm(request.GET or None)
    context = {"form": form, "groups": queries.groups()}
    if form.is_valid():
        asked = form.cleaned_data
        pricer = Pricer(asked["supplier_group"], now())
        part = pricer.part(asked["brand"], asked["article"])
        found = pricer.best([part]).get(part, [])
        context |= {
            "asked": asked,
            "found": found,
            "pricer": pricer,
            "freshness": queries.freshness(asked["supplier_group"]),
        }
    return render(request, "crossdock/look_up.html", context)
