use super::*;

fn read(text: &str) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
    let blocks = blocks(text.as_bytes(), Outside::Blank)?;
    Ok(blocks.iter().map(|block| (String::from_utf8_lossy(block.label).into(), block.der.to_vec())).collect())
}

fn error(text: &str) -> ReadError {
    read(text).expect_err("it is refused")
}

#[test]
fn what_is_written_is_read_back_for_every_length() {
    for length in 0..200u8 {
        let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
        let text = write(CERTIFICATE, &bytes);
        assert_eq!(read(&text), Ok(vec![(CERTIFICATE.to_owned(), bytes)]));
    }
}

#[test]
fn a_written_block_never_outgrows_its_buffer() {
    for length in 0..200 {
        let text = write(PKCS8_KEY, &vec![7; length]);
        assert_eq!(text.capacity(), text.len(), "a text that grows leaves copies behind");
        let frame = "-----BEGIN -----\n-----END -----\n".len() + 2 * PKCS8_KEY.len();
        assert_eq!(text.len(), frame + length.div_ceil(3) * 4 + length.div_ceil(48));
    }
}

#[test]
fn the_known_answers_of_rfc_4648_hold() {
    let answers =
        [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
    for (bytes, base64) in answers {
        let text = format!("-----BEGIN A-----\n{base64}\n-----END A-----\n");
        assert_eq!(*write("A", bytes.as_bytes()), text);
        assert_eq!(read(&text), Ok(vec![("A".to_owned(), bytes.into())]));
    }
}

#[test]
fn cr_lf_blank_lines_and_a_missing_last_line_end_are_accepted() {
    let text =
        "\r\n-----BEGIN A-----\r\nZg==\r\n-----END A-----\r\n \t\r\n-----BEGIN B-----\nZm8=\n-----END B-----";
    assert_eq!(read(text), Ok(vec![("A".into(), b"f".to_vec()), ("B".into(), b"fo".to_vec())]));
}

#[test]
fn offsets_and_lines_name_where_a_block_stands() {
    let text = "\n-----BEGIN A-----\nZg==\n-----END A-----\nrest";
    let blocks = blocks(text.as_bytes(), Outside::Text).expect("it is read");
    let block = &blocks[0];
    assert_eq!((block.line, &text[..block.start], &text[block.end..]), (2, "\n", "rest"));
}

#[test]
fn text_outside_is_refused_with_its_line() {
    assert_eq!(error("-----BEGIN A-----\nZg==\n-----END A-----\nmore\n"), ReadError::Text { line: 4 });
    assert_eq!(error("subject=node\n-----BEGIN A-----\n"), ReadError::Text { line: 1 });
    assert_eq!(error("-----BEGIN A\n"), ReadError::Text { line: 1 });
    assert_eq!(error("-----END A-----\n"), ReadError::Text { line: 1 });
}

#[test]
fn headers_and_other_lines_that_are_not_base64_are_refused() {
    for line in ["Proc-Type: 4,ENCRYPTED", "Zg==\n\nZg==", " Zg==", "Zg== ", "Zg=\u{e9}", "-----BEGIN A-----"]
    {
        let text = format!("-----BEGIN A-----\n{line}\n-----END A-----\n");
        assert!(matches!(error(&text), ReadError::Base64 { .. }), "{line}");
    }
}

#[test]
fn only_the_one_base64_that_encodes_the_bytes_is_accepted() {
    for base64 in ["Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "====", "Zg==Zm9v", "Z===", "=Zg="] {
        let text = format!("-----BEGIN A-----\n{base64}\n-----END A-----\n");
        assert_eq!(error(&text), ReadError::Base64 { line: 3 }, "{base64}");
    }
}

#[test]
fn a_block_that_does_not_end_as_it_began_is_refused() {
    assert_eq!(error("\n-----BEGIN A-----\nZg==\n"), ReadError::Unfinished { line: 2 });
    assert_eq!(error("-----BEGIN A-----\nZg==\n-----END B-----\n"), ReadError::Unfinished { line: 1 });
}

#[test]
fn no_more_blocks_are_looked_at_than_a_bundle_may_have() {
    let block = "-----BEGIN A-----\nZg==\n-----END A-----\n";
    assert_eq!(read(&block.repeat(17)).map(|blocks| blocks.len()), Ok(17));
    assert_eq!(error(&block.repeat(18)), ReadError::TooMany { most: 16 });
}
