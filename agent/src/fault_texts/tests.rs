use std::path::Path;

use super::{FaultTexts, LONGEST, one_line};

#[test]
fn foreign_text_becomes_one_bounded_printable_line() {
    assert_eq!(one_line(" a\nb\u{1b}[31mc "), "a\\nb\\u{1b}[31mc");
    assert_eq!(one_line("\u{202e}x\u{2028}y\u{200b}\u{feff}"), "\\u{202e}x\\u{2028}y\\u{200b}\\u{feff}");
    assert_eq!(one_line("it's \"ö\" in C:\\x"), "it's \"ö\" in C:\\x");
    assert_eq!(one_line(&"x".repeat(10_000)).chars().count(), LONGEST + 1);
    assert_eq!(one_line(&"x".repeat(LONGEST)).len(), LONGEST);
}

#[test]
fn text_is_taken_once_and_remark_repeatedly() {
    let texts = FaultTexts::default();
    let same = texts.clone();
    same.set_disk("no space".to_owned());
    assert_eq!(texts.take_disk().as_deref(), Some("no space"));
    assert_eq!(texts.take_disk(), None);
    texts.set_remarks(&["/pki/a.pem is not used as it is: it is empty".to_owned()]);
    assert_eq!(texts.remark(Path::new("/pki/a.pem")).as_deref(), Some("it is empty"));
    assert_eq!(texts.remark(Path::new("/pki/b.pem")), None);
    texts.set_remarks(&[]);
    assert_eq!(texts.remark(Path::new("/pki/a.pem")), None);
}

#[test]
fn token_and_its_parts_are_removed_before_the_text_is_cut() {
    let texts = FaultTexts::default();
    texts.conceal("abcdef.0123456789abcdef");
    texts.set_call("Bearer abcdef.0123456789abcdef, 0123456789abcdef, abcdef");
    assert_eq!(texts.take_call().as_deref(), Some("Bearer (token), (token), abcdef"));
    texts.set_call(&format!("{}abcdef.0123456789abcdef", "x".repeat(LONGEST - 20)));
    assert!(!texts.take_call().unwrap().contains("01234"));
    assert!(!format!("{texts:?}").contains("01234"));
    texts.conceal("");
    texts.set_call("any text");
    assert_eq!(texts.take_call().as_deref(), Some("any text"));
}
