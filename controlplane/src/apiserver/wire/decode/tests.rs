use http::Method;
use serde_json::json;

use super::*;
use crate::apiserver::kinds::csr::CSRS;
use crate::apiserver::wire::definitions::unknown_fields;

fn call(kind: &str, body: &str) -> Call {
    Call {
        method: Method::POST,
        content_type: kind.to_owned(),
        body: body.to_owned().into(),
        ..Call::default()
    }
}

const DOUBLE: &str = r#"{"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
    "spec": {"signerName": "a", "signerName": "b", "nonsense": {"x": 1}}, "status": {"conditions": [{"odd": 1}]}}"#;

#[test]
fn what_is_unknown_or_twice_is_an_error_a_warning_or_nothing() {
    let strict = document(&CSRS, &call("", DOUBLE), FieldValidation::Strict).unwrap_err();
    assert_eq!(
        (strict.code.as_u16(), strict.message.as_str()),
        (
            400,
            "CertificateSigningRequest in version \"v1\" cannot be handled as a CertificateSigningRequest: strict \
             decoding error: duplicate field \"spec.signerName\", unknown field \"spec.nonsense\", unknown field \
             \"status.conditions[0].odd\""
        )
    );
    let warned = document(&CSRS, &call("", DOUBLE), FieldValidation::Warn).unwrap();
    assert_eq!(warned.warnings.len(), 3);
    assert_eq!(warned.document["spec"]["signerName"], "b");
    assert!(document(&CSRS, &call("", DOUBLE), FieldValidation::Ignore).unwrap().warnings.is_empty());
}

#[test]
fn everything_that_an_object_can_say_is_known() {
    let mut csr = crate::testing::node_csr("n", "u", &["g"]);
    crate::base::csr::push_condition(&mut csr, "Approved", "r", "m");
    csr.spec.extra = Some([("k".to_owned(), vec!["v".to_owned()])].into());
    csr.metadata.finalizers = Some(vec!["a/b".to_owned()]);
    let document = serde_json::to_value(&csr).unwrap();
    assert_eq!(unknown_fields(&document, &definition_of(&CSRS)), Vec::<String>::new());
}

#[test]
fn other_media_types_kinds_and_broken_json_are_refused_by_name() {
    for (kind, body, code) in [
        ("application/yaml", "a: b", 415),
        ("application/json", "{", 400),
        ("application/json", "{} {}", 400),
        ("application/json", "[]", 400),
        ("application/json; charset=utf-8", r#"{"apiVersion": "v1", "kind": "Pod"}"#, 400),
        (PROTOBUF, "nonsense", 400),
    ] {
        let error = document(&CSRS, &call(kind, body), FieldValidation::Warn).unwrap_err();
        assert_eq!(error.code.as_u16(), code, "{kind} {body}");
    }
}

#[test]
fn json_deeper_than_the_readers_stack_is_refused() {
    let deep = "[".repeat(100_000);
    assert_eq!(parse_strictly(deep.as_bytes()).unwrap_err().code.as_u16(), 400);
    assert_eq!(
        parse_strictly(b"{\"a\": [1, -2, 1.5, null, true, \"x\"]}").unwrap().0,
        json!({"a": [1, -2, 1.5, null, true, "x"]})
    );
}

#[test]
fn what_a_document_does_not_say_of_its_kind_is_taken_for_granted() {
    let read = |body: &str| document(&CSRS, &call("", body), FieldValidation::Warn).map(|read| read.document);
    for body in ["{}", r#"{"kind": "CertificateSigningRequest"}"#, r#"{"apiVersion": "", "kind": null}"#] {
        let document = read(body).unwrap();
        assert_eq!(
            (&document["kind"], &document["apiVersion"]),
            (&json!(CSRS.kind), &json!(CSRS.group_version()))
        );
    }
    assert!(read(r#"{"kind": "Pod"}"#).is_err() && read("7").is_err());
}
