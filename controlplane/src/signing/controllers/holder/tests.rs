use super::*;
use crate::signing::pki::authority::Authority;

#[test]
fn a_certificate_holds_its_common_name_to_its_end() {
    let start = UNIX_EPOCH + Duration::from_secs(1000);
    let authority = Authority::create(start, Duration::from_secs(1_000_000)).unwrap();
    let nodes = ["system:nodes".to_owned()];
    let pem = authority.client_identity("system:node:a", &nodes, (1000, 3000)).unwrap().certificate;
    let end = UNIX_EPOCH + Duration::from_secs(3000);
    assert_eq!(holder(pem.as_bytes()), Some(("system:node:a".to_owned(), end)));
    assert_eq!(holder(b"garbage"), None);
}
