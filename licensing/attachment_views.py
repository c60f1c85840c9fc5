"""Papers: attach, fetch, remove."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ims.accounts import roles
from ims.submissions.once import Refused, once
from ims.web.access import needs_role
from licensing import attachments
from licensing.attachments import NotAPaper
from licensing.forms import AttachmentForm
from licensing.models import Attachment, BillOfEntry, License
from licensing.rules import LOOK

OWNERS = {"licence": License, "boe": BillOfEntry}


@require_POST
@needs_role(roles.LICENCE_MANAGER)
@once
def attach(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    if kind not in OWNERS:
        raise Http404
    owner = get_object_or_404(OWNERS[kind], pk=pk)
    form = AttachmentForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, _("Paper: choose a file."))
        return Refused(owner.get_absolute_url())
    file = form.cleaned_data["file"]
    try:
        attachments.keep(file.file, file.name, file.size, owner, request.user)
    except NotAPaper as error:
        messages.error(request, str(error))
        return Refused(owner.get_absolute_url())
    messages.success(request, _("Attached."))
    return redirect(owner)


@require_safe
@needs_role(*LOOK)
def attachment(request: HttpRequest, pk: int) -> FileResponse:
    return attachments.download(get_object_or_404(Attachment, pk=pk))


@require_POST
@needs_role(roles.LICENCE_MANAGER)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    kept = get_object_or_404(Attachment, pk=pk)
    owner = kept.license or kept.bill_of_entry
    attachments.remove(kept, request.user)
    messages.success(request, _("Removed."))
    return redirect(owner)  # type: ignore[arg-type]
