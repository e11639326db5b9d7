//! Files whose first line and digest hold, but with other bytes than `encode` writes.

use super::*;

const LINES: &str = "signer: example.com/signer\nusages: client auth\n";

fn request() -> PendingRequest {
    PendingRequest::make(&Template::kubelet_client("node-1")).expect("it can be requested")
}

fn decoded(parts: &[&str]) -> Result<Template, Corrupt> {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    let file = header::seal(header::PENDING, Generation(1), WallTime::default(), &parts);
    decode(&file).map(|(_, request)| request.template)
}

#[test]
fn a_request_for_another_key_is_refused() {
    let (one, other) = (request(), request());
    assert!(decoded(&[&one.key.to_pem(), &one.csr_pem, LINES]).is_ok());
    assert_eq!(decoded(&[&one.key.to_pem(), &other.csr_pem, LINES]), Err(Corrupt::RequestKey));
}

#[test]
fn one_key_and_one_request_stand_in_this_order() {
    let request = request();
    let (key, csr) = (request.key.to_pem(), request.csr_pem.as_str());
    for parts in [&[csr, &key, LINES][..], &[&key, LINES], &[csr, LINES], &[&key, csr, csr, LINES], &[LINES]]
    {
        assert_eq!(decoded(parts), Err(Corrupt::KeyBlock));
    }
    let [other_key, other_csr] = [(&**key, "PRIVATE"), (csr, "CERTIFICATE")]
        .map(|(text, word)| text.replace(word, &format!("NEW {word}")));
    for parts in [[&*other_key, csr, LINES], [&key, &*other_csr, LINES]] {
        assert_eq!(decoded(&parts), Err(Corrupt::KeyBlock), "each has its own label");
    }
}

#[test]
fn lines_that_are_missing_or_unknown_are_refused() {
    let request = request();
    let (key, csr) = (request.key.to_pem(), request.csr_pem.as_str());
    for lines in [
        "",
        "signer: a\n",
        "usages: client auth\nsigner: a\n",
        "signer: a\nusages: \n",
        "signer: a\nusages: fly\n",
        "signer: a\nusages: client auth\nexpiration-seconds: soon\n",
        "signer: a\nusages: client auth\nmore: 1\n",
    ] {
        assert_eq!(decoded(&[&key, csr, lines]), Err(Corrupt::Lines), "{lines}");
    }
}

#[test]
fn the_same_content_in_another_form_is_refused() {
    let request = request();
    let (key, csr) = (request.key.to_pem(), request.csr_pem.as_str());
    for lines in [
        "signer: a\nusages: client auth",
        "signer: a\r\nusages: client auth\r\n",
        "signer: a\nusages: client auth, digital signature\n",
        "signer: a\nusages: client auth\nexpiration-seconds: 060\n",
        "signer: a\nusages: client auth\nexpiration-seconds: 60\n\n",
    ] {
        assert_eq!(decoded(&[&key, csr, lines]), Err(Corrupt::Form), "{lines}");
    }
    assert_eq!(decoded(&[&key, "text\n", csr, LINES]), Err(Corrupt::Form));
    assert_eq!(decoded(&[&key.replace('\n', "\r\n"), csr, LINES]), Err(Corrupt::Form));
}

#[test]
fn no_usage_and_no_duration_are_read_as_none() {
    let request = request();
    let template = decoded(&[&request.key.to_pem(), &request.csr_pem, "signer: \nusages: none\n"]);
    let template = template.expect("it is in the form that is written");
    assert_eq!((template.usages, template.signer.as_str(), template.duration), (Usages::NONE, "", None));
}
