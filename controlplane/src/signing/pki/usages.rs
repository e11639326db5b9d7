//! The key usages that `certificates.k8s.io/v1` knows (`staging/src/k8s.io/api/certificates/v1/types.go`).

#[derive(Clone, Copy)]
enum Meaning {
    /// Bit of the KeyUsage extension (RFC 5280, 4.2.1.3).
    Key(u8),
    /// Place in Go's `x509.ExtKeyUsage`, which orders the ExtKeyUsage extension.
    Extended(u8),
}

const KNOWN: [(&str, Meaning); 23] = [
    ("signing", Meaning::Key(0)),
    ("digital signature", Meaning::Key(0)),
    ("content commitment", Meaning::Key(1)),
    ("key encipherment", Meaning::Key(2)),
    ("key agreement", Meaning::Key(4)),
    ("data encipherment", Meaning::Key(3)),
    ("cert sign", Meaning::Key(5)),
    ("crl sign", Meaning::Key(6)),
    ("encipher only", Meaning::Key(7)),
    ("decipher only", Meaning::Key(8)),
    ("any", Meaning::Extended(0)),
    ("server auth", Meaning::Extended(1)),
    ("client auth", Meaning::Extended(2)),
    ("code signing", Meaning::Extended(3)),
    ("email protection", Meaning::Extended(4)),
    ("s/mime", Meaning::Extended(4)),
    ("ipsec end system", Meaning::Extended(5)),
    ("ipsec tunnel", Meaning::Extended(6)),
    ("ipsec user", Meaning::Extended(7)),
    ("timestamping", Meaning::Extended(8)),
    ("ocsp signing", Meaning::Extended(9)),
    ("microsoft sgc", Meaning::Extended(10)),
    ("netscape sgc", Meaning::Extended(11)),
];

const EXTENDED_OIDS: [&[u8]; 12] = [
    &[0x55, 0x1d, 0x25, 0],
    &[0x2b, 6, 1, 5, 5, 7, 3, 1],
    &[0x2b, 6, 1, 5, 5, 7, 3, 2],
    &[0x2b, 6, 1, 5, 5, 7, 3, 3],
    &[0x2b, 6, 1, 5, 5, 7, 3, 4],
    &[0x2b, 6, 1, 5, 5, 7, 3, 5],
    &[0x2b, 6, 1, 5, 5, 7, 3, 6],
    &[0x2b, 6, 1, 5, 5, 7, 3, 7],
    &[0x2b, 6, 1, 5, 5, 7, 3, 8],
    &[0x2b, 6, 1, 5, 5, 7, 3, 9],
    &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x0a, 3, 3],
    &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 4, 1],
];

/// The names, for validation messages.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|(name, _)| *name)
}

/// The extensions of a certificate that usages stand for.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Usages {
    /// KeyUsage bits, bit 0 = digitalSignature.
    pub(crate) key: u16,
    /// ExtKeyUsage OIDs in Go's order, without duplicates, content bytes only.
    pub(crate) extended: Vec<&'static [u8]>,
}

/// Reads usage names; an unknown one is returned as the error.
pub(crate) fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Usages, String> {
    let mut key = 0;
    let mut places = std::collections::BTreeSet::new();
    for name in names {
        match KNOWN.iter().find(|(known, _)| *known == name) {
            Some((_, Meaning::Key(bit))) => key |= 1 << bit,
            Some((_, Meaning::Extended(place))) => {
                places.insert(usize::from(*place));
            }
            None => return Err(name.to_owned()),
        }
    }
    let extended = places.into_iter().map(|place| EXTENDED_OIDS[place]).collect();
    Ok(Usages { key, extended })
}

#[cfg(test)]
mod tests;
