"""Templates with FastAPI and Beanie, as their documents show it.

With SESSIONS set each request also asks whether the token's session stands.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import jwt
from beanie import Document, PydanticObjectId, init_beanie
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from pymongo import AsyncMongoClient

KEY = os.environ["JWT_SECRET_KEY"]
ASKS_FOR_SESSION = bool(os.environ.get("SESSIONS"))


class Template(Document):
    profile: str
    template: Any
    version: int = 1
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    class Settings:
        name = "templates"


class Session(Document):
    id: str
    username: str
    expires_at: datetime

    class Settings:
        name = "sessions"


class Given(BaseModel):
    template: str | dict[str, Any]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    client: Any = AsyncMongoClient(os.environ["MONGODB_URI"], tz_aware=True)
    await init_beanie(client.get_default_database(), document_models=[Template, Session])
    yield
    await client.close()


app = FastAPI(lifespan=lifespan)
Bearer = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]


async def username(bearer: Bearer) -> str:
    try:
        claims = jwt.decode(bearer.credentials, KEY, ["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    if ASKS_FOR_SESSION:
        session = await Session.get(claims["sid"])
        if session is None or session.expires_at < datetime.now(UTC):
            raise HTTPException(401)
    return str(claims["sub"])


Owner = Annotated[str, Depends(username)]


async def mine(id: PydanticObjectId, owner: Owner) -> Template:
    template = await Template.find_one(Template.id == id, Template.profile == owner)
    if template is None:
        raise HTTPException(404)
    return template


Mine = Annotated[Template, Depends(mine)]


@app.get("/")
async def hello() -> str:
    return "Hello, World!"


@app.get("/api/v1/templates")
async def list_(owner: Owner, limit: int = 10) -> list[Template]:
    return await Template.find(Template.profile == owner).sort("-_id").limit(limit).to_list()


@app.post("/api/v1/templates", status_code=201)
async def create(given: Given, owner: Owner) -> Template:
    return await Template(profile=owner, template=given.template).insert()


@app.get("/api/v1/templates/{id}")
async def retrieve(template: Mine) -> Template:
    return template


@app.put("/api/v1/templates/{id}")
async def update(given: Given, template: Mine) -> Template:
    template.template = given.template
    template.version += 1
    template.updated_at = datetime.now(UTC)
    return await template.save()
