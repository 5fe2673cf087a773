"""The page of a past state of a document: its values, what changed next, and its restoration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.operations import Actor
from templatesvc.admin.differences import difference
from templatesvc.admin.forms import ReasonForm
from templatesvc.admin.values import in_lines
from templatesvc.admin.views import REFUSALS, DocumentView
from templatesvc.api.exceptions import translated
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.resources import Values

if TYPE_CHECKING:
    from accounts.resources.versioned import Versioned


class VersionView(DocumentView):
    """A past version of a document, or of a deleted one."""

    admin: Versioned = None  # as_view gives it
    template_name = "admin/document/version.html"

    def get(self, request: HttpRequest, pk: str, number: str) -> HttpResponse:
        """Show all of it, and how the next one differs."""
        document = self.admin.get_object(request, pk)
        return self._page(document, self._version(document, int(number)), ReasonForm())

    def post(self, request: HttpRequest, pk: str, number: str) -> HttpResponse:
        """Restore it as a new version, unless somebody has saved since the page was opened."""
        document = self.admin.get_object(request, pk)
        version, form = self._version(document, int(number)), ReasonForm(request.POST)
        if not self._may_restore:
            raise PermissionDenied
        if self.is_resumed:
            return self._page(document, version, form, state=request.POST.get("_state"))
        if form.is_valid() and self._restore(document, version, form):
            self.tell(
                f"Version {version.version} of “{self.admin.name_of(document)}” was restored."
            )
            return HttpResponseRedirect(self.url_of("change", document))
        return self._page(self.admin.get_object(request, pk), version, form)

    @property
    def _may_restore(self) -> bool:
        return self.admin.can_restore_versions and self.admin.has_permission(self.request, "change")

    def _restore(self, document: Any, version: DocumentVersion, form: ReasonForm) -> bool:
        is_seen = self.request.POST.get("_state") == self.admin.state(document)
        by, reason = Actor.of(self.request), form.cleaned_data["reason"]
        try:
            if is_seen and self.admin.operations.restore_version(by, document, version, reason):
                return True
        except REFUSALS as refusal:
            form.add_refusal(translated(refusal))
            return False
        form.add_error(
            None,
            f"{self.admin.saved_by(document)} saved while you had this page open. Restore again to "
            "replace what they saved, which is kept as a version.",
        )
        return False

    def _version(self, document: Any, number: int) -> DocumentVersion:
        version = self.admin.version_of(document, number)
        if version is None:
            raise Http404(f"Version {number} is not kept any more.")
        return version

    def _page(
        self, document: Any, version: DocumentVersion, form: ReasonForm, state: str | None = None
    ) -> HttpResponse:
        number = version.version
        later = self.admin.version_of(document, number + 1)
        current = document if self.admin.can_restore_versions else None
        following = later or current
        return self.page(
            f"Version {number}",
            version=version,
            values=[(self.admin.label_of(n), in_lines(v)) for n, v in version.own_values.items()],
            following=following,
            is_last=later is None,
            differences=list(self._differences(version.own_values, following)),
            previous_url=self._url(document, self.admin.version_of(document, number - 1)),
            next_url=self._url(document, later),
            form=form if self._may_restore else None,
            state=state or self.admin.state(document),
            **self.about(document),
        )

    def _url(self, document: Any, version: DocumentVersion | None) -> str | None:
        return version and self.url_of("version", document, version.version)

    def _differences(self, values: Values, following: Any) -> Iterator[tuple[str, Any]]:
        """Yield each field that differs in the next state, with the lines that differ."""
        for name, value in values.items() if following else ():
            before, after = in_lines(value), in_lines(getattr(following, name))
            if before != after:
                yield self.admin.label_of(name), difference(before, after)
