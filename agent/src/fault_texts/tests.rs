use std::path::Path;

use super::{FaultTexts, LONGEST, one_line};

#[test]
fn foreign_text_becomes_one_bounded_printable_line() {
    assert_eq!(one_line(" a\nb\u{1b}[31mc "), "a b [31mc");
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
