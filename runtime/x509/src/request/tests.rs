use certrotate_core::facts::{Attribute, Usages};

use super::*;

fn template() -> Template {
    let mut template = Template::kubelet_client("node-1");
    template.subject.organizations.push("a".into());
    template.sans = vec![San::Ip([10, 0, 0, 1].into()), San::Dns("node-1.example".into()), San::Other];
    template.duration = Some(Span::from_secs(3600));
    template
}

#[test]
fn the_request_digest_is_pinned() {
    // Files and CertificateSigningRequests carry this name: it must not change between versions.
    let plain = request_digest(&KeyDigest([1; 32]), &Template::kubelet_client("node-1"));
    let full = request_digest(&KeyDigest([2; 32]), &template());
    assert_eq!(
        request_name(&plain),
        "node-csr-57c82fef4e70857980dd72277eb13a21b35314d82622845c8958bb50cddd85ef"
    );
    assert_eq!(
        request_name(&full),
        "node-csr-3f4368a17a312a9156383e73ead60c632e46d4728e640691a9727bb7c9710ca3"
    );
}

#[test]
fn order_and_repetition_of_sets_do_not_matter() {
    let mut other = template();
    other.sans.reverse();
    other.sans.push(San::Other);
    other.subject.organizations.reverse();
    let attributes = [Attribute::new(Attribute::COUNTRY, "CH"), Attribute::new(Attribute::LOCALITY, "Bern")];
    other.subject.others = attributes.to_vec();
    let mut one = template();
    one.subject.others = attributes.into_iter().rev().collect();
    let key = KeyDigest([1; 32]);
    assert_eq!(request_digest(&key, &other), request_digest(&key, &one));
}

#[test]
fn every_field_matters() {
    let changes: [fn(&mut Template); 11] = [
        |template| template.subject.common_name.push('0'),
        |template| template.subject.organizations.push("b".into()),
        |template| template.subject.others.push(Attribute::new(Attribute::COUNTRY, "CH")),
        |template| template.subject.others.push(Attribute::new(Attribute::COUNTRY, "DE")),
        |template| template.subject.others.push(Attribute::new(Attribute::LOCALITY, "CH")),
        |template| template.sans.clear(),
        |template| template.sans[1] = San::Uri("node-1.example".into()),
        |template| template.usages = Usages::CLIENT_AUTH,
        |template| template.signer.push('0'),
        |template| template.duration = None,
        |template| template.duration = Some(Span::from_secs(3601)),
    ];
    let mut digests = vec![
        request_digest(&KeyDigest([1; 32]), &template()),
        request_digest(&KeyDigest([2; 32]), &template()),
    ];
    for change in changes {
        let mut template = template();
        change(&mut template);
        digests.push(request_digest(&KeyDigest([1; 32]), &template));
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 13);
}

#[test]
fn a_request_is_named_by_its_key_and_template() {
    let mut template = template();
    template.sans.pop();
    let request = PendingRequest::make(&template).expect("it can be requested");
    assert_eq!(request.request(), request_digest(&request.key_digest(), &template));
    assert_eq!(csr::read(request.csr_pem().as_bytes()).map(|facts| facts.key), Ok(request.key_digest()));
    assert_eq!(request.template(), &template);
    let digest = request.key_digest();
    assert_eq!(request.into_key().digest(), digest);
}

#[test]
fn two_requests_never_share_a_key() {
    let template = Template::kubelet_client("node-1");
    let make = || PendingRequest::make(&template).expect("it can be requested");
    assert_ne!(make().key_digest(), make().key_digest());
}

#[test]
fn request_too_large_for_the_api_or_the_file_is_refused() {
    let refused = |change: &dyn Fn(&mut Template)| {
        let mut template = Template::kubelet_client("node-1");
        change(&mut template);
        PendingRequest::make(&template).expect_err("refused")
    };
    assert_eq!(refused(&|template| template.signer.push('\n')), RequestError::Signer);
    assert_eq!(refused(&|template| template.duration = Some(Span::from_ms(600_001))), RequestError::Duration);
    assert_eq!(
        refused(&|template| template.duration = Some(Span::from_secs(1 << 31))),
        RequestError::Duration
    );
    let long = "a".repeat(MAX_INPUT);
    assert_eq!(refused(&|template| template.subject.common_name = long.clone()), RequestError::TooLarge);
    assert_eq!(refused(&|template| template.signer = long.clone()), RequestError::TooLarge);
    // A signature by Ed25519 is always as long; the text and the name of the signer may fill the file together.
    let asks = |signer: usize| {
        let template = Template { signer: "a".repeat(signer), ..Template::kubelet_client("node-1") };
        PendingRequest::make_with(KeyType::Ed25519, &template).map(|request| request.csr_pem().len())
    };
    let room = MAX_INPUT - asks(1).expect("there is room");
    assert!(asks(room).is_ok());
    assert_eq!(asks(room + 1), Err(RequestError::TooLarge));
}
