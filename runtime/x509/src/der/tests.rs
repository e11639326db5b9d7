use super::*;

#[test]
fn lengths_take_the_shortest_form() {
    assert_eq!(head(SEQUENCE, 0), [0x30, 0]);
    assert_eq!(head(SEQUENCE, 127), [0x30, 127]);
    assert_eq!(head(SEQUENCE, 128), [0x30, 0x81, 128]);
    assert_eq!(head(SEQUENCE, 256), [0x30, 0x82, 1, 0]);
    assert_eq!(head(SEQUENCE, 65_536), [0x30, 0x83, 1, 0, 0]);
}

#[test]
fn a_value_is_its_parts_in_order() {
    assert_eq!(value(OCTET_STRING, &[&[1], &[2, 3]]), [0x04, 3, 1, 2, 3]);
}

#[test]
fn text_is_printable_string_if_possible_and_utf8_otherwise() {
    assert_eq!(text("system:node:a-1.b")[0], PRINTABLE_STRING);
    assert_eq!(text("a_b"), [UTF8_STRING, 3, b'a', b'_', b'b']);
    assert_eq!(text("é"), [UTF8_STRING, 2, 0xc3, 0xa9]);
}
