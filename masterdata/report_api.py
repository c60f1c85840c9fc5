"""The report over REST: GET /api/masterdata/tracking/report/."""

from typing import Any

from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.accounts import roles
from ims.lib.api import HasRole
from masterdata import reports
from masterdata.models import Parcel
from masterdata.statuses import TransitStatus

MOST_LATE = 200  # rows; the file late.csv has all


class ReportPermission(HasRole):
    """Any staff role may look."""

    read = roles.STAFF


class ReportQuery(serializers.Serializer[Any]):
    days = serializers.ChoiceField(
        reports.PERIODS, default=reports.DEFAULT_PERIOD, help_text="The period: the last 7, 30 or 90 days."
    )


class CourierLineSerializer(serializers.Serializer[Any]):
    """Days are null where nothing was delivered; on_the_way, late and problems are of now."""

    courier = serializers.CharField(source="code", allow_null=True)
    name = serializers.CharField()
    delivered = serializers.IntegerField()
    median_days = serializers.FloatField(allow_null=True)
    p90_days = serializers.FloatField(allow_null=True)
    on_the_way = serializers.IntegerField()
    late = serializers.IntegerField()
    problems = serializers.IntegerField()


class LateParcelSerializer(serializers.ModelSerializer[Parcel]):
    order_id = serializers.CharField(source="slip.order_id")
    packing_slip_id = serializers.IntegerField(source="slip_id")
    status = serializers.ChoiceField(TransitStatus.choices)
    started_at = serializers.DateTimeField()

    class Meta:
        model = Parcel
        fields = (
            "order_id",
            "packing_slip_id",
            "number",
            "courier_code",
            "status",
            "started_at",
            "last_event_at",
        )


class TrackingReport(serializers.Serializer[Any]):
    days = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    total = CourierLineSerializer()
    couriers = CourierLineSerializer(many=True)
    late = LateParcelSerializer(many=True, help_text="The 200 that are longest on their way.")


class TrackingReportView(APIView):
    """Days in transit and deliveries per courier, and what is late."""

    permission_classes = (ReportPermission,)

    @extend_schema(tags=["tracking"], parameters=[ReportQuery], responses=TrackingReport)
    def get(self, request: Request) -> Response:
        wanted = ReportQuery(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        report = reports.report(wanted.validated_data["days"], now())
        return Response(
            {
                "days": report.days,
                "since": report.since,
                "until": report.until,
                "total": CourierLineSerializer(report.total).data,
                "couriers": CourierLineSerializer(report.couriers, many=True).data,
                "late": LateParcelSerializer(reports.late(report.until)[:MOST_LATE], many=True).data,
            }
        )
