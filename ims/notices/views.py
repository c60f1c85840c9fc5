"""The bell and the page of one's own notices. Another person's notice does not exist: 404."""

from typing import Any, NamedTuple

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from ims.notices import kinds, services
from ims.notices.models import Notice
from ims.web import live

ROWS = 50  # on a page


class KindRow(NamedTuple):
    kind: kinds.Kind
    muted: bool


@require_safe
def bell(request: HttpRequest) -> HttpResponse:
    """The bell's number; nothing while it is the one that the page shows."""
    unread = services.unread(request.user)
    context = {"bell": unread, "seen": unread.version}
    return live.part(request, "notices/parts/bell_changed.html", context, event="notices:changed")


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """One's own notices, newest first; as a fragment, the rows alone."""
    only_unread = request.GET.get("unread") == "1"
    own = Notice.objects.filter(user=request.user)
    found = own.filter(read_at=None) if only_unread else own
    page = Paginator(found, ROWS).get_page(request.GET.get("page"))
    context = {"page_obj": page, "only_unread": only_unread}
    if request.htmx:
        return render(request, "notices/parts/rows.html", context)
    return render(request, "notices/notices.html", {**context, "kinds": kind_rows(request)})


def kind_rows(request: HttpRequest) -> list[KindRow]:
    muted = services.muted_kinds(request.user)
    return [KindRow(kind, kind.name in muted) for kind in kinds.kinds_for(request.user)]


@require_safe
def open_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """Go to what a notice is about; who has looked at it has read it."""
    notice = get_object_or_404(Notice, pk=pk, user=request.user)
    services.mark_read(request.user, [pk])
    return redirect(notice.url or "notices:notices")


@require_POST
def read_one(request: HttpRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(Notice, pk=pk, user=request.user)
    services.mark_read(request.user, [notice.pk])
    return back(request)


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    services.mark_read(request.user, "all")
    return back(request)


@require_POST
def change_mute(request: HttpRequest, kind: str) -> HttpResponse:
    """Mute a kind of notice, or unmute it."""
    if not kinds.known(kind):
        raise Http404
    change: Any = services.unmute if request.POST.get("muted") == "0" else services.mute
    change(request.user, kind)
    return back(request)


def back(request: HttpRequest) -> HttpResponse:
    """To the page of notices, with the filter that was on."""
    query = request.GET.urlencode()
    return redirect(reverse("notices:notices") + (f"?{query}" if query else ""))
