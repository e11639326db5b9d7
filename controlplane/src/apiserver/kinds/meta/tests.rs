use super::*;
use crate::testing::{node_csr, strings};

#[test]
fn labels_annotations_and_finalizers_have_names_that_are_checked() {
    let map = |key: &str, value: &str| Some([(key.to_owned(), value.to_owned())].into());
    let meta = |labels, annotations, finalizers: &[&str]| ObjectMeta {
        labels,
        annotations,
        finalizers: Some(strings(finalizers)),
        ..ObjectMeta::default()
    };
    for (meta, field) in [
        (meta(map("a b", "v"), None, &[]), "metadata.labels"),
        (meta(map("a", "v w"), None, &[]), "metadata.labels"),
        (meta(map("A.example/a", "v"), None, &[]), "metadata.labels"),
        (meta(None, map("/a", "any thing"), &[]), "metadata.annotations"),
        (meta(None, None, &["a/b/c d"]), "metadata.finalizers"),
    ] {
        let fields: Vec<_> = check(&meta).into_iter().map(|error| error.field).collect();
        assert_eq!(fields, [field], "{meta:?}");
    }
    assert_eq!(check(&meta(map("example.com/a_B", ""), map("k", "any thing"), &["example.com/x"])), []);
}

#[test]
fn an_object_that_waits_to_be_deleted_gets_no_new_finalizer() {
    let mut stored = node_csr("n", "u", &[]).metadata;
    stored.finalizers = Some(strings(&["a", "b"]));
    let given = ObjectMeta { finalizers: Some(strings(&["b", "c"])), ..stored.clone() };
    assert_eq!(of_changed(given.clone(), &stored).finalizers, Some(strings(&["b", "c"])));
    stored.deletion_timestamp = Some(crate::base::time::api_time(std::time::UNIX_EPOCH));
    assert_eq!(of_changed(given, &stored).finalizers, Some(strings(&["b"])));
}

#[test]
fn an_update_cannot_touch_what_is_the_servers() {
    let stored = node_csr("n", "u", &[]).metadata;
    let given =
        ObjectMeta { uid: Some("other".to_owned()), creation_timestamp: None, ..ObjectMeta::default() };
    let changed = of_changed(given, &stored);
    assert_eq!(
        (changed.uid, changed.resource_version, changed.name),
        (stored.uid, stored.resource_version, stored.name)
    );
}

#[test]
fn names_of_dns_are_told_from_others() {
    for (text, subdomain) in [
        ("a", true),
        ("a-b.c9", true),
        ("", false),
        ("A", false),
        ("a..b", false),
        ("-a", false),
        ("a-", false),
    ] {
        assert_eq!(is_subdomain(text), subdomain, "{text}");
    }
    assert!(!is_label(&"a".repeat(64)) && !is_label("a.b"));
}

#[test]
fn uids_are_random_version_four() {
    let uid = new_uid().unwrap();
    assert_eq!((uid.len(), &uid[14..15]), (36, "4"));
    assert_ne!(uid, new_uid().unwrap());
}

#[test]
fn version_zero_of_an_update_is_no_version() {
    let old = node_csr("a", "u", &[]);
    for (version, fits) in [("0", true), ("", true), ("1", true), ("2", false)] {
        let mut new = old.clone();
        new.metadata.resource_version = Some(version.to_owned());
        assert_eq!(same_object(&new, &old).is_ok(), fits, "{version:?}");
    }
}
