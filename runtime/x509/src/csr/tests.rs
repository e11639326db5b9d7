use certrotate_core::facts::{Attribute, Usages};

use super::*;

fn template() -> Template {
    Template::kubelet_client("node-1")
}

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

fn text(template: &Template, key: &SecretKey) -> String {
    pem::write(pem::REQUEST, &write(template, key).expect("it can be requested")).to_string()
}

#[test]
fn requested_attributes_are_read_back() {
    let mut template = template();
    template.subject.organizations = ["system:nodes", "b", "a", "zürich"].map(String::from).to_vec();
    template.subject.others = [
        (Attribute::COUNTRY, "CH"),
        (Attribute::ORGANIZATIONAL_UNIT, "réseau"),
        (Attribute::ORGANIZATIONAL_UNIT, "b"),
        (Attribute::DOMAIN_COMPONENT, "example"),
        (Attribute::SERIAL_NUMBER, "0042"),
        (Attribute::USER_ID, "node"),
        ("1.2.840.113549.1.9.1", "node@example"),
        ("1.3.6.1.4.1.99999.1.4294967295", "private"),
    ]
    .map(|(oid, text)| Attribute::new(oid, text))
    .to_vec();
    template.sans = vec![
        San::Dns("node-1.example".into()),
        San::Ip([10, 0, 0, 1].into()),
        San::Ip(std::net::Ipv6Addr::LOCALHOST.into()),
        San::Ip(std::net::Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()),
        San::Email("node@example".into()),
        San::Uri("spiffe://example/node".into()),
    ];
    let key = key();
    let facts = read(text(&template, &key).as_bytes()).expect("our own request");
    assert_eq!((facts.subject, facts.sans), (template.subject, template.sans));
    assert_eq!((facts.key, facts.spki_der.as_slice()), (key.digest(), key.spki_der()));
}

#[test]
fn request_without_names_has_empty_attributes_by_rfc_2986() {
    let der = write(&template(), &key()).expect("it can be requested");
    let (_, request) = X509CertificationRequest::from_der(&der).expect("it is read");
    assert!(request.certification_request_info.raw.ends_with(&[0xa0, 0]));
}

#[test]
fn usages_are_not_in_the_request() {
    let (one, mut other) = (template(), template());
    other.usages = Usages::SERVER_AUTH;
    let (one, other) = (write(&one, &key()), write(&other, &key()));
    let info = |der: Vec<u8>| {
        let (_, request) = X509CertificationRequest::from_der(&der).expect("it is read");
        request.certification_request_info.iter_attributes().count()
    };
    assert_eq!((one.map(info), other.map(info)), (Ok(0), Ok(0)));
}

#[test]
fn unrepresentable_request_is_refused() {
    let refused = |change: &dyn Fn(&mut Template)| {
        let mut template = template();
        change(&mut template);
        write(&template, &key()).expect_err("refused")
    };
    for (oid, text) in [
        (Attribute::COMMON_NAME, "second"),
        (Attribute::ORGANIZATION, "second"),
        (Attribute::LOCALITY, ""),
        (Attribute::COUNTRY, "CHE"),
        (Attribute::COUNTRY, "É"),
        (Attribute::SERIAL_NUMBER, "é"),
        (Attribute::DOMAIN_COMPONENT, "zürich"),
        ("unit", "unit"),
    ] {
        let change = |template: &mut Template| template.subject.others.push(Attribute::new(oid, text));
        assert_eq!(refused(&change), RequestError::Subject, "{oid}={text}");
    }
    let unreadable = Attribute { oid: Attribute::LOCALITY.into(), text: None };
    assert_eq!(refused(&|template| template.subject.others.push(unreadable.clone())), RequestError::Subject);
    assert_eq!(
        refused(&|template| template.subject.organizations.push(String::new())),
        RequestError::Subject
    );
    assert_eq!(refused(&|template| template.sans.push(San::Other)), RequestError::San);
    for text in ["zürich.example", "spiffe://zürich/node", "zürich@example"] {
        for san in [San::Dns(text.into()), San::Uri(text.into()), San::Email(text.into())] {
            assert_eq!(refused(&|template| template.sans.push(san.clone())), RequestError::San);
        }
    }
}

#[test]
fn request_above_the_byte_bound_is_refused() {
    let text = text(&template(), &key());
    let full = format!("{text}{}", "\n".repeat(MAX_TEXT - text.len()));
    assert!(read(full.as_bytes()).is_ok());
    assert_eq!(
        read(format!("{full}\n").as_bytes()).err(),
        Some(ReadError::TooLarge { size: MAX_TEXT + 1, most: MAX_TEXT })
    );
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let (one, other) = (key(), key());
    let der = write(&template(), &one).expect("it can be requested");
    let at = der.windows(one.spki_der().len()).position(|part| part == one.spki_der()).expect("it is in it");
    let mut swapped = der;
    swapped[at..at + other.spki_der().len()].copy_from_slice(other.spki_der());
    assert_eq!(read_der(&swapped), Err(ReadError::Signature));
}

#[test]
fn trailing_bytes_and_another_first_block_are_refused() {
    let key = key();
    let mut der = write(&template(), &key).expect("it can be requested");
    der.push(0);
    assert_eq!(read(pem::write(pem::REQUEST, &der).as_bytes()), Err(ReadError::TrailingBytes { block: 1 }));
    let text = text(&template(), &key);
    assert_eq!(read(format!("# a request\n{text}{text}more").as_bytes()), read(text.as_bytes()));
    assert_eq!(read(format!("{}{text}", *key.to_pem()).as_bytes()), Err(ReadError::Nothing));
    assert_eq!(read(b"\n"), Err(ReadError::Nothing));
    assert_eq!(
        read(&vec![b'\n'; MAX_TEXT + 1]),
        Err(ReadError::TooLarge { size: MAX_TEXT + 1, most: MAX_TEXT })
    );
}
