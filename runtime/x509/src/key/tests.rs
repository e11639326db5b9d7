use super::*;

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

/// One of each type that is made.
fn keys() -> [SecretKey; 6] {
    KeyType::ALL.map(|made| SecretKey::generate_as(made).expect("the system has random bytes"))
}

/// The ECPrivateKey inside aws-lc-rs's PKCS#8.
fn sec1(key: &SecretKey) -> Vec<u8> {
    let at = der::head(der::SEQUENCE, key.pkcs8.len() - 3).len() + der::ZERO.len() + der::EC_P256.len();
    let content = &key.pkcs8[at..];
    assert_eq!(content[0], 0x04);
    content[2..].to_vec()
}

#[test]
fn a_key_survives_the_way_through_pem_and_der() {
    for key in keys() {
        let from_pem = SecretKey::from_pem(key.to_pem().as_bytes()).expect("our own PEM");
        let from_der = SecretKey::from_pkcs8_der(key.pkcs8_der()).expect("our own DER");
        for read in [from_pem, from_der] {
            assert_eq!(read.pkcs8_der(), key.pkcs8_der());
            assert_eq!((read.digest(), read.spki_der()), (key.digest(), key.spki_der()));
        }
    }
}

#[test]
fn each_key_type_makes_keys_of_its_own_algorithm() {
    let algorithms = [der::EC_P256, der::EC_P384, der::ED25519, der::RSA, der::RSA, der::RSA];
    for (key, algorithm) in keys().iter().zip(algorithms) {
        assert!(key.pkcs8_der().windows(algorithm.len()).any(|window| window == algorithm));
        assert!(key.spki_der().windows(algorithm.len()).take(5).any(|window| window == algorithm));
    }
    let spki_lengths = keys().map(|key| key.spki_der().len());
    assert_eq!(spki_lengths, [91, 120, 44, 294, 422, 550]);
    assert_eq!(KeyType::default(), KeyType::P256);
}

#[test]
fn key_type_is_parsed_by_name_in_any_case_and_unknown_refused() {
    for known in KeyType::ALL {
        assert_eq!(known.to_string().parse(), Ok(known));
    }
    assert_eq!("P-384".parse(), Ok(KeyType::P384));
    assert_eq!("RSA-2048".parse(), Ok(KeyType::Rsa2048));
    for unknown in ["p521", "rsa", "rsa1024", ""] {
        let refused = unknown.parse::<KeyType>().expect_err("refused").to_string();
        assert_eq!(
            refused,
            "there is no such key type; choose p256, p384, ed25519, rsa2048, rsa3072 or rsa4096"
        );
    }
}

#[test]
fn ed25519_key_in_version_2_is_rewritten_as_the_same_key() {
    let written = aws_lc_rs::signature::Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new());
    let written = written.expect("the system has random bytes");
    let key = SecretKey::from_pkcs8_der(written.as_ref()).expect("version 2");
    assert_eq!((written.as_ref().len(), key.pkcs8_der().len()), (83, 48));
    let again = SecretKey::from_pkcs8_der(key.pkcs8_der()).expect("version 1");
    assert_eq!(again.digest(), key.digest());

    let mut other_public = written.as_ref().to_vec();
    *other_public.last_mut().expect("it has bytes") ^= 1;
    assert_eq!(SecretKey::from_pkcs8_der(&other_public).expect_err("refused"), KeyError::Unreadable);
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
    let full = text.to_string() + &"\n".repeat(MAX_INPUT - text.len());
    assert!(SecretKey::from_pem(full.as_bytes()).is_ok());
    let large = vec![b'\n'; MAX_INPUT + 1];
    assert_eq!(refused(&large), KeyError::Pem(ReadError::TooLarge { size: MAX_INPUT + 1, most: MAX_INPUT }));
}
