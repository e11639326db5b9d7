use super::*;

#[test]
fn base_with_a_leading_dot_stands_for_the_names_below_it() {
    for (domain, is_within) in
        [("a.example.com", true), ("A.Example.COM", true), ("example.com", false), (".example.com", false)]
    {
        assert_eq!(is_below(domain, ".example.com"), is_within, "{domain}");
    }
}

#[test]
fn address_is_in_no_net_of_the_other_family() {
    let (four, sixteen) = ([10, 0, 0, 1], [[10; 1].as_slice(), &[0; 15]].concat());
    let net = |address: &[u8]| [address, &vec![0xff; address.len()]].concat();
    assert!(is_in_net(&four, &net(&four)));
    assert!(is_in_net(&sixteen, &net(&sixteen)));
    assert!(!is_in_net(&[10, 0, 0, 0], &net(&sixteen)), "its bytes begin alike");
    assert!(!is_in_net(&sixteen, &net(&[10, 0, 0, 0])), "its bytes begin alike");
}
