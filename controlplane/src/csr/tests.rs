use super::*;

#[test]
fn a_table_is_served_where_the_first_served_form_is_one() {
    let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
    for (accept, table) in [
        (kubectl, true),
        ("application/json", false),
        ("", false),
        ("*/*", false),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", false),
        ("application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json", false),
        ("application/json,application/json;as=Table;v=v1;g=meta.k8s.io", false),
    ] {
        assert_eq!(wants_table(accept), table, "{accept}");
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

#[test]
fn strategic_patches_with_directives_are_told_apart() {
    assert!(!has_directive(&json!({"metadata": {"labels": {"a": null}}})));
    assert!(has_directive(&json!({"status": {"conditions": [{"$patch": "delete", "type": "x"}]}})));
}
