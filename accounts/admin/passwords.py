"""The page on which operators change their own password."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.generic import FormView
from rest_framework.exceptions import APIException

from accounts.clients import Client
from accounts.forms import PasswordChangeForm
from accounts.passwords import change_own_password
from accounts.serializers import PasswordChangeSerializer
from templatesvc.admin import site


class PasswordChangePage(FormView):
    """The change of one's own password."""

    form_class = PasswordChangeForm
    template_name = "admin/password_change.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        shown = site.each_context(self.request) | {"title": "Password change"}
        return super().get_context_data(**shown, **context)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        passwords = {name: form.cleaned_data[name] for name in ("current_password", "new_password")}
        user, client = self.request.user, Client.of(self.request)
        serializer = PasswordChangeSerializer(data=passwords, context={"user": user})
        try:
            serializer.is_valid(raise_exception=True)
            change_own_password(user, client, **serializer.validated_data)
        except APIException as refusal:
            form.add_refusal(refusal)
            return self.form_invalid(form)
        login(self.request, user)
        messages.success(self.request, "Your password was changed, and other sessions ended.")
        return HttpResponseRedirect(reverse("admin:index"))
