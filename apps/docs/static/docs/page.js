// What every page of the documentation does: menus open where there is room, anchors open what they lie in, and a
// switch of the language keeps the place.

for (const menu of document.querySelectorAll(".menu > details")) {
  menu.open = matchMedia("(min-width: 60rem)").matches;
}

function show() {
  const anchor = decodeURIComponent(location.hash.slice(1).split("?")[0]);
  const target = anchor && document.getElementById(anchor);
  if (!target) return;
  for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  target.scrollIntoView();
}

function carry() {
  for (const link of document.querySelectorAll("[data-language]")) {
    link.hash = location.hash;
  }
}

addEventListener("hashchange", () => {
  show();
  carry();
});
show();
carry();
