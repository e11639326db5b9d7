use super::*;

#[test]
fn lengths_take_the_short_form_below_128_and_the_long_form_above() {
    assert_eq!(tlv(OCTET_STRING, &[0; 127])[..2], [4, 127]);
    assert_eq!(tlv(OCTET_STRING, &[0; 128])[..3], [4, 0x81, 128]);
    assert_eq!(tlv(OCTET_STRING, &[0; 300])[..4], [4, 0x82, 1, 44]);
}

#[test]
fn unsigned_integers_are_minimal_and_never_negative() {
    assert_eq!(unsigned(&[]), [2, 1, 0]);
    assert_eq!(unsigned(&[0, 0]), [2, 1, 0]);
    assert_eq!(unsigned(&[0, 5]), [2, 1, 5]);
    assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
}

#[test]
fn named_bits_drop_trailing_zeroes() {
    assert_eq!(named_bits(0), [3, 1, 0]);
    assert_eq!(named_bits(1), [3, 2, 7, 0x80]);
    assert_eq!(named_bits(0b101), [3, 2, 5, 0xa0]);
    assert_eq!(named_bits(1 << 8), [3, 3, 7, 0, 0x80]);
}

#[test]
fn times_change_form_in_2050() {
    assert_eq!(time(2_524_607_999)[2..], *b"491231235959Z");
    assert_eq!(time(2_524_608_000)[2..], *b"20500101000000Z");
}
