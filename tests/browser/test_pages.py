"""Every page: whose it is, what it loads, and what strangers' input may do in it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.people import answer, keep, log_in, menu, press, register
from tests.processes import Service, wait_for

MARKUP = "</pre></textarea><script>alert(1)</script><img src=x onerror=alert(2)>"
PAGES = [
    "/api/v1/",
    "/api/v1/templates",
    "/api/v1/users/me",
    "/api/v1/sessions",
    "/api/v1/nowhere",
    "/nowhere",
    "/api-auth/login",
]

pytestmark = pytest.mark.browser


@pytest.mark.long
@pytest.mark.parametrize("path", PAGES)
def test_a_page_names_the_service_and_its_files_are_there(
    page: Page, service: Service, path: str
) -> None:
    register(service)
    log_in(page)
    files: list[int] = []
    page.on("response", lambda answer: "/static/" in answer.url and files.append(answer.status))
    page.goto(path, wait_until="networkidle")
    assert files
    assert set(files) == {200}
    assert page.title().endswith("Templates service")
    assert "REST framework" not in page.locator("body").inner_text()


@pytest.mark.long
def test_the_name_is_in_the_corner(page: Page, service: Service) -> None:
    register(service)
    log_in(page)
    expect(menu(page, "alice")).to_be_visible()


@pytest.mark.long
def test_the_first_page_leads_to_the_others(page: Page, service: Service) -> None:
    register(service)
    log_in(page)
    answer(page).get_by_role("link", name="/api/v1/templates").click()
    expect(page.get_by_role("heading", name="Your templates")).to_be_visible()


@pytest.mark.long
def test_markup_in_a_name_and_in_templates_is_only_text(page: Page, service: Service) -> None:
    name = "<script>alert(1)</script>"
    token = register(service, name)
    paths = [keep(service, token, value) for value in (MARKUP, {MARKUP.replace(".", ""): MARKUP})]
    log_in(page, name)
    for path in [*PAGES, *paths]:
        page.goto(path, wait_until="networkidle")
        assert page.locator("img").count() == 0
        assert "alert(" not in "".join(page.locator("script").all_inner_texts())
    page.goto(paths[0])
    expect(menu(page, name)).to_be_visible()
    expect(page.get_by_label("Template", exact=True)).to_have_value(MARKUP)
    page.get_by_label("Template", exact=True).fill("")
    press(page, "PUT")
    expect(menu(page, name)).to_be_visible()


def test_markup_in_an_address_is_only_text(page: Page, service: Service) -> None:
    for path in ("/api/v1/templates/%3Cimg%20src=x%20onerror=alert(1)%3E", "/%3Cimg%20src=x%3E"):
        page.goto(path)
        page.goto(f"/api-auth/login?next={path}'\"><img src=x>")
        assert page.locator("img").count() == 0


def test_an_unknown_address_is_a_page_in_a_browser(page: Page, service: Service) -> None:
    response = page.goto("/nowhere")
    assert response is not None
    assert response.status == 404
    expect(page.get_by_role("heading", name="Not Found")).to_be_visible()
    page.get_by_role("link", name="Templates service").first.click()
    expect(page.get_by_role("heading", name="Templates service")).to_be_visible()


@pytest.mark.long
def test_an_unknown_address_is_problem_details_for_a_program(service: Service) -> None:
    answered = service.get("/nowhere", Accept="*/*")
    assert answered.headers["Content-Type"] == "application/problem+json"
    assert (answered.status, answered.json["code"]) == (404, "not_found")


def test_a_form_without_the_csrf_token_is_refused_with_what_to_do(
    page: Page, service: Service
) -> None:
    register(service)
    log_in(page, then="/api/v1/templates")
    page.locator("#post-object-form input[name=csrfmiddlewaretoken]").evaluate("it => it.remove()")
    page.get_by_label("Template", exact=True).fill("Dear {name}")
    press(page, "POST")
    expect(answer(page)).to_contain_text("HTTP 403 Forbidden")
    expect(page.get_by_role("alert")).to_contain_text("Reload the page and try again")


@pytest.mark.long
def test_a_script_without_the_csrf_token_is_refused_with_what_to_do(
    page: Page, service: Service
) -> None:
    register(service)
    log_in(page, then="/api/v1/templates")
    post = """async (body) => {
        const headers = {"Content-Type": "application/json", "Accept": "application/json"};
        const answer = await fetch("/api/v1/templates", {method: "POST", headers, body});
        return [answer.status, answer.headers.get("Content-Type"), await answer.json()];
    }"""
    status, content_type, problem = page.evaluate(post, json.dumps({"template": "x"}))
    assert (status, content_type) == (403, "application/problem+json")
    assert problem["code"] == "csrf_failed"
    assert "a program sends a bearer token" in problem["detail"]


def test_another_sites_form_gets_nothing_done(page: Page, service: Service) -> None:
    token = register(service)
    log_in(page)
    origin = f"http://127.0.0.1:{service.port}"
    page.goto("about:blank")
    for path, status in (("/api/v1/templates", 401), ("/api-auth/login", 403)):
        page.set_content(
            f'<form method="post" action="{origin}{path}"><input name="template" value="x"></form>'
        )
        with page.expect_navigation() as navigation:
            page.locator("form").evaluate("form => form.submit()")
        assert navigation.value is not None
        assert navigation.value.status == status
        page.goto("about:blank")
    assert service.get("/api/v1/templates", token).json["results"] == []


INJECT = """() => {
  document.addEventListener("securitypolicyviolation", (event) => {
    document.title = `refused: ${event.effectiveDirective}`;
  });
  const script = document.createElement("script");
  script.textContent = "document.title = 'it ran'";
  document.body.append(script);
}"""


@pytest.mark.parametrize(
    "path",
    ["/api/v1/", "/admin/login", "/api-auth/login", "/problems"]
    + [pytest.param("/api/v1/docs", marks=pytest.mark.long)],
)
def test_an_injected_script_does_not_run(path: str, chromium: Browser, service: Service) -> None:
    # Not by the page of the other tests: Chromium complains, as it should.
    page = chromium.new_page(base_url=f"http://127.0.0.1:{service.port}")
    page.goto(path)
    page.evaluate(INJECT)
    wait_for(lambda: page.title().startswith(("refused", "it ran")), "the script ran, or not")
    assert page.title() == "refused: script-src-elem"
    page.close()
