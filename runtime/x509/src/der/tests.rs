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
fn text_is_printable_string_or_utf8_string() {
    assert_eq!(text("system:node:a-1.b")[0], 0x13);
    assert_eq!(text("a_b"), [0x0c, 3, b'a', b'_', b'b']);
    assert_eq!(text("é"), [0x0c, 2, 0xc3, 0xa9]);
}

#[test]
fn printable_alphabet_is_that_of_x680() {
    let printable: String = (0..128u8).map(char::from).filter(|c| text(&c.to_string())[0] == 0x13).collect();
    assert_eq!(printable, " '()+,-./0123456789:=?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
}

#[test]
fn context_tags_of_general_names_are_primitive() {
    assert_eq!(head(context(1), 0)[0], 0x81);
    assert_eq!(head(context(7), 0)[0], 0x87);
    assert_eq!(head(CONTEXT_0, 0)[0], 0xa0);
}
