use super::*;

#[test]
fn ca_002_ca_003_a_usage_is_a_bit_or_an_extended_usage() {
    assert_eq!(parse(["signing"]).unwrap(), Usages { key: 1, extended: Vec::new() });
    assert_eq!(parse(["client auth"]).unwrap(), Usages { key: 0, extended: vec![EXTENDED_OIDS[2]] });
}

#[test]
fn ca_013_signing_is_the_digital_signature_bit() {
    assert_eq!(parse(["signing"]).unwrap().key, 1);
}

#[test]
fn ca_015_extended_usages_are_not_repeated() {
    let usages = parse(["client auth", "client auth"]).unwrap();
    assert_eq!(usages.extended, [EXTENDED_OIDS[2]]);
}

#[test]
fn ca_017_extended_usages_come_in_numeric_order() {
    let usages = parse(["ocsp signing", "crl sign", "s/mime", "content commitment"]).unwrap();
    assert_eq!(usages.key, 1 << 6 | 1 << 1);
    assert_eq!(usages.extended, [EXTENDED_OIDS[4], EXTENDED_OIDS[9]]);
}

#[test]
fn an_unknown_usage_is_named() {
    assert_eq!(parse(["digital signature", "nonsense"]), Err("nonsense".to_owned()));
}
