"""Fixes and events over REST: /api/trips/{id}/gps/ and /api/trips/{id}/events/."""

from typing import Any

from django.utils.timezone import now
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from ims.lib.api import BadRequest, field_messages
from ims.lib.ids import read_id
from logistics import trip_actions
from logistics.trips import feed, gps
from logistics.trips.api import OwnTrip
from logistics.trips.gps import NewFix
from logistics.trips.models import Trip
from logistics.trips.serializers import (
    EventsSerializer,
    FixesRequest,
    FixSerializer,
    IngestedSerializer,
    PointSerializer,
    TrackSerializer,
)

Fault = dict[str, Any]  # index, field and message of a fix that was refused


class GpsView(OwnTrip):
    """The way of a trip."""

    @extend_schema(
        tags=["trips"],
        operation_id="trips_gps_list",
        parameters=[OpenApiParameter("after", str, description="A time; only what was recorded later.")],
        responses=TrackSerializer,
    )
    def get(self, request: Request, pk: str) -> Response:
        """The fixes, oldest first, a thousand at most; of a long way every so many-th: `thinned`."""
        trip = self.own_trip(pk, is_whole=False)
        track = gps.track(trip, time_of(request.query_params.get("after", "")))
        rows = PointSerializer(track.points, many=True).data
        page = {"count": len(rows), "next": None, "previous": None, "results": rows}
        return Response({**page, "thinned": track.is_thinned, "recorded": track.recorded})

    @extend_schema(tags=["trips"], request=FixesRequest, responses={201: IngestedSerializer})
    def post(self, request: Request, pk: str) -> Response:
        """Send one fix, or a batch as `points`. A moment that is known already is counted and left alone.

        Of a batch the good fixes are kept, and the others named by their index, so that one bad fix does
        not hold up the rest for ever.
        """
        trip = self.own_trip(pk, is_whole=False)
        gps.check_takes_fixes(trip)
        points = sent(request)
        good, faults = sort_out(points, trip)
        if not good:
            raise exceptions.ValidationError({faults[0]["field"]: [faults[0]["message"]]})
        done = trip_actions.ingest(trip, good)
        answer = {"accepted": done.accepted, "duplicates": done.duplicates, "rejected": faults}
        return Response(answer, status.HTTP_201_CREATED)


def sent(request: Request) -> list[Any]:
    """What the caller sent as fixes: a list, an object with `points`, or one fix."""
    data = request.data
    points = data.get("points", [data]) if isinstance(data, dict) else data
    if not isinstance(points, list) or not points:
        raise BadRequest("points", "Give one fix, or a list of them.")
    if len(points) > gps.MOST_AT_ONCE:
        raise BadRequest("points", f"{len(points)} at once: give {gps.MOST_AT_ONCE} or fewer.")
    if len(points) > 1 and any(isinstance(each, dict) and "recorded_at" not in each for each in points):
        raise BadRequest("recorded_at", "Of a batch each fix needs its time.")
    return points


def sort_out(points: list[Any], trip: Trip) -> tuple[list[NewFix], list[Fault]]:
    """The fixes to keep, and what is wrong with the others."""
    good, faults, at = [], [], now()
    reader = FixSerializer()  # one for all: its fields are made only once
    for index, point in enumerate(points):
        try:
            fix = reader.run_validation(with_short_names(point))
        except exceptions.ValidationError as error:
            field, messages = next(iter(field_messages(error.detail).items()))
            faults.append({"index": index, "field": field, "message": messages[0]})
            continue
        if fault := gps.fault_of(fix, trip, at):
            faults.append({"index": index, "field": fault[0], "message": fault[1]})
        else:
            good.append(fix)
    return good, faults


def with_short_names(point: Any) -> Any:
    """`lat` and `lng` will do, as they are named in what we answer."""
    if not isinstance(point, dict):
        return point
    short = {"lat": "latitude", "lng": "longitude", "timestamp": "recorded_at"}
    return {short.get(name, name): value for name, value in point.items()}


def time_of(text: str) -> Any:
    return serializers.DateTimeField().to_internal_value(text.replace(" ", "+")) if text else None


class EventsView(OwnTrip):
    """What those without a stream ask every few seconds."""

    @extend_schema(
        tags=["trips"],
        parameters=[OpenApiParameter("after", int, description="The `last` of the previous answer.")],
        responses=EventsSerializer,
    )
    def get(self, request: Request, pk: str) -> Response:
        """The events after a number, in order; without a number only where they stand."""
        trip = self.own_trip(pk, is_whole=False)
        return Response(events_after(trip, request.query_params.get("after", "")))


def events_after(trip: Trip, after: str) -> dict[str, Any]:
    if not after:
        last = feed.newest(trip.pk)
        return {"count": 0, "results": [], "last": last, "reset": False}
    number = read_id(after)
    if number is None:
        raise BadRequest("after", "Give the number of the last event that you have, e.g. 42.")
    page = feed.read(trip.pk, number)
    results = [{"id": event.number, **feed.as_json(event)} for event in page.events]
    return {"count": len(results), "results": results, "last": page.last, "reset": page.is_reset}
