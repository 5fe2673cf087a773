"""Creates each value as a template by the generated client, reads it back, and prints it."""

import json
import sys
from pathlib import Path

from openapi_client import (
    AccountsApi,
    ApiClient,
    Configuration,
    FlaskApi,
    LoginRequest,
    RegistrationRequest,
    TemplateRequest,
    TemplatesApi,
)

url, path, username = sys.argv[1:]
person = {"username": username, "password": "note-g-of-1843"}
with ApiClient(Configuration(host=url)) as client:
    FlaskApi(client).register(RegistrationRequest(**person))
    tokens = FlaskApi(client).login(LoginRequest(**person))
read = []
with ApiClient(Configuration(host=url, access_token=tokens.access_token)) as client:
    assert AccountsApi(client).get_me().username == username
    templates = TemplatesApi(client)
    for value in json.loads(Path(path).read_text()):
        created = templates.create_template(TemplateRequest(template=value))
        found = templates.get_template(created.id)
        assert found.created_at.tzinfo
        assert found.version == 1
        read.append(found.template)
    page = templates.list_templates(limit=1, count=True)
    assert page.count == len(read)
print(json.dumps(read))
