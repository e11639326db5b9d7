use super::*;
use crate::apiserver::resource::Subresource;
use crate::base::csr::push_condition;
use crate::testing::{node_csr, strings};

mod cases;

const APPROVAL: Option<Subresource> = Some(Subresource::Approval);
const STATUS: Option<Subresource> = Some(Subresource::Status);

fn good() -> Csr {
    node_csr("foo", "u", &[])
}

fn fields(errors: &[FieldError]) -> Vec<(&str, &str)> {
    errors.iter().map(|e| (e.reason, e.field.as_str())).collect()
}

#[test]
fn a_good_request_has_no_errors() {
    let mut csr = good();
    csr.spec.expiration_seconds = Some(600);
    assert_eq!(create(&csr), []);
}

#[test]
fn every_wrong_field_is_named_with_its_kind() {
    type Change = fn(&mut Csr);
    let table: [(Change, &str, &str); 12] = [
        (|c| c.spec.request.0.clear(), "FieldValueInvalid", "spec.request"),
        (|c| c.spec.request.0 = b"x".to_vec(), "FieldValueInvalid", "spec.request"),
        (|c| c.spec.usages = None, "FieldValueRequired", "spec.usages"),
        (|c| c.spec.usages = Some(strings(&["unicorn"])), "FieldValueNotSupported", "spec.usages[0]"),
        (|c| c.spec.usages = Some(strings(&["any", "any"])), "FieldValueDuplicate", "spec.usages[1]"),
        (|c| c.spec.signer_name.clear(), "FieldValueRequired", "spec.signerName"),
        (|c| c.spec.expiration_seconds = Some(599), "FieldValueInvalid", "spec.expirationSeconds"),
        (|c| c.spec.expiration_seconds = Some(-1), "FieldValueInvalid", "spec.expirationSeconds"),
        (|c| c.metadata.name = None, "FieldValueRequired", "metadata.name"),
        (|c| c.metadata.name = Some("a/b".to_owned()), "FieldValueInvalid", "metadata.name"),
        (|c| c.metadata.name = Some("..".to_owned()), "FieldValueInvalid", "metadata.name"),
        (
            |c| c.metadata.annotations = Some([("k".to_owned(), "v".repeat(256 * 1024))].into()),
            "FieldValueTooLong",
            "metadata.annotations",
        ),
    ];
    for (change, reason, field) in table {
        let mut csr = good();
        change(&mut csr);
        assert_eq!(fields(&create(&csr)), [(reason, field)]);
    }
}

#[test]
fn signer_names_are_a_domain_and_a_path() {
    let long_label = format!("{}.com/x", "a".repeat(64));
    let long_path = format!("a.com/{}", "a".repeat(254));
    let long_domain = format!("{}com/x", "abcdefg.".repeat(32));
    let longest = format!("{}abc/{}", "abcdefghi.".repeat(25), "a".repeat(253));
    for ok in ["example.com/signer", "a.b/c.d.e", "x-1.com/y-2", &longest] {
        assert_eq!(signer_name(ok), [], "{ok}");
    }
    let bad = [
        "example.com",
        "example.com/a/b",
        "com/x",
        "Example.com/x",
        "example.com/",
        "/x",
        "-a.com/x",
        "a.com/x_y",
        "a..com/x",
        "kubernetes.io/legacy-unknown",
        &long_label,
        &long_path,
        &long_domain,
    ];
    for bad in bad {
        assert_ne!(signer_name(bad), [], "{bad}");
    }
}

fn with(kinds: &[&str]) -> Csr {
    let mut csr = good();
    kinds.iter().for_each(|kind| push_condition(&mut csr, kind, "r", "m"));
    csr
}

#[test]
fn conditions_are_added_by_their_endpoint_and_never_removed() {
    /// Stored and new condition types, the endpoint, whether it is allowed.
    type Row = (&'static [&'static str], &'static [&'static str], Option<Subresource>, bool);
    let table: [Row; 13] = [
        (&[], &["Approved"], APPROVAL, true),
        (&[], &["Denied"], APPROVAL, true),
        (&[], &["Failed"], APPROVAL, true),
        (&[], &["example.com/Custom"], APPROVAL, true),
        (&[], &["Approved", "Denied"], APPROVAL, false),
        (&["Approved"], &["Approved", "Denied"], APPROVAL, false),
        (&["Approved"], &[], APPROVAL, false),
        (&["Failed"], &[], STATUS, false),
        (&[], &["Approved"], STATUS, false),
        (&["Approved"], &["Approved", "Failed"], STATUS, true),
        (&["Custom"], &[], STATUS, true),
        (&["Approved", "Denied"], &["Denied", "Approved"], APPROVAL, true),
        (&[], &["Custom", "Custom"], STATUS, false),
    ];
    for (old, new, subresource, allowed) in table {
        let errors = update(&with(new), &with(old), subresource);
        assert_eq!(errors.is_empty(), allowed, "{old:?} -> {new:?} on {subresource:?}: {errors:?}");
    }
}

#[test]
fn the_fixed_conditions_must_be_true_and_others_known() {
    for (kind, status, allowed) in [
        ("Approved", "False", false),
        ("Approved", "", false),
        ("Custom", "Unknown", true),
        ("Custom", "Perhaps", false),
    ] {
        let mut csr = with(&[kind]);
        csr.status.as_mut().unwrap().conditions.as_mut().unwrap()[0].status = status.to_owned();
        assert_eq!(update(&csr, &good(), APPROVAL).is_empty(), allowed, "{kind}={status}");
    }
}

#[test]
fn a_certificate_is_certificate_blocks_and_is_written_once() {
    let now = std::time::SystemTime::now();
    let authority =
        crate::signing::pki::authority::Authority::create(now, std::time::Duration::from_secs(60)).unwrap();
    let pem = authority.pem();
    let set = |text: &str| {
        let mut csr = with(&["Approved"]);
        csr.status.as_mut().unwrap().certificate = Some(k8s_openapi::ByteString(text.as_bytes().to_vec()));
        csr
    };
    let old = with(&["Approved"]);
    assert_eq!(update(&set(&format!("text\n{pem}text\n{pem}")), &old, STATUS), []);
    let request = String::from_utf8(good().spec.request.0).unwrap();
    for bad in ["text only", &request, &pem.replace("MII", "AII")] {
        assert_eq!(fields(&update(&set(bad), &old, STATUS)), [("FieldValueInvalid", "status.certificate")]);
    }
    let twice = update(&set(&format!("{pem}{pem}")), &set(pem), STATUS);
    assert_eq!(fields(&twice), [("FieldValueForbidden", "status.certificate")]);
    assert_eq!(fields(&update(&old, &set(pem), STATUS)), [("FieldValueForbidden", "status.certificate")]);
}
