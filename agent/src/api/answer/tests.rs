use std::time::SystemTime;

use certrotate_core::issuer::{IssuerFault, RequestState};
use certrotate_core::time::Span;
use certrotate_x509::request_name;
use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER};

use super::retry_after;
use crate::api::fuzz::{Outcome, REQUEST, outcome};

const OBJECT: &str = r#"{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","metadata":{"name":"NAME"},"spec":{"request":"YQ==","signerName":"s"}}"#;
const LIST: &str = r#"{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequestList","metadata":{},"items":[OBJECT]}"#;

/// The outcome of these answers; NAME and OBJECT stand for the request's name and for the request.
fn answered(answers: &str) -> Outcome {
    let text = answers.replace("LIST", LIST).replace("OBJECT", OBJECT);
    outcome(text.replace("NAME", &request_name(&REQUEST)).as_bytes())
}

#[test]
fn object_is_accepted_only_with_a_success_status() {
    for call in ["get", "create"] {
        assert!(answered(&format!("{call} 200\nOBJECT")).result.is_ok(), "{call}");
        for code in [302, 304, 600, 999] {
            let found = answered(&format!("{call} {code}\nOBJECT"));
            assert_eq!(found.result, Err(IssuerFault::Unexpected), "{call} {code}");
            assert!(found.text.is_some_and(|text| text.starts_with(&code.to_string())));
        }
    }
}

#[test]
fn list_is_accepted_only_with_a_success_status() {
    assert_eq!(answered("watch 200\nLIST").result, Err(IssuerFault::WatchEnded));
    assert_eq!(answered("watch 302\nLIST").result, Err(IssuerFault::Unexpected));
}

#[test]
fn failure_is_known_by_status_even_if_not_utf_8() {
    for (code, fault) in [
        (401, IssuerFault::NotAuthenticated),
        (429, IssuerFault::Throttled { retry_after: Some(Span::from_secs(7)) }),
        (502, IssuerFault::Unavailable { retry_after: Some(Span::from_secs(7)) }),
    ] {
        let answer = [format!("get {code} 7\n").as_bytes(), b"<p>ung\xfcltig</p>"].concat();
        assert_eq!(outcome(&answer).result, Err(fault));
    }
    assert_eq!(outcome(b"get 200\n\xfc").result, Err(IssuerFault::Unexpected));
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

#[test]
fn json_of_another_kind_is_described_and_not_taken_for_a_foreign_request() {
    for (answers, part) in [
        ("get 200\n{}", "JSON without apiVersion and kind"),
        ("create 201\n{}", "JSON without apiVersion and kind"),
        ("watch 200\n{}", "JSON without apiVersion and kind"),
        ("get 200\n[]", "JSON without"),
        ("get 200\nnull", "4 bytes without a type"),
        ("get 200\n", "an empty body"),
        ("get 204\n", "status 204 with an empty body"),
        ("watch 200\nOBJECT", "a CertificateSigningRequest of certificates.k8s.io/v1 instead of a"),
        ("get 200\nLIST", "a CertificateSigningRequestList of certificates.k8s.io/v1 instead of a"),
        ("get 200\n{\"kind\":\"Pod\\n2026\",\"apiVersion\":\"v1\"}", "a Pod\\n2026 of v1 instead of a"),
    ] {
        let found = answered(answers);
        assert_eq!(found.result, Err(IssuerFault::Unexpected), "{answers}");
        assert!(found.text.as_ref().is_some_and(|text| text.contains(part)), "{answers}: {found:?}");
    }
}

#[test]
fn object_of_another_name_is_unexpected() {
    let other = OBJECT.replace("NAME", "node-csr-other");
    for answers in [format!("get 200\n{other}"), format!("create 201\n{other}")] {
        let found = outcome(answers.as_bytes());
        assert_eq!(found.result, Err(IssuerFault::Unexpected), "{answers}");
    }
    let list = LIST.replace("OBJECT", &other);
    assert_eq!(outcome(format!("watch 200\n{list}").as_bytes()).result, Err(IssuerFault::Unexpected));
}

#[test]
fn only_an_api_server_says_that_an_object_is_missing_or_exists() {
    let status = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"m\"}";
    for (answers, fault) in [
        (format!("get 404\n{status}"), IssuerFault::NotFound),
        ("get 404\n<html>not here</html>".to_owned(), IssuerFault::Unexpected),
        ("get 404\n404 page not found".to_owned(), IssuerFault::Unexpected),
        (format!("create 404\n{status}"), IssuerFault::Unexpected),
        (format!("create 409\n{status}"), IssuerFault::AlreadyExists),
        ("create 409\n{\"error\":\"conflict\"}".to_owned(), IssuerFault::Unexpected),
        ("get 401\nlog in".to_owned(), IssuerFault::NotAuthenticated),
    ] {
        assert_eq!(outcome(answers.as_bytes()).result, Err(fault), "{answers}");
    }
}

#[test]
fn certificate_of_an_object_without_approval_is_not_taken() {
    let with = |conditions: &str| {
        let status = format!(r#","status":{{"certificate":"YQ==","conditions":[{conditions}]}}}}"#);
        let object = OBJECT.strip_suffix('}').unwrap().to_owned() + &status;
        answered(&format!("get 200\n{object}")).result.unwrap().state
    };
    let [approved, denied, failed] =
        ["Approved", "Denied", "Failed"].map(|kind| format!(r#"{{"type":"{kind}","status":"True"}}"#));
    assert_eq!(with(""), RequestState::Pending);
    assert_eq!(with(&approved), RequestState::IssuedUnreadable);
    assert_eq!(with(&denied), RequestState::Denied);
    assert_eq!(with(&format!("{approved},{failed}")), RequestState::Failed);
}
