//! The reason why there was no answer, in words for an operator: what happened, and what to check.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use certrotate_core::time::WallTime;
use rustls::{AlertDescription, CertificateError};
use rustls_pki_types::UnixTime;

/// Why no address could be used.
#[derive(Debug)]
pub(super) struct NoConnection(pub(super) Vec<(SocketAddr, String)>);

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (address, why)) in self.0.iter().enumerate() {
            // A reason that neighbours share is written once.
            match self.0.get(index + 1) {
                Some((_, next)) if next == why => write!(f, "{address}, ")?,
                Some(_) => write!(f, "{address}: {why}; ")?,
                None => write!(f, "{address}: {why}")?,
            }
        }
        Ok(())
    }
}

impl Error for NoConnection {}

/// A reason that names its remedy.
#[derive(Debug)]
pub(super) struct Explained(pub(super) String);

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Explained {}

/// Returns what happened and what to check. The text may be long and have any characters: the caller bounds it.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    loop {
        if cause.is::<NoConnection>() || cause.is::<Explained>() {
            return cause.to_string();
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return explain_tls(error);
        }
        if let Some(error) = cause.downcast_ref::<hyper::Error>()
            && let Some(text) = explain_http(error)
        {
            return text;
        }
        // An error inside an I/O error is not among its sources.
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| cause.source()) {
            Some(next) => cause = next,
            None => break,
        }
    }
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => {
            format!("{cause}; check that the server runs, and the address in the kubeconfig")
        }
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            format!("the connection was closed ({cause}); check the server's log, and what is between")
        }
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            format!("{cause}; check the routes of this node")
        }
        // Cut here, not there: `stream.rs` says why.
        Some(io::ErrorKind::ConnectionAborted) => cause.to_string(),
        Some(_) | None => format!("{cause}; check the server's log, and what is between"),
    }
}

fn explain_http(error: &hyper::Error) -> Option<String> {
    if error.is_parse_too_large() {
        Some(
            "the head of the answer is too large; check what answers at the address in the kubeconfig"
                .to_owned(),
        )
    } else if error.is_parse() {
        Some("the answer is not HTTP; check the address in the kubeconfig".to_owned())
    } else if error.is_incomplete_message() {
        Some(
            "the connection was closed before the answer; check the server's log, and what is between"
                .to_owned(),
        )
    } else {
        None
    }
}

fn explain_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => explain_certificate(error),
        rustls::Error::AlertReceived(alert) => explain_alert(*alert),
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            format!("the server does not speak TLS ({error}); check the port in the kubeconfig")
        }
        _ => format!("TLS failed: {error}"),
    }
}

fn time(time: UnixTime) -> WallTime {
    WallTime::from_unix_secs(i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 1000))
}

/// The most names of a certificate that are shown.
const MOST_NAMES: usize = 8;

fn explain_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::NotValidYetContext { time: now, not_before } => format!(
            "the server's certificate is valid from {} on, and the local clock shows {}; check the clocks of this node and of the server",
            time(*not_before),
            time(*now)
        ),
        CertificateError::NotValidYet => {
            "the server's certificate is not valid yet; check the clocks of this node and of the server".to_owned()
        }
        CertificateError::ExpiredContext { time: now, not_after } => format!(
            "the server's certificate expired at {}, and the local clock shows {}; check the clock of this node, or renew the server's certificate",
            time(*not_after),
            time(*now)
        ),
        CertificateError::Expired => {
            "the server's certificate expired; check the clock of this node, or renew the server's certificate".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "the server's certificate is from another CA; check certificate-authority in the kubeconfig, and the address".to_owned()
        }
        CertificateError::BadSignature => {
            "the server's certificate has a wrong signature: another CA has the same name; check certificate-authority in the kubeconfig".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let mut names = presented.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
            if presented.len() > MOST_NAMES {
                names.push_str(", …");
            }
            format!(
                "the server's certificate is for {}, and not for {}; check the address and tls-server-name in the kubeconfig",
                if names.is_empty() { "no name" } else { &names },
                expected.to_str()
            )
        }
        _ => format!("the server's certificate cannot be used: {error}; check the server's certificate and its CA"),
    }
}

fn explain_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateExpired => {
            "the server takes this node's certificate for expired; check the clocks of this node and of the server".to_owned()
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateRequired
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => {
            format!("the server refuses this node's certificate (TLS alert {alert:?}); check the client CA of the server")
        }
        AlertDescription::UnrecognisedName => {
            "the server has no certificate for this name; check the address and tls-server-name in the kubeconfig".to_owned()
        }
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => {
            format!("the server offers no usable TLS version or cipher (TLS alert {alert:?}); TLS 1.2 or 1.3 is needed")
        }
        _ => format!("the server ended TLS with alert {alert:?}; check the server's log"),
    }
}
