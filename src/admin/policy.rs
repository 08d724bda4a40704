//! What the page may do, told to browsers: run what stands in it, look as it says, and ask this server. Nothing else, whatever
//! the telemetry or a store's answer tries to put into it.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use ring::digest::{SHA256, digest};

use super::page;

/// The policy of the page, as the header `Content-Security-Policy` has it.
pub(super) static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let text = policy(&String::from_utf8_lossy(&page::document()));
    // Hashes and names are all ASCII; without them the page may do nothing at all.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// The policy of a document: its own styles and scripts are named by their hashes. An icon may stand in it as `data:`.
fn policy(document: &str) -> String {
    let sources = |element: &str| {
        let hashes: Vec<_> = inline(document, element).map(hash).collect();
        if hashes.is_empty() { "'none'".to_owned() } else { hashes.join(" ") }
    };
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        sources("script"),
        sources("style"),
    )
}

/// What stands in the elements of this name.
fn inline<'a>(document: &'a str, element: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    document
        .split(&open)
        .skip(1)
        .filter_map(move |rest| rest.split_once(&close).map(|(inside, _)| inside))
        .collect::<Vec<_>>()
        .into_iter()
}

/// The hash of what stands in an element, as a policy names it.
fn hash(inside: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(digest(&SHA256, inside.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_styles_are_named_by_their_hashes() {
        let document = "<style>a{}</style><style>b{}</style><script>alert('Hello, world.');</script>";
        let told = policy(document);
        // The example of CSP level 2, section 7.17.2.
        assert!(told.contains("script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=';"), "{told}");
        assert_eq!(told.matches("'sha256-").count(), 3, "{told}");
        assert!(told.starts_with("default-src 'none'; ") && !told.contains("unsafe"), "{told}");
        assert!(policy("<p>").contains("script-src 'none'; style-src 'none'"));
    }

    #[test]
    fn everything_in_the_page_is_named() {
        let document = String::from_utf8(page::document().to_vec()).unwrap();
        let told = POLICY.to_str().unwrap();
        for element in ["script", "style"] {
            let all = document.matches(&format!("<{element}")).count();
            let named: Vec<_> = inline(&document, element).map(hash).collect();
            assert_eq!(named.len(), all, "a <{element}> with attributes is not found");
            assert!(all > 0 && named.iter().all(|hash| told.contains(hash)), "{told}");
        }
        for attribute in [" style=\"", " onclick=", " onload=", "javascript:"] {
            assert!(!document.contains(attribute), "{attribute} is not allowed by the policy");
        }
    }
}
