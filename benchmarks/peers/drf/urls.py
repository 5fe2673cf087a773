"""Templates with Django REST Framework, MongoEngine and SimpleJWT, as their documents show it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import mongoengine
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework import serializers, viewsets
from rest_framework.routers import DefaultRouter

mongoengine.connect(host=os.environ["MONGODB_URI"], tz_aware=True)


def now() -> datetime:
    return datetime.now(UTC)


class Template(mongoengine.Document):
    profile = mongoengine.StringField()
    template = mongoengine.DynamicField()
    version = mongoengine.IntField(default=1)
    created_at = mongoengine.DateTimeField(default=now)
    updated_at = mongoengine.DateTimeField(default=now)

    meta = {"collection": "templates", "strict": False, "auto_create_index": False}


class TemplateSerializer(serializers.Serializer):
    id = serializers.CharField(read_only=True)
    template = serializers.JSONField()
    version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def create(self, validated_data: dict[str, Any]) -> Template:
        return Template(**validated_data).save()

    def update(self, instance: Template, validated_data: dict[str, Any]) -> Template:
        instance.template = validated_data["template"]
        instance.version += 1
        instance.updated_at = now()
        return instance.save()


class TemplateViewSet(viewsets.ModelViewSet):
    serializer_class = TemplateSerializer

    def get_queryset(self) -> Any:
        return Template.objects(profile=self.request.user.pk).order_by("-id")

    def get_object(self) -> Template:
        return self.get_queryset().get(id=self.kwargs["pk"])

    def perform_create(self, serializer: TemplateSerializer) -> None:
        serializer.save(profile=self.request.user.pk)


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello, World!")


router = DefaultRouter(trailing_slash=False)
router.register("templates", TemplateViewSet, basename="template")
urlpatterns = [path("", hello), path("api/v1/", include(router.urls))]
