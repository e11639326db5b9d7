use std::time::SystemTime;

use certrotate_core::api::ApiFault;
use certrotate_core::time::Span;
use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER};

use super::retry_after;
use crate::api::fuzz::outcome;

const OBJECT: &str = r#"{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","spec":{"request":"YQ==","signerName":"s"}}"#;

#[test]
fn object_is_accepted_only_with_a_success_status() {
    for call in ["get", "create"] {
        assert!(outcome(format!("{call} 200\n{OBJECT}").as_bytes()).result.is_ok(), "{call}");
        for code in [302, 304, 600, 999] {
            let found = outcome(format!("{call} {code}\n{OBJECT}").as_bytes());
            assert_eq!(found.result, Err(ApiFault::Unexpected), "{call} {code}");
            assert!(found.text.is_some_and(|text| text.starts_with(&code.to_string())));
        }
    }
}

#[test]
fn list_is_accepted_only_with_a_success_status() {
    let list = format!(r#"{{"items":[{OBJECT}]}}"#);
    assert_eq!(outcome(format!("watch 200\n{list}").as_bytes()).result, Err(ApiFault::WatchEnded));
    assert_eq!(outcome(format!("watch 302\n{list}").as_bytes()).result, Err(ApiFault::Unexpected));
}

#[test]
fn failure_is_known_by_status_even_if_not_utf_8() {
    for (code, fault) in [
        (401, ApiFault::Unauthorized),
        (429, ApiFault::TooManyRequests { retry_after: Some(Span::from_secs(7)) }),
        (502, ApiFault::ServerError { retry_after: Some(Span::from_secs(7)) }),
    ] {
        let answer = [format!("get {code} 7\n").as_bytes(), b"<p>ung\xfcltig</p>"].concat();
        assert_eq!(outcome(&answer).result, Err(fault));
    }
    assert_eq!(outcome(b"get 200\n\xfc").result, Err(ApiFault::Unexpected));
}

#[test]
fn retry_after_is_seconds_or_a_date_and_saturates() {
    let asked = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        retry_after(&headers, SystemTime::now())
    };
    assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
    for (text, expected) in [
        ("0", Some(Span::ZERO)),
        (" 120 ", Some(Span::from_secs(120))),
        ("99999999999999999999999999", Some(Span::MAX)),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(Span::ZERO)),
    ] {
        assert_eq!(asked(text), expected, "{text:?}");
    }
    let far = asked("Fri, 31 Dec 9999 23:59:59 GMT").unwrap();
    assert!(far > Span::from_hours(24 * 365 * 1000), "{far}");
}
