"""How a notice looks."""

from django import template

from ims.notices import kinds
from ims.notices.models import Notice

register = template.Library()


@register.filter
def kind_of(notice: Notice) -> kinds.Kind:
    return kinds.get(notice.kind)
