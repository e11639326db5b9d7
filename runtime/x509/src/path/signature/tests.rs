use super::*;

#[test]
fn length_of_a_number_leaves_out_its_leading_zeros() {
    for (number, length) in [
        (&[][..], 0),
        (&[0], 0),
        (&[1], 1),
        (&[0x80], 8),
        (&[0, 0x80], 8),
        (&[0x01, 0x00], 9),
        (&[0, 0, 0x7f, 0xff, 0], 23),
    ] {
        assert_eq!(bits(number), length, "{number:02x?}");
    }
    let mut modulus = [0; 257];
    modulus[1] = 0x80;
    assert_eq!(bits(&modulus), 2048);
    modulus[1] = 0x40;
    assert_eq!(bits(&modulus), 2047);
}
