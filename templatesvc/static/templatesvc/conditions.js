// A page changes or deletes what it shows, not what somebody else has made of it meanwhile.
$(document).ajaxSend((event, xhr, settings) => {
  const etag = JSON.parse(document.getElementById("etag").textContent);
  if (["PUT", "PATCH", "DELETE"].includes(settings.type)) xhr.setRequestHeader("If-Match", etag);
});
