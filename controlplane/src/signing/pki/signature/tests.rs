use crate::signing::pki::pkcs10;

/// Key, hash and DER of requests that `openssl req` made.
const REQUESTS: &str = include_str!("requests.txt");

#[test]
fn request_of_every_algorithm_of_go_is_read() {
    for line in REQUESTS.lines() {
        let mut words = line.split(' ');
        let (key, hash, der) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let pem = format!("-----BEGIN CERTIFICATE REQUEST-----\n{der}\n-----END CERTIFICATE REQUEST-----\n");
        let read = pkcs10::read(pem.as_bytes());
        if key == "P-224" || hash == "md5" {
            let why = read.unwrap_err();
            assert!(why.contains("is not supported"), "{key} {hash}: {why}");
        } else {
            assert_eq!(read.map(|request| request.common_name), Ok("n".to_owned()), "{key} {hash}");
        }
    }
    assert_eq!(REQUESTS.lines().count(), 18);
}
