use super::*;

#[test]
fn the_first_form_that_is_served_counts() {
    let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
    for (accept, wanted) in [
        (kubectl, Form::Table),
        ("application/json", Form::Whole),
        ("", Form::Whole),
        ("*/*", Form::Whole),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", Form::Whole),
        ("application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json", Form::Whole),
        ("application/json,application/json;as=Table;v=v1;g=meta.k8s.io", Form::Whole),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json", Form::Metadata),
    ] {
        assert_eq!(form(accept), wanted, "{accept}");
    }
}

#[test]
fn generated_names_are_cut_on_a_character_and_end_in_five_random_ones() {
    let name = generated_name(&"ä".repeat(40)).unwrap();
    assert!(name.starts_with(&"ä".repeat(29)) && name.len() == 63, "{name}");
    let names: std::collections::BTreeSet<_> = (0..50).map(|_| generated_name("csr-").unwrap()).collect();
    assert!(names.len() > 45 && names.iter().all(|n| n.len() == 9));
}

#[test]
fn uids_are_random_version_four() {
    let uid = new_uid().unwrap();
    assert_eq!((uid.len(), &uid[14..15]), (36, "4"));
    assert_ne!(uid, new_uid().unwrap());
}
