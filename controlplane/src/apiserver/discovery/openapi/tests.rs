use super::*;
use crate::apiserver::wire::definitions::unknown_fields;

/// Every reference in a document.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_in_both_versions() {
    let mut v2_references = Vec::new();
    references(&v2(), &mut v2_references);
    assert!(v2_references.len() > 50);
    for reference in v2_references {
        let name = reference.strip_prefix("#/definitions/").unwrap();
        assert!(definitions().contains_key(name), "{reference}");
    }
    for api in served() {
        assert!(definitions().contains_key(&definition_of(api)), "{}", api.kind);
        let document = v3(api.group, api.version).unwrap();
        let mut v3_references = Vec::new();
        references(&document, &mut v3_references);
        for reference in v3_references {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{reference}");
        }
    }
    assert!(v3("apps", "v1").is_none());
}

#[test]
fn the_index_leads_to_every_document() {
    for (path, item) in v3_index()["paths"].as_object().unwrap() {
        let address = item["serverRelativeURL"].as_str().unwrap();
        assert!(address.starts_with(&format!("/openapi/v3/{path}?hash=")), "{address}");
        let mut parts = path.split('/').skip(1);
        assert!(v3(parts.next().unwrap(), parts.next().unwrap()).is_some(), "{path}");
    }
}

#[test]
fn patch_operation_declares_field_validation_for_kubectl() {
    let document = v3("certificates.k8s.io", "v1").unwrap();
    let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests/{name}";
    let patch = &document["paths"][path]["patch"];
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "CertificateSigningRequest");
    let names: Vec<_> =
        patch["parameters"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation"]);
    assert!(patch["requestBody"]["content"]["application/merge-patch+json"]["schema"]["$ref"].is_string());
}

#[test]
fn unknown_fields_are_found_wherever_they_are() {
    let document = json!({
        "metadata": {"labels": {"anything": "goes"}, "nam": 1, "ownerReferences": [{"x": 1}, {"uid": "u"}]},
        "spec": {"extra": {"key": ["v"]}, "other": {"deep": 1}},
        "odd": null,
    });
    let name = "io.k8s.api.certificates.v1.CertificateSigningRequest";
    let mut unknown = unknown_fields(&document, name);
    unknown.sort();
    assert_eq!(unknown, ["metadata.nam", "metadata.ownerReferences[0].x", "odd", "spec.other"]);
}

#[test]
fn the_protobuf_form_has_the_outline_of_the_json_form() {
    let bytes = protobuf::document(&v2());
    // Field 1, length 3: the version of the specification.
    assert!(bytes.starts_with(b"\x0a\x032.0"));
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("io.k8s.api.certificates.v1.CertificateSigningRequestSpec"));
    assert!(has("x-kubernetes-group-version-kind") && has("expirationSeconds") && has("dryRun"));
}
