"""The description of the whole API in the OpenAPI schema; Swagger UI shows it on top."""

OVERVIEW = """\
Keep templates, texts or JSON objects, that only you can see.

**Authentication.** Register with `POST /api/v1/users`, then log in with `POST /api/v1/login`,
which returns an `access_token`. Send it as `Authorization: Bearer …`. When it has expired,
exchange the `refresh_token`, which works once, for a new pair with `POST /api/v1/token/refresh`.

**Lists** are ordered from newest to oldest by default and returned in pages. `next` and
`previous`, in the body and in the `Link` header, are full URLs, or `null` at the end of the list:
follow them instead of building cursors. A cursor is valid only with the parameters of the request
that returned it; with others the answer is 400. If templates are created or deleted while you
page, each template that existed throughout is returned exactly once. Templates are counted only
with `count=true`, and only up to 10000: a larger count is the text `"10000+"`.
A page may hold fewer results than its `limit`, even none, while `next` leads on: it also ends at a
number of bytes, and a search ends when its time is up.

**Conditional requests** (RFC 9110, section 13). Every answer with a template carries its `ETag`.
Send it as `If-None-Match` with a `GET` to get a 304 if the template has not changed. Send it as
`If-Match` with a `PUT`, `PATCH` or `DELETE` to make the change only if nobody has changed the
template since; otherwise the answer is 412, and nothing is written. If several clients send the
same `ETag`, exactly one of them succeeds. A service can be configured to require `If-Match`: then
a change without it is answered 428.

**Idempotency keys.** Send a key of your own, such as a UUID, as `Idempotency-Key` with
`POST /api/v1/templates` and `POST /api/v1/templates/import`, and send the same key when you repeat
the request. The request is carried out once; repetitions get the first answer again, with
`Idempotency-Replayed: true`. Using the key for another request is answered 422, and repeating it
while the first request is still running 409 with `Retry-After`.

**Errors** are Problem Details (RFC 9457), sent as `application/problem+json`. Programs should
decide by `code`; `type` is the path of a page that explains it, and `/problems` lists all of them.
A method that a route does not support is answered 405.
"""
