//! The status page: one document with its style and its scripts inside, so that it needs nothing from anywhere else.
//!
//! It holds no data. Its script asks `/status`, `/history` and `/config` for that, and makes text of it and never markup: keys,
//! tenants and the words of stores are other people's.

use bytes::Bytes;

/// The whole document. Its scripts are one: what a file names holds in those after it.
const DOCUMENT: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>forebay</title>\n<style>",
    include_str!("style.css"),
    "</style>\n</head>\n<body>\n",
    include_str!("page.html"),
    "<script>",
    include_str!("words.js"),
    include_str!("parts.js"),
    include_str!("graphs.js"),
    include_str!("settings.js"),
    include_str!("script.js"),
    "</script>\n</body>\n</html>\n",
);

/// The page, as it is sent to a browser.
pub(super) fn document() -> Bytes {
    Bytes::from_static(DOCUMENT.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a phone on a bad line can be asked to load at night.
    const BYTES_MOST: usize = 60_000;

    #[test]
    fn the_page_is_small_and_asks_for_nothing_elsewhere() {
        assert!(DOCUMENT.len() < BYTES_MOST, "{} bytes", DOCUMENT.len());
        // The namespace of SVG is a name, which nobody loads.
        let document = DOCUMENT.replace("http://www.w3.org/2000/svg", "");
        for elsewhere in ["src=", "@import", "url(", "http:", "https:"] {
            assert!(!document.contains(elsewhere), "the page has `{elsewhere}`");
        }
    }

    #[test]
    fn what_comes_from_others_never_becomes_markup() {
        for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
        {
            assert!(!DOCUMENT.contains(markup), "the page has `{markup}`");
        }
    }
}
