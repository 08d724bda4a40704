//! Whether the one who asks for `/` is a browser, which gets the page, or a probe, which gets JSON (RFC 9110, section 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

/// Whether these headers want HTML more than JSON. Who takes anything as well as anything is a probe.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let named = |headers: &HeaderMap| {
        let ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        ranges.flat_map(|value| value.split(',')).filter_map(Range::parse).collect::<Vec<_>>()
    };
    let ranges = named(headers);
    let html = ranges.iter().filter(|range| range.media_type == "text/html").map(|range| range.quality).max();
    let json = ranges.iter().filter(|range| range.media_type == "application/json");
    let json = json.map(|range| range.quality).max().unwrap_or(0);
    // That of `*/*` stands for HTML as much as for JSON.
    html.is_some_and(|html| html > 0 && html >= json)
}

/// A media range with its weight.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    /// In lower case.
    media_type: String,
    /// In thousandths.
    quality: u32,
}

impl Range {
    /// `None` for what is no media range.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next()?.to_ascii_lowercase();
        if !media_type.contains('/') {
            return None;
        }
        let weight = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        let quality = match weight {
            // A weight that is none makes a range that nobody understands.
            Some((_, weight)) => thousandths(weight.trim())?,
            None => 1000,
        };
        Some(Self { media_type, quality })
    }
}

/// A weight as RFC 9110 has it: 0 to 1, with three digits behind the point at most.
fn thousandths(weight: &str) -> Option<u32> {
    let (whole, rest) = weight.split_once('.').unwrap_or((weight, ""));
    if !matches!(whole, "0" | "1") || rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest = format!("{rest:0<3}").parse::<u32>().ok()?;
    Some(whole.parse::<u32>().ok()? * 1000 + rest).filter(|quality| *quality <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(accept: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        wants_html(&headers)
    }

    #[test]
    fn a_browser_gets_the_page() {
        for accept in [
            "text/html",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
            "TEXT/HTML ; Q=0.5",
            "text/html;level=1;q=0.1, */*",
            "application/json;q=0.8, text/html;q=0.9",
            "application/json;q=0, text/html;q=0.001",
        ] {
            assert!(wants(&[accept]), "{accept}");
        }
        assert!(wants(&["application/json;q=0.5", "text/html"]), "in two headers");
    }

    #[test]
    fn a_probe_gets_json() {
        assert!(!wants(&[]), "it says nothing");
        for accept in [
            "",
            "*/*",
            "text/*",
            "application/json",
            "application/json, */*",
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "text/html;q=0, */*",
            "text/html;q=0.5, application/json",
            "text/html;q=0.0004, */*",
            "text/html;q=2",
            "text/html;q=1.001",
            "text/html;q=x",
            "text",
        ] {
            assert!(!wants(&[accept]), "{accept}");
        }
    }
}
