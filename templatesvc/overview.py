"""What the OpenAPI schema says first, of all routes together; Swagger UI shows it on top."""

OVERVIEW = """\
Keep your own templates, texts or JSON objects, that only you can see.

**Authentication.** `POST /api/v1/users` registers, `POST /api/v1/login` answers an `access_token`.
Send it as `Authorization: Bearer …`. When it has expired, `POST /api/v1/token/refresh` exchanges
the `refresh_token`, which works once, for a new pair.

**Lists** come newest first and in pages. `next` and `previous`, in the body and in the `Link`
header, are full URLs, or `null` where the list ends: follow them, and do not make cursors up. A
cursor is good for the parameters that it was given with; with others it is a 400. Who pages through
while templates come and go sees each that stood throughout exactly once. There is no count unless
`count=true` asks for one, and it goes up to 10000: above that it is the text `"10000+"`.

**Conditional requests** (RFC 9110, section 13). Every answer with a template carries its `ETag`.
Sent back as `If-None-Match` it makes a `GET` a 304 while nothing has changed. Sent as `If-Match`
it lets a `PUT`, `PATCH` or `DELETE` through only if nobody has changed the template since:
otherwise it is a 412, and nothing is written. Of two writers with one `ETag` exactly one succeeds.
A service may be set to demand it: then a change without is a 428.

**Idempotency keys.** Send a key of your own, such as a UUID, as `Idempotency-Key` with
`POST /api/v1/templates` and `POST /api/v1/templates/import`, and repeat it when you repeat the
request: it is carried out once, and its first answer is given again, with
`Idempotency-Replayed: true`. With another request it is a 422, and while the first one still runs a
409 with `Retry-After`.

**Errors** are Problem Details (RFC 9457) in `application/problem+json`. Decide by `code`; `type` is
the path of a page that explains it, and `/problems` lists all. A method that a route does not take
is a 405 everywhere. The routes tagged `flask` are those of the service before this one: their
errors are `{"msg": "…"}`.
"""
