"use strict";

// Redoc's menu ends with its maker's logo, which lies on another host; this page asks no other host for anything.
const ours = (address) => new URL(address, location.href).origin === location.origin;
const { setAttribute } = Element.prototype;
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || ours(value)) setAttribute.call(this, name, value);
};
const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
Object.defineProperty(HTMLImageElement.prototype, "src", {
  ...source,
  set(value) {
    if (ours(value)) source.set.call(this, value);
  },
});

const holder = document.getElementById("redoc");
Redoc.init(
  holder.dataset.schema,
  {
    expandResponses: "200",
    labels: JSON.parse(document.getElementById("labels").textContent),
    nativeScrollbars: true,
    scrollYOffset: 44,
    theme: { typography: { fontFamily: "system-ui, sans-serif", headings: { fontFamily: "system-ui, sans-serif" } } },
  },
  holder,
);
