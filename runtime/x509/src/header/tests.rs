use super::*;

const TIME: WallTime = WallTime::from_unix_ms(1_795_519_933_456);

fn sealed() -> Zeroizing<Vec<u8>> {
    seal(BUNDLE, Generation(7), TIME, &[b"one\n", b"two\n"])
}

#[test]
fn the_first_line_is_pinned() {
    // Files outlive versions.
    let text = String::from_utf8(sealed().to_vec()).expect("it is text");
    assert_eq!(
        text,
        "certrotate bundle v1 generation=7 issued=1795519933456 sha256=726f1317780dd9bbdca37c10d8245fbe278e6b400f0e04fb3d037a8d89c8dbac\none\ntwo\n"
    );
}

#[test]
fn what_is_sealed_is_opened() {
    assert_eq!(open(BUNDLE, &sealed()), Ok((Generation(7), TIME, &b"one\ntwo\n"[..])));
    for ms in [i64::MIN, -1, 0, i64::MAX] {
        let file = seal(PENDING, Generation(u32::MAX), WallTime::from_unix_ms(ms), &[]);
        assert_eq!(open(PENDING, &file), Ok((Generation(u32::MAX), WallTime::from_unix_ms(ms), &b""[..])));
    }
}

#[test]
fn another_kind_of_file_is_refused() {
    assert_eq!(open(PENDING, &sealed()), Err(Corrupt::FirstLine));
}

#[test]
fn noncanonical_first_line_is_refused() {
    let text = String::from_utf8(sealed().to_vec()).expect("it is text");
    for (from, to) in [
        ("=7 ", "=+7 "),
        ("=7 ", "=07 "),
        ("=7 ", "=7  "),
        ("v1", "v2"),
        ("issued", "made"),
        ("=1795", "=01795"),
        ("certrotate", "# certrotate"),
    ] {
        assert_eq!(
            open(BUNDLE, text.replacen(from, to, 1).as_bytes()),
            Err(Corrupt::FirstLine),
            "{from} {to}"
        );
    }
    assert_eq!(open(BUNDLE, text.replacen('\n', "\r\n", 1).as_bytes()), Err(Corrupt::Digest));
    assert_eq!(open(BUNDLE, text.replacen('\n', " \n", 1).as_bytes()), Err(Corrupt::Digest));
}

#[test]
fn an_empty_a_large_and_a_short_file_are_refused_by_name() {
    assert_eq!(open(BUNDLE, b""), Err(Corrupt::Empty));
    assert_eq!(open(BUNDLE, &vec![0; MAX_FILE + 1]), Err(Corrupt::TooLarge));
    assert_eq!(open(BUNDLE, &vec![b'x'; MAX_FILE]), Err(Corrupt::FirstLine));
    let file = sealed();
    for end in 1..file.len() {
        assert!(open(BUNDLE, &file[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn file_buffer_never_grows_so_no_key_byte_is_left_behind() {
    let file = sealed();
    assert_eq!(file.capacity(), file.len());
}
