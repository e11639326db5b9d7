use super::*;

/// Texts, and the blocks that Go reads from each; `tests/go/pem.go` makes the table.
const GO: &str = include_str!("../../../tests/go/pem.tsv");

/// The bytes behind `\n`, `\r`, `\t`, `\\`, `\"` and `\xNN`, as Go quotes them.
fn unquoted(literal: &str) -> Vec<u8> {
    let mut text = Vec::new();
    let mut bytes = literal.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        text.push(match bytes.next() {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let digits = str::from_utf8(&digits).expect("two digits");
                u8::from_str_radix(digits, 16).expect("they are hexadecimal")
            }
            Some(other) => other,
            None => panic!("{literal} ends in an escape"),
        });
    }
    text
}

fn shown(block: &Block<'_>) -> String {
    let hex: String = block.der.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}|{}|{hex}", block.label.escape_ascii(), block.has_headers)
}

#[test]
fn every_text_is_read_as_go_reads_it() {
    let mut texts = 0;
    for line in GO.lines() {
        let mut fields = line.split('\t');
        let (name, text) = (fields.next().expect("a name"), fields.next().expect("a text"));
        let expected: Vec<&str> = fields.filter(|field| !field.is_empty()).collect();
        let found: Vec<String> = blocks(&unquoted(text)).map(|block| shown(&block)).collect();
        assert_eq!(found, expected, "{name}: {text}");
        texts += 1;
    }
    assert!(texts > 1000, "the table is there: {texts}");
}

#[test]
fn large_text_without_blocks_is_read_quickly() {
    // Each BEGIN line was once searched for its END line up to the end of the text: Go's CVE-2025-61723.
    let begins = "-----BEGIN A-----\n".repeat(50_000);
    assert_eq!(blocks(begins.as_bytes()).count(), 0);
    let ends = format!("{begins}{}", "\n-----END B-----".repeat(50_000));
    assert_eq!(blocks(ends.as_bytes()).count(), 0);
    let colons = format!("-----BEGIN A-----\n{}", ":\n".repeat(400_000));
    assert_eq!(blocks(colons.as_bytes()).count(), 0);
}
