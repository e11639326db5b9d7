use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};
use rustls_pki_types::{ServerName, UnixTime};

use super::explain;

fn in_tls(error: rustls::Error) -> String {
    explain(&io::Error::new(io::ErrorKind::InvalidData, error))
}

#[test]
fn certificate_not_valid_yet_shows_times_and_mentions_the_clock() {
    let at = |secs| UnixTime::since_unix_epoch(Duration::from_secs(secs));
    let error =
        CertificateError::NotValidYetContext { time: at(1_795_521_600), not_before: at(1_795_608_000) };
    let text = in_tls(error.into());
    assert!(
        text.contains("from 2026-11-25T12:00:00Z on") && text.contains("shows 2026-11-24T12:00:00Z"),
        "{text}"
    );
    assert!(text.contains("check the clocks"), "{text}");
    let error = CertificateError::ExpiredContext { time: at(u64::MAX), not_after: at(0) };
    let text = in_tls(error.into());
    assert!(text.contains("expired at 1970-01-01T00:00:00Z") && text.contains("check the clock"), "{text}");
}

#[test]
fn names_of_a_foreign_certificate_are_few() {
    let presented = (0..1000).map(|index| format!("name-{index}")).collect();
    let expected = ServerName::try_from("api.test").unwrap();
    let text = in_tls(CertificateError::NotValidForNameContext { expected, presented }.into());
    assert!(text.contains("for name-0, ") && text.contains("not for api.test") && text.len() < 300, "{text}");
}

#[test]
fn every_tls_failure_has_a_remedy() {
    for error in [
        CertificateError::UnknownIssuer.into(),
        CertificateError::BadSignature.into(),
        CertificateError::NotValidYet.into(),
        CertificateError::Expired.into(),
        rustls::Error::AlertReceived(AlertDescription::UnknownCA),
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired),
        rustls::Error::AlertReceived(AlertDescription::InternalError),
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
    ] {
        let text = in_tls(error);
        assert!(text.contains("; check "), "{text}");
    }
}

#[test]
fn reasons_of_the_system_are_named() {
    for (kind, part) in [
        (io::ErrorKind::ConnectionRefused, "check that the server runs"),
        (io::ErrorKind::ConnectionReset, "was closed"),
        (io::ErrorKind::NetworkUnreachable, "check the routes"),
    ] {
        let text = explain(&io::Error::from(kind));
        assert!(text.contains(part), "{text}");
    }
}
