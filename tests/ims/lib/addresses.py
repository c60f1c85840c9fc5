"""Addresses for test_api.py: one view for each thing that can go wrong."""

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, ProgrammingError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_protect
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from ims.accounts import roles
from ims.lib.api import BadRequest, HasRole


class Staff(HasRole):
    read = (roles.OPERATIONS, roles.READ_ONLY)
    act = (roles.OPERATIONS,)


class ParcelSerializer(serializers.Serializer):
    number = serializers.CharField(max_length=5)


class OrderSerializer(serializers.Serializer):
    order_id = serializers.CharField()
    parcels = ParcelSerializer(many=True)

    def validate(self, attrs: dict) -> dict:
        if attrs["order_id"] == "taken":
            raise serializers.ValidationError("This order exists. Choose another order_id.")
        return attrs


class OrdersView(APIView):
    permission_classes = (Staff,)

    def get(self, request: Request) -> Response:
        return Response({})

    def post(self, request: Request) -> Response:
        order = OrderSerializer(data=request.data)
        order.is_valid(raise_exception=True)
        return Response(order.validated_data)


class OncePerMinute(UserRateThrottle):
    rate = "1/min"


class ThrottledView(OrdersView):
    throttle_classes = (OncePerMinute,)


class RaisingView(APIView):
    def get(self, request: Request, what: str) -> Response:
        broken_off = ProgrammingError("a secret of the database")
        broken_off.__cause__ = OperationalError()
        raise {
            "missing": Http404(),
            "named": Http404("No order has the id 7."),
            "forbidden": PermissionDenied(),
            "bad": BadRequest("interval", "Give whole minutes from 1 to 32767."),
            "crash": RuntimeError("a secret of the database"),
            "broken-off": broken_off,
            "away": OperationalError("a secret of the database"),
        }[what]


def plain_crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret of the database")


urlpatterns = [
    path("api/orders/", OrdersView.as_view()),
    path("api/masterdata/tracking/orders/", OrdersView.as_view()),
    path("api/throttled/", ThrottledView.as_view()),
    path("api/raise/<what>/", RaisingView.as_view()),
    path("api/plain/", lambda request: HttpResponse("seen")),
    path("api/plain-crash/", login_not_required(plain_crash)),
    path("api/csrf/", login_not_required(csrf_protect(lambda request: HttpResponse("done")))),
    path("page/", lambda request: HttpResponse("seen")),
]

handler500 = "ims.web.errors.server_error"
