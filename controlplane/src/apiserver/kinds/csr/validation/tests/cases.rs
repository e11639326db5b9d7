//! The cases of area validation, each by its id.

use k8s_openapi::ByteString;

use super::*;
use crate::signing::pki::authority::Authority;

type Change = fn(&mut Csr);
/// A wrong field: what kind of wrong, and which.
type Wrong = (&'static str, &'static str);

const INVALID: &str = "FieldValueInvalid";
const REQUIRED: &str = "FieldValueRequired";
const FORBIDDEN: &str = "FieldValueForbidden";
const TOO_LONG: &str = "FieldValueTooLong";
const NOT_SUPPORTED: &str = "FieldValueNotSupported";
const DUPLICATE: &str = "FieldValueDuplicate";

/// A certificate for status, PEM.
fn pem() -> String {
    let now = std::time::SystemTime::now();
    Authority::create(now, std::time::Duration::from_secs(60)).unwrap().pem().to_owned()
}

fn set(csr: &mut Csr, certificate: &str) {
    let status = csr.status.get_or_insert_with(Default::default);
    status.certificate = Some(ByteString(certificate.as_bytes().to_vec()));
}

/// The certificate of `csr` set to this text.
fn certified(mut csr: Csr, certificate: &str) -> Csr {
    set(&mut csr, certificate);
    csr
}

#[test]
fn new_objects_are_judged_field_by_field() {
    let table: [(&str, Change, &[Wrong]); 13] = [
        ("VAL-001", |c| c.spec.request.0.clear(), &[(INVALID, "spec.request")]),
        ("VAL-002", |c| c.spec.request.0 = b"bad data".to_vec(), &[(INVALID, "spec.request")]),
        ("VAL-003", |c| c.spec.usages = None, &[(REQUIRED, "spec.usages")]),
        ("VAL-018", |c| c.spec.expiration_seconds = Some(0), &[(INVALID, "spec.expirationSeconds")]),
        ("VAL-020", |c| c.spec.expiration_seconds = Some(60), &[(INVALID, "spec.expirationSeconds")]),
        ("VAL-022", |c| c.spec.usages = Some(vec![]), &[(REQUIRED, "spec.usages")]),
        (
            "VAL-023",
            |c| c.spec.usages = Some(strings(&["unknown", "unknown"])),
            &[
                (NOT_SUPPORTED, "spec.usages[0]"),
                (NOT_SUPPORTED, "spec.usages[1]"),
                (DUPLICATE, "spec.usages[1]"),
            ],
        ),
        ("VAL-024", |c| push_condition(c, "Approved", "r", "m"), &[]),
        (
            "VAL-026",
            |c| {
                push_condition(c, "Approved", "r", "m");
                push_condition(c, "Denied", "r", "m");
            },
            &[(INVALID, "status.conditions[1].type")],
        ),
        (
            "VAL-027",
            |c| {
                push_condition(c, "Approved", "r", "m");
                push_condition(c, "Failed", "r", "m");
            },
            &[],
        ),
        ("VAL-069", |c| c.status = None, &[]),
        ("VAL-071", |c| push_condition(c, "Denied", "r", "m"), &[]),
        ("VAL-072", |c| push_condition(c, "Failed", "r", "m"), &[]),
    ];
    for (id, change, wrong) in table {
        let mut csr = good();
        change(&mut csr);
        assert_eq!(fields(&create(&csr)), wrong, "{id}");
    }
}

#[test]
fn signer_names_are_judged_label_by_label() {
    let long = |count: usize| "a".repeat(count);
    let domain = |length: usize| {
        let mut text = "abcdefgh.".repeat(length / 9 + 1);
        text.truncate(length - 1);
        text.truncate(text.trim_end_matches('.').len());
        format!("{text}{}", long(length - text.len()))
    };
    assert_eq!((domain(253).len(), domain(254).len()), (253, 254));
    let table: [(&str, String, Option<&str>); 10] = [
        ("VAL-005", "test-signer".to_owned(), Some(INVALID)),
        ("VAL-006", "test.test/signer/bad".to_owned(), Some(INVALID)),
        ("VAL-007", "notfqdn/signer".to_owned(), Some(INVALID)),
        ("VAL-008", "test.test/".to_owned(), Some(INVALID)),
        ("VAL-010", "test.test/-".to_owned(), Some(INVALID)),
        ("VAL-011", "test.test/signer".to_owned(), None),
        ("VAL-013", format!("{}/signer", domain(254)), Some(TOO_LONG)),
        ("VAL-014", format!("test.test/{}.{}", long(253), long(253)), None),
        ("VAL-015", format!("{}.io/signer", long(66)), Some(INVALID)),
        ("VAL-016", format!("{}/{}.{}", domain(253), long(63), long(253)), None),
    ];
    for (id, name, wrong) in table {
        if id == "VAL-016" {
            assert_eq!(name.len(), 571);
        }
        let mut csr = good();
        csr.spec.signer_name = name;
        let errors = create(&csr);
        let found = fields(&errors);
        match wrong {
            None => assert_eq!(found, [], "{id}"),
            Some(kind) => assert!(found.contains(&(kind, "spec.signerName")), "{id}: {found:?}"),
        }
    }
}

