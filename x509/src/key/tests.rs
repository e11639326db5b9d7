use super::*;

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

/// The ECPrivateKey inside ring's PKCS#8.
fn sec1(key: &SecretKey) -> Vec<u8> {
    let at = der::head(der::SEQUENCE, key.pkcs8.len() - 3).len() + der::ZERO.len() + der::EC_P256.len();
    let content = &key.pkcs8[at..];
    assert_eq!(content[0], der::OCTET_STRING);
    content[2..].to_vec()
}

#[test]
fn a_key_survives_the_way_through_pem_and_der() {
    let key = key();
    let from_pem = SecretKey::from_pem(key.to_pem().as_bytes()).expect("our own PEM");
    let from_der = SecretKey::from_pkcs8_der(key.pkcs8_der()).expect("our own DER");
    for read in [from_pem, from_der] {
        assert_eq!(read.pkcs8_der(), key.pkcs8_der());
        assert_eq!((read.digest(), read.spki_der()), (key.digest(), key.spki_der()));
    }
}

#[test]
fn a_sec_1_block_is_the_same_key() {
    let key = key();
    let text = pem::write(pem::SEC1_KEY, &sec1(&key));
    let read = SecretKey::from_pem(text.as_bytes()).expect("SEC 1 is read");
    assert_eq!(read.digest(), key.digest());
    assert_eq!(read.to_pem(), key.to_pem());
}

#[test]
fn two_keys_differ() {
    assert_ne!(key().digest(), key().digest());
}

#[test]
fn debug_shows_the_public_digest_and_nothing_of_the_key() {
    let key = key();
    assert_eq!(format!("{key:?}"), format!("SecretKey {{ digest: {:?}, .. }}", key.digest()));
}

#[test]
fn a_damaged_or_lengthened_key_is_refused() {
    let key = key();
    let mut longer = key.pkcs8_der().to_vec();
    longer.push(0);
    let mut other_point = key.pkcs8_der().to_vec();
    *other_point.last_mut().expect("it has bytes") ^= 1;
    for bytes in [&longer[..], &other_point, &longer[..40], &[]] {
        assert_eq!(SecretKey::from_pkcs8_der(bytes).expect_err("refused"), KeyError::Unreadable);
    }
}

#[test]
fn a_file_with_two_keys_or_none_or_something_else_is_refused() {
    let text = key().to_pem();
    let refused = |text: &[u8]| SecretKey::from_pem(text).expect_err("refused");
    let twice = [text.as_bytes(), text.as_bytes()].concat();
    assert_eq!(refused(&twice), KeyError::Pem(ReadError::Kind { line: 6 }));
    assert_eq!(refused(b"text\n"), KeyError::Pem(ReadError::Nothing));
    let other = text.replace("PRIVATE", "PUBLIC");
    assert_eq!(refused(other.as_bytes()), KeyError::Pem(ReadError::Kind { line: 1 }));
    let large = vec![b'\n'; MAX_INPUT + 1];
    assert_eq!(refused(&large), KeyError::Pem(ReadError::TooLarge { size: MAX_INPUT + 1 }));
}
