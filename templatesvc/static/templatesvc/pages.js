// What a page sends beside what DRF's own scripts do.

$(document).ajaxSend((event, xhr, settings) => {
  // It is done as whoever the page was shown to, and not as somebody who logged in elsewhere since.
  const account = JSON.parse(document.getElementById("account").textContent);
  if (account) xhr.setRequestHeader("X-Account", account);
  // It changes or deletes what it shows, not what somebody else has made of it meanwhile.
  const etag = document.getElementById("etag");
  if (etag && ["PUT", "PATCH", "DELETE"].includes(settings.type)) {
    xhr.setRequestHeader("If-Match", JSON.parse(etag.textContent));
  }
});

// Whoever has logged in again in another tab has a new token, and this page would send the old one.
document.addEventListener("submit", (event) => {
  const token = getCookie("csrftoken");
  if (!token) return;
  csrftoken = token;
  for (const field of event.target.querySelectorAll("[name=csrfmiddlewaretoken]")) {
    field.value = token;
  }
}, true);

// A file is sent as it is: DRF's scripts would send its name.
$.ajaxPrefilter((settings) => {
  const file = document.querySelector("input[type=file][data-body]");
  if (!file || settings.type !== "POST") return;
  settings.data = file.files[0] ?? "";
  const url = new URL(settings.url, location);
  for (const field of document.querySelectorAll("[data-parameter]")) {
    url.searchParams.set(field.dataset.parameter, field.value);
  }
  settings.url = url.href;
});
