// Give what Django's scripts draw the names that they leave out: to search fields (select2), and to the signs beside
// the two lists of permissions.
"use strict";
{
  const nameOf = (select) => {
    const label = select.getAttribute("aria-label") || (select.labels[0] && select.labels[0].textContent) || "";
    return label.trim().replace(/[:：]$/, "");
  };

  const nameFields = (root) => {
    for (const select of root.querySelectorAll("select.admin-autocomplete")) {
      const drawn = select.nextElementSibling;
      if (!drawn || !drawn.classList.contains("select2")) {
        continue;
      }
      for (const part of drawn.querySelectorAll("[role=combobox], [role=textbox], [role=searchbox]")) {
        part.removeAttribute("aria-labelledby");
        part.setAttribute("aria-label", nameOf(select));
      }
    }
  };

  // select2 draws when jQuery finds the document ready, which is later than the browser says so, and in rows as they come.
  if (window.django && django.jQuery) {
    django.jQuery(() => nameFields(document));
    document.addEventListener("formset:added", (event) => window.setTimeout(() => nameFields(event.target)));
  }
  window.addEventListener("load", () => {
    document.querySelectorAll("span.search-label-icon").forEach((sign) => sign.setAttribute("role", "img"));
  });
}
