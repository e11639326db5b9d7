use super::*;

#[test]
fn generated_names_are_cut_on_a_character_and_end_in_five_random_ones() {
    let name = generated_name(&"ä".repeat(40)).unwrap();
    assert!(name.starts_with(&"ä".repeat(29)) && name.len() == 63, "{name}");
    let names: std::collections::BTreeSet<_> = (0..50).map(|_| generated_name("csr-").unwrap()).collect();
    assert!(names.len() > 45 && names.iter().all(|n| n.len() == 9));
}
