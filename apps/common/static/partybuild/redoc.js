"use strict";
const holder = document.getElementById("redoc");
Redoc.init(
  holder.dataset.schema,
  {
    expandResponses: "200",
    hideDownloadButton: false,
    nativeScrollbars: true,
    scrollYOffset: 44,
    theme: { typography: { fontFamily: "system-ui, sans-serif", headings: { fontFamily: "system-ui, sans-serif" } } },
  },
  holder,
);
