"""Reading request bodies: strict JSON, and forms without files, of bounded size."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.core.files.uploadhandler import FileUploadHandler
from django.http import QueryDict
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from templatesvc.api.exceptions import MAX_REJECTED_SIZE, PayloadTooLarge
from templatesvc.api.notation import fault_of, least_size
from templatesvc.api.renderers import JSONRenderer

# The head of a part of a multipart form. Quoted parameters may have escapes.
DISPOSITION = re.compile(rb"^content-disposition:[ \t]*form-data([^\r\n]*)", re.I | re.M)
PARAMETER = re.compile(rb';[ \t]*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;]*))', re.A)
QUOTED = re.compile(rb"\\(.)")
MAX_PART_HEAD_SIZE = 1024  # bytes, as in Django's parser
MAX_PARAMETERS = 10  # others are ignored; browsers send two


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object; raises ParseError (400) for a repeated key."""
    members = dict(pairs)
    if len(members) < len(pairs):
        times = Counter(name for name, _ in pairs)
        repeated = next(name for name, count in times.items() if count > 1)
        raise ParseError(f"The key {json.dumps(repeated)} is given twice in one JSON object.")
    return members


def _constant(name: str) -> float:
    raise ParseError(f"{name} is not a JSON value.")


class JSONParser(parsers.JSONParser):
    """JSON as in RFC 8259 and RFC 7493: UTF-8, no repeated keys, no NaN or Infinity.

    Raises ParseError (400) and PayloadTooLarge (413): DRF would read a body of any size, and a body
    of empty objects takes twenty times its bytes once it is parsed.
    """

    renderer_class = JSONRenderer  # writes what a page shows to be edited
    # Bytes of BSON that a body may have: those of a document, and some around it.
    largest_value = 2**20 + 2**16

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: dict[str, Any] | None = None,
    ) -> Any:
        body = bounded(stream, settings.MAX_BODY_SIZE)
        # A character stands for at most five bytes, those of an empty list.
        if 5 * len(body) > self.largest_value and least_size(body) > self.largest_value:
            raise ParseError(
                "The body has more objects, lists and values than a document may have."
            )
        try:
            return parsed(body.decode())
        except UnicodeDecodeError as error:
            raise ParseError("The body is not valid UTF-8.") from error
        except ParseError as error:
            error.unparsed = body  # a page shows it again, to be corrected
            raise


def bounded(stream: IO[bytes], limit: int) -> bytes:
    """Return a body of at most ``limit`` bytes, without a byte order mark.

    Raises PayloadTooLarge (413).
    """
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise PayloadTooLarge()
    return body.removeprefix(codecs.BOM_UTF8)  # RFC 8259, section 8.1, lets a parser ignore it


def parsed(text: str) -> Any:
    """Return the value of a JSON text; raises ParseError (400)."""
    try:
        return json.loads(text, object_pairs_hook=unique_members, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise ParseError(f"The body is not valid JSON: {fault_of(error)}.") from error
    except ValueError as error:
        raise ParseError("A number in the body has too many digits.") from error
    except RecursionError as error:
        raise ParseError("The body is nested too deeply.") from error


def has_too_many_escapes(form: bytes) -> bool:
    """Tell whether a form has more escapes, such as ``%41``, than the longest text needs.

    Python takes 200 bytes for each of them.
    """
    return form.count(b"%") > 3 * MAX_REJECTED_SIZE


class FormParser(parsers.FormParser):
    """DRF's, of bounded size; the form that it returns has its media type."""

    def parse(self, stream: IO[bytes], *args: Any, **kwargs: Any) -> QueryDict:
        """Return the form; raises PayloadTooLarge (413)."""
        body = bounded(stream, settings.MAX_BODY_SIZE)
        if has_too_many_escapes(body):
            raise PayloadTooLarge()
        form: QueryDict = super().parse(io.BytesIO(body), *args, **kwargs)
        form.media_type = self.media_type
        return form


class MultiPartParser(parsers.MultiPartParser):
    """DRF's; the form that it returns has its media type."""

    def parse(self, *args: Any, **kwargs: Any) -> parsers.DataAndFiles:
        """Return the form; raises ParseError (400) with a message of our own."""
        try:
            parsed = super().parse(*args, **kwargs)
        except ParseError as error:
            raise ParseError("The body is not a multipart form with a valid boundary.") from error
        parsed.data.media_type = self.media_type
        return parsed


class FieldsOnly(FileUploadHandler):
    """Reads multipart forms instead of Django's parser, and drops files, which no route takes.

    Forms come also from people who are not logged in. Django would write files of any size to the
    disk, and takes ten times as long for many small parts.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803  # as Django names it
        content_length: int,
        boundary: bytes,
        encoding: str | None = None,
    ) -> tuple[QueryDict, MultiValueDict]:
        """Return the fields, and no files.

        Raises RequestDataTooBig (413), and TooManyFieldsSent or MultiPartParserError (400).
        """
        if content_length > settings.MAX_BODY_SIZE:
            raise RequestDataTooBig()
        form = QueryDict(mutable=True)
        for name, value in fields_of(input_data.read(content_length), boundary):
            form.appendlist(name, value)
        form._mutable = False
        return form, MultiValueDict()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Not called, as Django's parser is not."""

    def file_complete(self, file_size: int) -> None:
        """Not called, as Django's parser is not."""


def fields_of(body: bytes, boundary: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each field of a multipart form (RFC 7578) that is no file.

    Raises TooManyFieldsSent, and MultiPartParserError for a part whose head is too long.
    """
    delimiter, body = b"\r\n--" + boundary, b"\r\n" + body
    if body.count(delimiter) > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1:
        raise TooManyFieldsSent()
    for part in body.split(delimiter)[1:]:
        if part.startswith(b"--"):
            return
        head, _, value = part.partition(b"\r\n\r\n")
        if len(head) > MAX_PART_HEAD_SIZE:
            raise MultiPartParserError("The head of a part is too long.")
        disposition = DISPOSITION.search(head)
        found = PARAMETER.finditer(disposition[1] if disposition else b"")
        parameters = {
            each[1].lower(): QUOTED.sub(rb"\1", each[2]) if each[2] else (each[3] or b"").strip()
            for each in islice(found, MAX_PARAMETERS)
        }
        if b"name" in parameters and b"filename" not in parameters:
            name = parameters[b"name"].decode(errors="replace").strip()
            yield name, value.decode(errors="replace")
