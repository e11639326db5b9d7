//! Names for things that core never holds itself: keys, certificates, requests, operations.

use core::fmt;
use core::hash::{Hash, Hasher};

/// One lifetime of the process; makes operation ids unique across restarts.
///
/// Two rotators of one process with equal ids accept each other's answers. [`RunId::new`] makes that hard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct RunId(pub u64);

impl RunId {
    /// Returns the id of a rotator from 16 bytes that no other process has, and its number in this process.
    ///
    /// The bytes are random, drawn once at the start of the process. Where there is no randomness, a boot id whose last bytes are
    /// replaced by the process id does it. The numbers count the rotators of the process. With the same bytes, different numbers
    /// always give different ids.
    #[must_use]
    pub const fn new(process: [u8; 16], rotator: u32) -> Self {
        let both = u128::from_le_bytes(process);
        let (low, high) = (both as u64, (both >> 64) as u64);
        // An odd factor and the finaliser both are bijections of 64 bits.
        let drawn = crate::digest::mixed(crate::digest::mixed(low) ^ high);
        Self(crate::digest::mixed(drawn.wrapping_add((rotator as u64).wrapping_mul(crate::digest::GOLDEN))))
    }
}

/// The id of one effect. Every answer names one; a late or unknown one changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OpId {
    /// The run that asked.
    pub run: RunId,
    /// Counts up from 1 within the run.
    pub seq: u32,
}

/// How many operations a run has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ops(pub(crate) u32);

// How these reach a hasher is told in `crate::time`.

impl Hash for RunId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_i128(self.0.into());
    }
}

impl Hash for OpId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.run.hash(state);
        Ops(self.seq).hash(state);
    }
}

impl Hash for Ops {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_i32(self.0 as i32);
    }
}

/// The number of an identity: one key each, counting up from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Generation(pub u32);

/// Counts the files of one generation, so that no file name is written twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct FileNumber(pub u32);

/// A private key in the driver's key store, together with the request made for it where there is one.
///
/// The driver numbers them; a number is never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct KeyHandle(pub u64);

/// The bytes of a certificate chain, kept by the driver: the very bytes that are judged, written and presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct CertHandle(pub u64);

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(into = "alloc::string::String", try_from = "alloc::string::String"))]
        pub struct $name(pub [u8; 32]);

        impl Hash for $name {
            /// By its first eight bytes: they are as good a hash as any.
            fn hash<H: Hasher>(&self, state: &mut H) {
                let [a, b, c, d, e, f, g, h, ..] = self.0;
                state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
            }
        }

        impl fmt::Display for $name {
            /// Lower-case hexadecimal; `{:.8}` shortens it.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self:.8})", stringify!($name))
            }
        }

        #[cfg(feature = "serde")]
        impl From<$name> for alloc::string::String {
            fn from(digest: $name) -> Self {
                alloc::format!("{digest}")
            }
        }

        #[cfg(feature = "serde")]
        impl TryFrom<alloc::string::String> for $name {
            type Error = &'static str;
            fn try_from(text: alloc::string::String) -> Result<Self, Self::Error> {
                unhex(&text).map($name).ok_or("a digest is 64 hexadecimal digits")
            }
        }
    };
}

digest! {
    /// SHA-256 of a public key (the DER SubjectPublicKeyInfo).
    KeyDigest
}
digest! {
    /// SHA-256 of a leaf certificate (DER). Draws the renewal point.
    LeafDigest
}
digest! {
    /// SHA-256 over public key, subject, SANs, usages, signer and duration: the content of a request.
    ///
    /// The CertificateSigningRequest's name is a prefix and this.
    RequestDigest
}

fn hex(bytes: &[u8; 32], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digits = f.precision().unwrap_or(64);
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(digits) {
        write!(f, "{nibble:x}")?;
    }
    Ok(())
}

#[cfg(feature = "serde")]
fn unhex(text: &str) -> Option<[u8; 32]> {
    let is_ours = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 64 || !text.as_bytes().iter().all(is_ours) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl Generation {
    /// The generation after this one. Saturates; four thousand million rotations are not reached.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl FileNumber {
    /// The number after this one (saturating).
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{}", self.run.0, self.seq)
    }
}

impl fmt::Display for RunId {
    /// As in an [`OpId`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for FileNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A key or a certificate that the driver holds.
///
/// Exhaustive on purpose: a driver that does not erase one kind keeps secrets in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Handle {
    /// A key.
    Key(KeyHandle),
    /// A certificate chain.
    Cert(CertHandle),
}

#[cfg(test)]
mod tests;
