//! The form of signer names (`pkg/apis/certificates/validation/validation.go: ValidateCertificateSigningRequestSignerName`).

use std::fmt;

const MAX_DOMAIN: usize = 253;
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = MAX_DOMAIN + 1 + MAX_DOMAIN + MAX_LABEL + 1;
const NO_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
                        and must start and end with an alphanumeric character";

/// One defect of a signer name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Defect {
    /// The name is empty.
    Missing,
    /// The name, or the part of it in `value`, breaks a rule.
    Invalid { value: String, detail: String },
    /// The name, or its domain, has more than `limit` bytes.
    TooLong { limit: usize },
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("Required value"),
            Self::Invalid { value, detail } => write!(f, "Invalid value: {value:?}: {detail}"),
            Self::TooLong { limit } => write!(f, "Too long: may not be more than {limit} bytes"),
        }
    }
}

/// Returns every defect of `name`; none for a name of the form `domain/path`.
pub(crate) fn check(name: &str) -> Vec<Defect> {
    let invalid =
        |value: &str, detail: &str| Defect::Invalid { value: value.to_owned(), detail: detail.to_owned() };
    if name.is_empty() {
        return vec![Defect::Missing];
    }
    if name.len() > MAX_NAME {
        return vec![Defect::TooLong { limit: MAX_NAME }];
    }
    if name == "kubernetes.io/legacy-unknown" {
        return vec![invalid(name, "the legacy signerName is not allowed via this API version")];
    }
    let Some((domain, path)) = name.split_once('/').filter(|(_, path)| !path.contains('/')) else {
        let detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return vec![invalid(name, detail)];
    };
    let mut defects = Vec::new();
    if domain.len() > MAX_DOMAIN {
        defects.push(Defect::TooLong { limit: MAX_DOMAIN });
    }
    let labels: Vec<_> = domain.split('.').collect();
    for bad in labels.iter().filter(|label| !is_label(label) || label.len() > MAX_LABEL) {
        defects.push(invalid(domain, &format!("validating label {bad:?}: {NO_LABEL}")));
    }
    if labels.len() < 2 {
        defects.push(invalid(domain, "should be a domain with at least two segments separated by dots"));
    }
    for bad in path.split('.').filter(|label| !is_label(label) || label.len() > MAX_DOMAIN) {
        defects.push(invalid(path, &format!("validating label {bad:?}: {NO_LABEL}")));
    }
    defects
}

fn is_label(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.iter().all(|b| plain(*b) || *b == b'-')
        && bytes.first().is_some_and(|b| plain(*b))
        && bytes.last().is_some_and(|b| plain(*b))
}