/// A stored object and one that differs from it, both with these conditions to begin with.
struct Pair {
    old: Csr,
    new: Csr,
}

impl Pair {
    fn of(kinds: &[&str]) -> Self {
        let mut old = with(kinds);
        old.metadata.finalizers = Some(strings(&["test.io/one"]));
        Self { new: old.clone(), old }
    }

    /// From one list of conditions to another.
    fn from_to(old: &[&str], new: &[&str]) -> Self {
        Self { old: with(old), new: with(new) }
    }

    /// Both hold this certificate, and the finalizer goes.
    fn odd(certificate: &str) -> Self {
        let old = certified(with(&["Approved"]), certificate);
        Self { new: certified(with(&["Approved"]), certificate), old }
    }

    fn wrong(&self, endpoint: Option<Subresource>) -> Vec<(String, String)> {
        let errors = update(&self.new, &self.old, endpoint);
        errors.iter().map(|e| (e.reason.to_owned(), e.field.clone())).collect()
    }
}

const CONDITIONS: &str = "status.conditions";
const CERTIFICATE: &str = "status.certificate";

#[test]
fn update_rules_depend_on_the_endpoint() {
    let pem = pem();
    let set_certificate = |kinds: &[&str], text: &str| {
        let pair = Pair::of(kinds);
        Pair { new: certified(pair.new, text), old: pair.old }
    };
    let mut unknown_usages = Pair::of(&[]);
    for csr in [&mut unknown_usages.old, &mut unknown_usages.new] {
        csr.spec.usages = Some(strings(&["unknown", "unknown"]));
    }
    unknown_usages.new.metadata.finalizers = None;
    let mut replaced = Pair::odd(&pem);
    set(&mut replaced.new, &self::pem());
    let nothing: &[Wrong] = &[];
    let one: &[Wrong] = &[(FORBIDDEN, CONDITIONS)];
    let table: [(&str, Option<Subresource>, Pair, &[Wrong]); 27] = [
        ("VAL-038", None, Pair::of(&[]), nothing),
        ("VAL-039", None, Pair::odd("garbage"), nothing),
        ("VAL-041", None, Pair::from_to(&["Approved"], &[]), one),
        ("VAL-042", None, Pair::from_to(&[], &["Denied"]), one),
        ("VAL-044", None, Pair::from_to(&[], &["Failed"]), nothing),
        ("VAL-045", None, Pair::from_to(&["Failed"], &[]), one),
        ("VAL-046", None, set_certificate(&["Approved"], &pem), &[(FORBIDDEN, CERTIFICATE)]),
        (
            "VAL-047",
            None,
            Pair::from_to(&[], &["Approved", "Denied"]),
            &[(INVALID, "status.conditions[1].type"), (FORBIDDEN, CONDITIONS), (FORBIDDEN, CONDITIONS)],
        ),
        ("VAL-048", STATUS, Pair::of(&[]), nothing),
        ("VAL-049", STATUS, Pair::odd("garbage"), nothing),
        ("VAL-050", STATUS, Pair::from_to(&[], &["Approved"]), one),
        ("VAL-052", STATUS, Pair::from_to(&[], &["Denied"]), one),
        ("VAL-053", STATUS, Pair::from_to(&["Denied"], &[]), one),
        ("VAL-054", STATUS, Pair::from_to(&[], &["Failed"]), nothing),
        ("VAL-055", STATUS, Pair::from_to(&["Failed"], &[]), one),
        ("VAL-056", STATUS, unknown_usages, nothing),
        ("VAL-057", STATUS, set_certificate(&["Approved"], &pem), nothing),
        ("VAL-058", STATUS, set_certificate(&["Approved"], "no PEM"), &[(INVALID, CERTIFICATE)]),
        ("VAL-059", STATUS, replaced, &[(FORBIDDEN, CERTIFICATE)]),
        ("VAL-061", APPROVAL, Pair::odd("garbage"), nothing),
        ("VAL-063", APPROVAL, Pair::from_to(&["Approved"], &[]), one),
        ("VAL-065", APPROVAL, Pair::from_to(&["Denied"], &[]), one),
        ("VAL-066", APPROVAL, Pair::from_to(&[], &["Failed"]), nothing),
        ("VAL-068", APPROVAL, set_certificate(&["Approved"], &pem), &[(FORBIDDEN, CERTIFICATE)]),
        ("VAL-148", APPROVAL, Pair::from_to(&[], &["Approved"]), nothing),
        (
            "VAL-149",
            APPROVAL,
            Pair::from_to(&[], &["Approved", "Denied"]),
            &[(INVALID, "status.conditions[1].type")],
        ),
        ("VAL-141", STATUS, longer(Pair::of(&["Approved", "Denied"])), nothing),
    ];
    for (id, endpoint, pair, wrong) in table {
        let found = pair.wrong(endpoint);
        let found: Vec<_> = found.iter().map(|(kind, field)| (kind.as_str(), field.as_str())).collect();
        assert_eq!(found, wrong, "{id} on {endpoint:?}");
    }
}

