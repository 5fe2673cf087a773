// The form works without this; with it a person can name a field of an object, such as author,
// and the address that the form leads to has only what was filled in.
{
  const form = document.getElementById("filter-form");
  const name = document.getElementById("field-name");
  const value = document.getElementById("field-value");
  document.getElementById("new-field").hidden = false;

  form.addEventListener("submit", () => {
    if (name.value.trim()) value.name = `template.${name.value.trim()}`;
    for (const field of form.elements) {
      // A field of an object may be asked to be empty; that is told by its name being there.
      if (field.value === "" && field !== value) field.disabled = true;
    }
  });
  // Going back in the browser shows the page as it was left.
  window.addEventListener("pageshow", () => {
    for (const field of form.elements) field.disabled = false;
  });
}
