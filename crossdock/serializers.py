"""The JSON of price requests, comments and look-ups."""

from typing import Any

from django.utils.timezone import now
from rest_framework import serializers

from crossdock import queries
from crossdock.keys import LONGEST
from crossdock.models import CrossDockTask, Stage, Status, TaskComment


class TaskSerializer(serializers.ModelSerializer[CrossDockTask]):
    user = serializers.CharField(
        source="user.username", default=None, read_only=True, allow_null=True, help_text="The owner."
    )
    stage = serializers.ChoiceField(Stage.choices, read_only=True, allow_blank=True)
    elapsed_seconds = serializers.SerializerMethodField()
    expected_seconds_left = serializers.SerializerMethodField()

    class Meta:
        model = CrossDockTask
        fields = (
            "id",
            "status",
            "filename",
            "supplier_group",
            "user",
            "output_url",
            "error_message",
            "rows_total",
            "rows_done",
            "rows_failed",
            "rows_matched",
            "rows_unmatched",
            "stage",
            "percent",
            "source",
            "source_reason",
            "timings",
            "elapsed_seconds",
            "expected_seconds_left",
            "created_at",
            "updated_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields

    def get_elapsed_seconds(self, task: CrossDockTask) -> float | None:
        return queries.seconds_taken(task, now())

    def get_expected_seconds_left(self, task: CrossDockTask) -> float | None:
        return queries.seconds_left(task, now())


class TaskFilter(serializers.Serializer[Any]):
    """The query of the list."""

    q = serializers.CharField(required=False, help_text="Part of a file's, group's or owner's name.")
    status = serializers.ChoiceField(Status.choices, required=False)
    owner = serializers.ChoiceField([("mine", "Mine")], required=False)


class UploadSerializer(serializers.Serializer[Any]):
    """A new price request, as multipart/form-data."""

    file = serializers.FileField(allow_empty_file=True)
    supplier_group = serializers.CharField(max_length=200)

    def validate_supplier_group(self, name: str) -> str:
        return known_group(name)


class CommentSerializer(serializers.ModelSerializer[TaskComment]):
    user = serializers.CharField(
        source="user.username", default=None, read_only=True, help_text="The author."
    )

    class Meta:
        model = TaskComment
        fields = ("id", "user", "text", "created_at", "updated_at")


class LookUpQuery(serializers.Serializer[Any]):
    brand = serializers.CharField(max_length=LONGEST)
    article = serializers.CharField(max_length=LONGEST)
    supplier_group = serializers.CharField(max_length=200)

    def validate_supplier_group(self, name: str) -> str:
        return known_group(name)


def known_group(name: str) -> str:
    if name not in queries.groups():
        raise serializers.ValidationError(
            f"There is no group “{name}”; known: {', '.join(queries.groups())}."
        )
    return name


class FoundSerializer(serializers.Serializer[Any]):
    price = serializers.DecimalField(max_digits=12, decimal_places=2)
    quantity = serializers.IntegerField()
    supplier = serializers.CharField()


class LookUpAnswer(serializers.Serializer[Any]):
    best = FoundSerializer(many=True)
    source = serializers.CharField(help_text="view or query")
    source_reason = serializers.CharField(help_text="Why not from the view.")


class GroupSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    suppliers = serializers.IntegerField()
    fresh = serializers.IntegerField(help_text="Suppliers with offers that count today.")
    newest = serializers.DateTimeField(allow_null=True)
