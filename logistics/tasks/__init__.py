"""Background jobs of dispatch, trips and billing, and the queue of each.

What follows from a change is enqueued in the change's own transaction, so that neither is lost without the
other, and nobody is told of what did not happen. A task's path names this package alone (logistics.tasks.…),
as jobs, schedules and outside code know it, whichever module holds it.
"""

from django.conf import settings

from logistics.tasks.billing import generate_invoice, process_overdue_invoices, send_invoice_email
from logistics.tasks.dispatch_news import (
    notify_driver_offer_withdrawn,
    notify_driver_trip_offer,
    notify_eic_assignment_escalated,
    notify_eic_assignment_expired,
    notify_eic_driver_rejected,
    notify_eic_new_request,
    notify_eic_trip_accepted,
)
from logistics.tasks.housekeeping import close_tokens_and_shifts, prune_notifications
from logistics.tasks.offers import (
    check_expired_driver_assignments,
    expire_batch,
    expire_now,
    expire_offer,
    follow,
    serve_queue,
    serve_queues_of,
    serve_waiting_queues,
)
from logistics.tasks.people import (
    send_daily_digest,
    send_daily_digests,
    send_notification,
    send_welcome_email,
)
from logistics.tasks.policy import MAIL
from logistics.tasks.trips import (
    broadcast_gps_update,
    broadcast_trip_status,
    check_trip_timeouts,
    cleanup_old_gps_data,
    follow_move,
    notify_trip_timed_out,
    process_trip_completion,
    send_trip_assignment_notification,
    send_trip_withdrawn_notification,
)

if settings.DEBUG:
    from logistics.tasks.housekeeping import live_demo_dispatch  # noqa: F401 - a worker finds it here

__all__ = [
    "MAIL",
    "broadcast_gps_update",
    "broadcast_trip_status",
    "check_expired_driver_assignments",
    "check_trip_timeouts",
    "cleanup_old_gps_data",
    "close_tokens_and_shifts",
    "expire_batch",
    "expire_now",
    "expire_offer",
    "follow",
    "follow_move",
    "generate_invoice",
    "notify_driver_offer_withdrawn",
    "notify_driver_trip_offer",
    "notify_eic_assignment_escalated",
    "notify_eic_assignment_expired",
    "notify_eic_driver_rejected",
    "notify_eic_new_request",
    "notify_eic_trip_accepted",
    "notify_trip_timed_out",
    "process_overdue_invoices",
    "process_trip_completion",
    "prune_notifications",
    "send_daily_digest",
    "send_daily_digests",
    "send_invoice_email",
    "send_notification",
    "send_trip_assignment_notification",
    "send_trip_withdrawn_notification",
    "send_welcome_email",
    "serve_queue",
    "serve_queues_of",
    "serve_waiting_queues",
]