fn longer(mut pair: Pair) -> Pair {
    pair.new.spec.expiration_seconds = Some(7200);
    pair
}

/// What is stored though it would not be let in today does not hinder an update of something else.
#[test]
fn stored_oddities_are_tolerated_and_new_ones_are_not() {
    let pem = pem();
    let headers = pem.replace("-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nkey: value\n\n");
    let empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    let no_der = "-----BEGIN CERTIFICATE-----\nZGVmZ2hpamtsbW5vcA==\n-----END CERTIFICATE-----\n";
    let approved = || with(&["Approved"]);
    let mut legacy = good();
    legacy.spec.signer_name = "kubernetes.io/legacy-unknown".to_owned();
    let mut usages = good();
    usages.spec.usages = Some(strings(&["unknown"]));
    let table: [(&str, Csr, bool); 12] = [
        ("VAL-028", good(), true),
        ("VAL-032", with(&["Custom", "Custom"]), false),
        ("VAL-034", certified(approved(), &pem), true),
        ("VAL-035", certified(approved(), "garbage"), false),
        ("VAL-036", usages, false),
        ("VAL-073", certified(approved(), &pem), true),
        ("VAL-074", legacy, false),
        ("VAL-076", with(&["Approved", "Denied"]), false),
        ("VAL-077", with(&["Approved", "Approved"]), false),
        ("VAL-080", certified(approved(), &headers), false),
        ("VAL-082", certified(approved(), empty), false),
        ("VAL-083", certified(approved(), no_der), false),
    ];
    for (id, csr, strict) in table {
        let judged = create(&csr);
        assert_eq!(judged.is_empty(), strict, "{id}, as a new object: {judged:?}");
        for endpoint in [None, APPROVAL, STATUS] {
            assert_eq!(update(&csr, &csr, endpoint), [], "{id}, stored, on {endpoint:?}");
        }
    }
}

#[test]
fn condition_lists_are_judged_alike_wherever_they_come_from() {
    let table: [(&str, &[&str], bool); 6] = [
        ("VAL-125", &[], true),
        ("VAL-127", &["Denied"], true),
        ("VAL-128", &["Failed"], true),
        ("VAL-129", &["Approved", "Failed"], true),
        ("VAL-131", &["Approved", "Denied"], false),
        ("VAL-132", &["Denied", "Approved"], false),
    ];
    for (id, kinds, valid) in table {
        assert_eq!(create(&with(kinds)).is_empty(), valid, "{id}");
    }
    let both: &[&str] = &["Approved", "Denied"];
    let swapped: &[&str] = &["Denied", "Approved"];
    let twice: &[&str] = &["Approved", "Denied", "Approved", "Denied"];
    /// Id, endpoint, stored and new condition types.
    type Row = (&'static str, Option<Subresource>, &'static [&'static str], &'static [&'static str]);
    let table: [Row; 10] = [
        ("VAL-133", None, &["Approved"], &["Approved"]),
        ("VAL-134", APPROVAL, &["Approved"], &["Approved"]),
        ("VAL-135", STATUS, &["Approved"], &["Approved"]),
        ("VAL-136", None, both, both),
        ("VAL-137", APPROVAL, both, both),
        ("VAL-142", None, both, &["Approved", "Denied", "Failed"]),
        ("VAL-145", None, both, swapped),
        ("VAL-146", APPROVAL, both, swapped),
        ("VAL-147", STATUS, both, swapped),
        ("VAL-151", STATUS, twice, &["Denied", "Denied", "Approved", "Approved"]),
    ];
    for (id, endpoint, old, new) in table {
        assert_eq!(Pair::from_to(old, new).wrong(endpoint), [], "{id}");
    }
}
