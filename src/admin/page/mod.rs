//! The status page: one document with its style and script inside, so that it needs nothing from anywhere else.

use bytes::Bytes;

/// The whole document. It holds no data: its script asks for that.
const DOCUMENT: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>forebay</title>\n<style>",
    include_str!("style.css"),
    "</style>\n</head>\n<body>\n",
    include_str!("page.html"),
    "<script>",
    include_str!("script.js"),
    "</script>\n</body>\n</html>\n",
);

/// The page, as it is sent to a browser.
pub(super) fn document() -> Bytes {
    Bytes::from_static(DOCUMENT.as_bytes())
}
