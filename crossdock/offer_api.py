"""Suppliers' price lists over REST: /api/cross-dock/offer-imports/."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import parsers, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from crossdock import offer_actions, rules
from crossdock.models import OfferImport, Supplier
from ims.lib.api import BadRequest, HasRole
from ims.lib.sheets import SheetError


class Suppliers(HasRole):
    """Who brings in offers."""

    read = act = rules.SUPPLY


class OfferImportSerializer(serializers.ModelSerializer[OfferImport]):
    supplier = serializers.CharField(source="supplier.supid", default=None, read_only=True, allow_null=True)
    user = serializers.CharField(source="user.username", default=None, read_only=True, allow_null=True)
    state = serializers.SerializerMethodField(help_text="running, failed or done")
    error = serializers.SerializerMethodField(help_text="Why it failed.")

    class Meta:
        model = OfferImport
        fields = ("id", "name", "supplier", "user", "state", "error", "report", "created_at", "finished_at")
        read_only_fields = fields

    def get_state(self, chosen: OfferImport) -> str:
        return str(offer_actions.state_of(chosen)["state"])

    def get_error(self, chosen: OfferImport) -> str:
        return str(offer_actions.state_of(chosen).get("error", ""))


class OfferImportRequest(serializers.Serializer[Any]):
    """A price list, as multipart/form-data."""

    file = serializers.FileField(
        allow_empty_file=True, help_text=".xlsx, .xls or .csv with brand, article, price and quantity."
    )
    supplier = serializers.SlugRelatedField(
        slug_field="supid",
        queryset=Supplier.objects.all(),
        required=False,
        help_text="The code of the supplier whose list it is; else a column tells.",
    )


@extend_schema(tags=["cross-dock"])
class OfferImportViewSet(viewsets.ReadOnlyModelViewSet[OfferImport]):
    """Imports of price lists, newest first, each with its report: rows written, and what was wrong where."""

    permission_classes = (Suppliers,)
    parser_classes = (parsers.MultiPartParser,)
    queryset = OfferImport.objects.select_related("supplier", "user")
    serializer_class = OfferImportSerializer
    lookup_value_regex = r"\d+"

    @extend_schema(
        request={"multipart/form-data": OfferImportRequest}, responses={201: OfferImportSerializer}
    )
    def create(self, request: Request) -> Response:
        """Bring in a price list, in the background; the newest offer of each part stays."""
        asked = OfferImportRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        file = asked.validated_data["file"]
        try:
            kept = offer_actions.begin(
                file.file, file.name, asked.validated_data.get("supplier"), request.user
            )
        except SheetError as error:
            raise BadRequest("file", str(error)) from error
        return Response(OfferImportSerializer(kept).data, status.HTTP_201_CREATED)
