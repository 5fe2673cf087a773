"""The declaration of a document's pages, with the names of Django's ModelAdmin."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from django.apps import AppConfig, apps
from django.contrib.admin.utils import display_for_value
from django.http import Http404, HttpRequest
from django.urls import URLPattern, re_path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from mongoengine import DateField, DateTimeField
from mongoengine.queryset import QuerySet

from templatesvc.admin import views
from templatesvc.admin.action_views import ActionView
from templatesvc.admin.actions import Action
from templatesvc.admin.filters import Filter
from templatesvc.admin.forms import PlainForm
from templatesvc.admin.list_views import ChangeListView
from templatesvc.admin.ordering import Order
from templatesvc.admin.values import readable
from templatesvc.api.notation import format_time
from templatesvc.mongo import ids
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.fields import TypedField
from templatesvc.mongo.keysets import Query
from templatesvc.mongo.names import Names

if TYPE_CHECKING:
    from templatesvc.admin.sites import DocumentSite

ABBREVIATIONS = {"Ip": "IP address", "id": "ID", "Id": "ID"}


class Options(NamedTuple):
    """What Django's templates and the names of URLs need of a model's ``opts``."""

    app_label: str
    object_name: str
    names: Names

    @classmethod
    def of(cls, document: type[ServiceDocument], names: Names | None = None) -> Self:
        """Return the options of a document, whose ``meta`` may have its names."""
        app = apps.get_containing_app_config(document.__module__)
        assert app is not None, f"{document.__module__} is in no app of INSTALLED_APPS"
        name = document.__name__
        return cls(app.label, name, names or Names.of(name, document._meta))

    @property
    def model_name(self) -> str:
        return self.names.slug.replace("_", "")

    @property
    def verbose_name(self) -> str:
        return self.names.singular

    @property
    def verbose_name_plural(self) -> str:
        return self.names.plural

    @property
    def app_config(self) -> AppConfig:
        return apps.get_app_config(self.app_label)

    def permission(self, verb: str) -> str:
        """Return the permission for a verb, such as ``things.change_thing``."""
        return f"{self.app_label}.{verb}_{self.names.slug}"


class NotHere(Http404):
    """404, whose page links to other places to look: ``ways`` are their names and URLs."""

    def __init__(self, detail: str, *ways: tuple[str, str]) -> None:
        super().__init__(detail)
        self.ways = ways


class Happened(NamedTuple):
    """A line of a history; ``url`` leads to a page that shows more of it."""

    at: datetime
    by: str
    what: str
    more: str = ""
    url: str = ""
    ip: str = ""


class DocumentAdmin:
    """The pages of one document: a list, and for each a page to look at and actions to do.

    The names of fields below are attributes of the document, or methods here that take the document
    and that Django's ``@display`` describes.
    """

    # The heading under which the index shows this list, by default the app's name, and its
    # place there: before lists with a higher one.
    section = ""
    menu_order = 0
    # The list.
    list_display: Sequence[str] = ("__str__",)
    list_filter: ClassVar[Sequence[Filter]] = ()
    list_per_page = 100
    ordering = "-id"
    # Other orders, offered in the headers if an index gives them together with the filters.
    sortable_by: Sequence[str] = ()
    search_fields: ClassVar[Sequence[str]] = ()
    search_help_text = ""
    # How many documents a search looks at before it asks whether to go on.
    search_most = 2000
    # The page of one document: what it shows, and its form if it can be edited.
    readonly_fields: Sequence[str] = ()
    form_class: type[PlainForm] | None = None
    add_form_class: type[PlainForm] | None = None
    # What can be done: methods here, made by ``@action``.
    actions: ClassVar[Sequence[Action]] = ()

    def __init__(
        self, document: type[ServiceDocument], site: DocumentSite, names: Names | None = None
    ) -> None:
        Order(document, self.ordering)  # without an index for the list, the service does not start
        self.document = document
        self.site = site
        self.opts = Options.of(document, names)
        self.filters = list(self.get_filters())

    def companions(self) -> Iterable[DocumentAdmin]:
        """Return the declarations of further pages that come with these."""
        return ()

    # --- What is there -----------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the query of all documents of these pages."""
        return self.document.objects

    def get_object(self, request: HttpRequest, pk: str) -> Any:
        """Return the document that a URL names; raises Http404."""
        try:
            id = ids.decode(pk)
        except ValueError as error:
            raise Http404 from error
        found = self.get_queryset(request).filter(__raw__={"_id": {"$eq": id}}).first()
        if found is None:
            raise NotHere(f"This {self.opts.verbose_name} no longer exists.", *self.lists())
        self.prepare(request, [found])
        return found

    def lists(self) -> Iterator[tuple[str, str]]:
        """Yield names and URLs of the lists to look in for a document that is not here."""
        for admin in (self, *self.companions()):
            yield capfirst(admin.opts.verbose_name_plural), admin.url_of("changelist")

    def prepare(self, request: HttpRequest, documents: list[Any]) -> None:
        """Load what the documents of a page need, in no more round trips than for one of them."""

    def get_filters(self) -> Iterable[Filter]:
        """Return what stands in the margin of the list."""
        return self.list_filter

    def conditions(self, parameters: Mapping[str, str]) -> list[Query]:
        """Return the conditions of the filters that the parameters of a list ask for."""
        found = [filter.condition(parameters) for filter in self.filters]
        return [query for query in found if query is not None]

    def matches(self, row: dict[str, Any], text: str) -> bool:
        """Tell whether a stored field of the search contains a case-folded text."""
        values = [row.get(name) for name in self.searched]
        return any(isinstance(value, str) and text in value.casefold() for value in values)

    @property
    def searched(self) -> list[str]:
        """The stored names of the fields that a search looks at."""
        return [self.document._fields[name].db_field for name in self.search_fields]

    # --- Who may do what ---------------------------------------------------------------------

    def has_permission(self, request: HttpRequest, verb: str) -> bool:
        """Tell whether the operator may ``view``, ``add``, ``change`` or ``delete``."""
        return bool(request.user.has_perm(self.opts.permission(verb)))

    def allows(self, request: HttpRequest, action: Action) -> bool:
        """Tell whether the operator may do it."""
        if "." in action.permission:
            return bool(request.user.has_perm(action.permission))
        return self.has_permission(request, action.permission)

    def allowed(self, request: HttpRequest) -> list[Action]:
        return [action for action in self.actions if self.allows(request, action)]

    def offers(self, request: HttpRequest, action: Action, document: Any) -> bool:
        """Tell whether the page of a document has a button for it."""
        return self.allows(request, action) and action.applies(document)

    # --- Changing: what documents with forms have to define -----------------------------------

    def initial(self, document: Any) -> dict[str, Any]:
        """Return the initial values of a document's form."""
        return {}

    def state(self, document: Any) -> str:
        """Return a text that every change of the document changes."""
        return ""

    def save(self, request: HttpRequest, document: Any, values: dict[str, Any]) -> bool:
        """Store the values of the form; tell whether the document was still as it was read."""
        raise NotImplementedError

    def saved_by(self, document: Any) -> str:
        """Return who saved the document's current state, for the beginning of a sentence."""
        return "Somebody else"

    def create(self, request: HttpRequest, values: dict[str, Any]) -> Any:
        """Store and return a new document; raises an APIException to refuse."""
        raise NotImplementedError

    def history(self, document: Any) -> Iterable[Happened]:
        """Return what happened to a document, the latest first; not defined, there is no page."""
        return ()

    @property
    def has_history(self) -> bool:
        return type(self).history is not DocumentAdmin.history

    def links(self, request: HttpRequest, document: Any) -> Iterable[tuple[str, str]]:
        """Return names and URLs of what belongs to a document."""
        return ()

    def list_links(self, request: HttpRequest) -> Iterable[tuple[str, str]]:
        """Return names and URLs for the top of the list."""
        if self.add_form_class and self.has_permission(request, "add"):
            yield f"Add {self.opts.verbose_name}", self.url_of("add")

    # --- How it is shown ---------------------------------------------------------------------

    def name_of(self, document: Any) -> str:
        """Return what a document is called in headings and sentences."""
        return str(document)

    def _own(self, name: str) -> Any:
        """Return the method here of this name, if there is one."""
        return getattr(self, name) if hasattr(type(self), name) else None

    def label_of(self, name: str) -> str:
        described = self._own(name)
        label = getattr(described, "short_description", None) or name.strip("_").replace("_", " ")
        words = str(label)[:1].upper() + str(label)[1:]
        zone = " (UTC)" if described is None and self._is_time(name) else ""
        return " ".join(ABBREVIATIONS.get(word, word) for word in words.split()) + zone

    def _is_time(self, name: str) -> bool:
        field = self.document._fields.get(name)
        if isinstance(field, TypedField):
            return issubclass(field.type, datetime)
        return isinstance(field, DateTimeField) and not isinstance(field, DateField)

    def order_of(self, name: str) -> str:
        return str(getattr(self._own(name), "admin_order_field", name))

    def cell(self, name: str, document: Any) -> Any:
        """Return a value as it is shown; the template escapes it. Times are in UTC."""
        own = self._own(name)
        value = own(document) if own else getattr(document, name)
        value = readable(value() if callable(value) else value)
        if isinstance(value, datetime):
            shown = f"{value:%Y-%m-%d %H:%M}"
            return format_html('<time datetime="{}">{}</time>', format_time(value), shown)
        if isinstance(value, date):
            return value.isoformat()
        boolean = getattr(own, "boolean", isinstance(value, bool))
        return display_for_value(value, getattr(own, "empty_value_display", "-"), boolean)

    def row(self, document: Any) -> list[Any]:
        """Return the cells of a document in the list."""
        return [self.cell(name, document) for name in self.list_display]

    def facts(self, document: Any, besides: Container[str] = ()) -> list[tuple[str, Any]]:
        """Return labels and values for the page of a document, without the fields of its form."""
        names = [name for name in self.readonly_fields if name not in besides]
        return [(self.label_of(name), self.cell(name, document)) for name in names]

    # --- URLs --------------------------------------------------------------------------------

    def url_of(self, page: str, document: Any = None, *args: Any) -> str:
        """Return the URL of one of these pages; a page of one document needs that document."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
        pk = [ids.encode(document.pk)] if document is not None else []
        return reverse(name, args=[*pk, *args])

    def get_urls(self) -> list[URLPattern]:
        one = rf"(?P<pk>{ids.PATTERN})"
        return [
            self.path("", ChangeListView, "changelist"),
            self.path("/add", views.AddView, "add"),
            self.path(f"/{one}/change", views.ChangeView, "change"),
            *([self.path(f"/{one}/history", views.HistoryView, "history")] * self.has_history),
            *(
                self.path(f"/{one}/{action.name}", ActionView, action.name, action=action)
                for action in self.actions
            ),
        ]

    def path(
        self, route: str, view: type[views.DocumentView], page: str, **initkwargs: Any
    ) -> URLPattern:
        opts = self.opts
        return re_path(
            rf"^{opts.app_label}/{opts.model_name}{route}/?$",
            self.site.page(view.as_view(admin=self, **initkwargs)),
            name=f"{opts.app_label}_{opts.model_name}_{page}",
        )
