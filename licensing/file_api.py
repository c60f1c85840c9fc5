"""Files of licences over REST: scanned papers, and spreadsheets in and out."""

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, parsers, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.imports.uploads import state_of
from ims.lib.api import BadRequest, JSONParser
from ims.lib.ids import IdField
from ims.lib.sheets import SheetError
from ims.submissions.once import idempotent
from ims.web.spreadsheets import XLSX, download
from licensing import attachments, importing, sheet_actions
from licensing.api import LicencePermission
from licensing.attachments import NotAPaper
from licensing.models import Attachment, BillOfEntry, License, SheetImport
from licensing.rules import ACT
from licensing.serializers import LicenseFilter
from licensing.sheets import KINDS

FILES = (JSONParser, parsers.MultiPartParser)


class ManagerPermission(LicencePermission):
    """Imports are for those who may write."""

    read = ACT


# --- Papers ---------------------------------------------------------------------------------------------


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    user = serializers.CharField(source="user.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Attachment
        fields = ("id", "license", "bill_of_entry", "name", "user", "created_at")


class AttachmentRequest(serializers.Serializer[Any]):
    """A paper of a licence or of a bill of entry, as multipart/form-data."""

    file = serializers.FileField(help_text="PDF, PNG or JPEG, up to 10 MB.")
    license = serializers.PrimaryKeyRelatedField(queryset=License.objects.all(), required=False)
    bill_of_entry = serializers.PrimaryKeyRelatedField(queryset=BillOfEntry.objects.all(), required=False)

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if ("license" in asked) == ("bill_of_entry" in asked):
            raise serializers.ValidationError(
                {"license": "Give either a licence or a bill of entry (bill_of_entry)."}
            )
        return asked


class AttachmentFilter(serializers.Serializer[Any]):
    """The query of the list."""

    license = IdField(required=False)
    bill_of_entry = IdField(required=False)


@extend_schema(tags=["licences"])
@extend_schema_view(list=extend_schema(parameters=[AttachmentFilter]))
class AttachmentViewSet(mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet[Attachment]):
    """Scanned papers of licences and bills of entry."""

    permission_classes = (LicencePermission,)
    parser_classes = FILES
    queryset = Attachment.objects.select_related("user").order_by("pk")
    serializer_class = AttachmentSerializer
    lookup_value_regex = r"\d+"

    def get_queryset(self) -> QuerySet[Attachment]:
        if self.action != "list":
            return super().get_queryset()
        wanted = AttachmentFilter(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        return super().get_queryset().filter(**wanted.validated_data)

    @extend_schema(request={"multipart/form-data": AttachmentRequest}, responses={201: AttachmentSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Attach a paper; what it is is told by its content, not by its name."""
        asked = AttachmentRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        file = asked.validated_data["file"]
        owner = asked.validated_data.get("license") or asked.validated_data["bill_of_entry"]
        try:
            kept = attachments.keep(file.file, file.name, file.size, owner, request.user)
        except NotAPaper as error:
            raise BadRequest("file", str(error)) from None
        return Response(AttachmentSerializer(kept).data, status.HTTP_201_CREATED)

    @extend_schema(responses={(200, kind): OpenApiTypes.BINARY for kind in attachments.KINDS.values()})
    @action(detail=True)
    def file(self, request: Request, pk: str) -> FileResponse:
        """The paper itself."""
        return attachments.download(self.get_object())

    def perform_destroy(self, instance: Attachment) -> None:
        attachments.remove(instance, self.request.user)


# --- Spreadsheets ---------------------------------------------------------------------------------------


class ImportSerializer(serializers.ModelSerializer[SheetImport]):
    stage = serializers.SerializerMethodField(help_text="preview, running, failed or done")
    percent = serializers.SerializerMethodField(help_text="While it runs.")
    error = serializers.SerializerMethodField(help_text="Why it failed.")

    class Meta:
        model = SheetImport
        fields = (
            "id",
            "kind",
            "name",
            "stage",
            "percent",
            "error",
            "report",
            "created_at",
            "confirmed_at",
            "finished_at",
        )
        read_only_fields = fields

    @cached_property
    def states(self) -> dict[int, dict[str, Any]]:
        return {}

    def state_of(self, chosen: SheetImport) -> dict[str, Any]:
        if chosen.pk not in self.states:
            self.states[chosen.pk] = state_of(chosen)
        return self.states[chosen.pk]

    def get_stage(self, chosen: SheetImport) -> str:
        return str(self.state_of(chosen)["stage"])

    def get_percent(self, chosen: SheetImport) -> int | None:
        return self.state_of(chosen).get("percent")

    def get_error(self, chosen: SheetImport) -> str:
        return self.state_of(chosen).get("error", "")


class ImportRequest(serializers.Serializer[Any]):
    """A spreadsheet to be tried, as multipart/form-data."""

    kind = serializers.ChoiceField(list(KINDS))
    file = serializers.FileField(allow_empty_file=True, help_text=".xlsx or .csv, up to 10 MB.")


@extend_schema(tags=["licences"])
class ImportViewSet(viewsets.ReadOnlyModelViewSet[SheetImport]):
    """Spreadsheets of licences, bills of entry or allotments: tried first, written when confirmed."""

    permission_classes = (ManagerPermission,)
    parser_classes = FILES
    queryset = SheetImport.objects.none()
    serializer_class = ImportSerializer
    lookup_value_regex = r"\d+"

    def get_queryset(self) -> QuerySet[SheetImport]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return SheetImport.objects.filter(user=self.request.user)

    @extend_schema(request={"multipart/form-data": ImportRequest}, responses={201: ImportSerializer})
    def create(self, request: Request) -> Response:
        """The dry run: its report tells what the file would do; nothing is written before `confirm/`."""
        asked = ImportRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        file = asked.validated_data["file"]
        try:
            kept = importing.receive(file.file, file.name, asked.validated_data["kind"], request.user)
        except SheetError as error:
            raise BadRequest("file", str(error)) from None
        return Response(ImportSerializer(kept).data, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Write it, a large file in the background; a second time changes nothing."""
        chosen = self.get_object()
        sheet_actions.begin(chosen, request.user)
        chosen.refresh_from_db()
        return Response(ImportSerializer(chosen).data)


class ExportFilter(LicenseFilter):
    """As the lists on the pages: `q` for all kinds, `state` and `exporter` for licences."""

    open = serializers.BooleanField(required=False, help_text="Allotments whose goods have not come in.")


@method_decorator(download, name="dispatch")
class ExportView(APIView):
    permission_classes = (LicencePermission,)

    @extend_schema(
        tags=["licences"],
        parameters=[ExportFilter],
        responses={(200, XLSX): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, kind: str) -> FileResponse:
        """Licences, bills of entry or allotments, all or as filtered, in the columns that an import takes."""
        wanted = ExportFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return sheet_actions.export(kind, wanted.validated_data)
