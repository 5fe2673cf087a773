// The form works without this; with it a person can name a field of an object, such as author,
// and the address that the form leads to has only what was filled in.
{
  const form = document.getElementById("filter-form");
  const added = [...form.querySelectorAll("[data-prefix]")];
  const values = added.map((each) => each.querySelector("[data-value]"));
  for (const each of added) each.hidden = false;

  form.addEventListener("submit", () => {
    for (const each of added) {
      const name = each.querySelector("[data-name]").value.trim();
      if (name) each.querySelector("[data-value]").name = `${each.dataset.prefix}.${name}`;
    }
    for (const field of form.elements) {
      // A field of an object may be asked to be empty; that is told by its name being there.
      if (field.value === "" && !values.includes(field)) field.disabled = true;
    }
  });
  // Going back in the browser shows the page as it was left.
  window.addEventListener("pageshow", () => {
    for (const field of form.elements) field.disabled = false;
  });
}
