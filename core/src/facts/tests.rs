use super::*;
use alloc::format;
use alloc::vec::Vec;

#[test]
fn every_usage_has_a_bit_and_a_name_of_its_own() {
    for (index, (usage, name)) in Usages::ALL.iter().enumerate() {
        assert_eq!(Usages::named(name), Some(*usage));
        assert_eq!(usage.names().collect::<Vec<_>>(), [*name]);
        for (other, _) in &Usages::ALL[index + 1..] {
            assert!(!usage.has(*other) && !other.has(*usage), "{usage} and {other}");
        }
    }
    assert_eq!(Usages::named("Client Auth"), None);
}

#[test]
fn a_set_of_usages_is_a_set() {
    let both = Usages::DIGITAL_SIGNATURE.with(Usages::CLIENT_AUTH);
    assert!(both.has(Usages::CLIENT_AUTH) && both.has(Usages::NONE) && both.has(both));
    assert!(!Usages::CLIENT_AUTH.has(both));
    assert_eq!(both.with(both), both);
    assert_eq!(both.without(Usages::CLIENT_AUTH), Usages::DIGITAL_SIGNATURE);
    assert!(both.without(both).is_empty() && Usages::default().is_empty());
    assert_eq!(format!("{both}"), "digital signature, client auth");
    assert_eq!(format!("{both:?}"), "Usages(digital signature, client auth)");
    assert_eq!(format!("{}", Usages::NONE), "none");
}

#[test]
fn usages_are_joined_by_an_operator_as_by_the_method() {
    let mut joined = Usages::CLIENT_AUTH | Usages::DIGITAL_SIGNATURE;
    assert_eq!(joined, Usages::CLIENT_AUTH.with(Usages::DIGITAL_SIGNATURE));
    joined |= Usages::SERVER_AUTH;
    assert!(joined.has(Usages::SERVER_AUTH | Usages::CLIENT_AUTH));
}
