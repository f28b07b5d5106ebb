//! Which trace a request belongs to, so that its lines are found from the caller's side and from AWS X-Ray's.

use axum::extract::Request;
use lambda_http::RequestExt as _;

/// The trace that the caller names (W3C Trace Context, header `traceparent`), else that of AWS X-Ray, in W3C's spelling.
pub fn of_request(request: &Request) -> Option<String> {
    let named = request.headers().get("traceparent").and_then(|header| of_traceparent(header.to_str().ok()?));
    named.or_else(|| of_xray(request.lambda_context_ref()?.xray_trace_id.as_deref()?))
}

/// The trace of a `traceparent` of version 00.
fn of_traceparent(header: &str) -> Option<String> {
    let parts: Vec<&str> = header.split('-').collect();
    let [version, trace, parent, flags] = parts[..] else { return None };
    let whole = version == "00" && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    (whole && trace.contains(|digit| digit != '0')).then(|| trace.to_owned())
}

/// The trace of an X-Ray header, `Root=1-<8 digits>-<24 digits>;…`.
fn of_xray(header: &str) -> Option<String> {
    let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root=1-"))?;
    let (time, rest) = root.split_once('-')?;
    (is_hex(time, 8) && is_hex(rest, 24)).then(|| format!("{time}{rest}"))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_known_by_either_header_and_nothing_else_is_one() {
        let trace = "ab12".repeat(8);
        assert_eq!(of_traceparent(&format!("00-{trace}-00f067aa0ba902b7-01")), Some(trace.clone()));
        let xray = format!("Root=1-{}-{};Parent=53995c3f42cd8ad8;Sampled=1", &trace[..8], &trace[8..]);
        assert_eq!(of_xray(&xray), Some(trace.clone()));
        let zero = "0".repeat(32);
        for bad in [
            "",
            "00",
            &format!("00-{zero}-00f067aa0ba902b7-01"),
            &format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            &format!("ff-{trace}-00f067aa0ba902b7-01"),
            &format!("00-{trace}-00f067aa0ba902b7-01-x"),
        ] {
            assert_eq!(of_traceparent(bad), None, "{bad}");
        }
        for bad in ["", &xray.replace("Root=1", "Root=2"), "Root=1-ab12ab12", "Root=1-ab12ab12-\n"] {
            assert_eq!(of_xray(bad), None, "{bad}");
        }
    }
}
