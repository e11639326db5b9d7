//! Errors of reading and making. No text here quotes the input: it may be a key.

use std::error::Error;
use std::fmt;

use crate::MAX_INPUT;

/// Why PEM text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadError {
    /// More bytes than the limit.
    TooLarge {
        /// The number of bytes.
        size: usize,
        /// The limit.
        most: usize,
    },
    /// More blocks than are looked at.
    TooMany {
        /// How many are.
        most: usize,
    },
    /// Not one block of the kind that is wanted.
    Nothing,
    /// Text outside the blocks; the line counts from 1.
    Text {
        /// Which line.
        line: usize,
    },
    /// A block of another kind (a key, say), or one too many; the line counts from 1.
    Kind {
        /// Where it begins.
        line: usize,
    },
    /// A line inside a block that is not base64 (a PEM header, say); the line counts from 1.
    Base64 {
        /// Which line.
        line: usize,
    },
    /// A block that does not end, or not as it began; the line counts from 1.
    Unfinished {
        /// Where it begins.
        line: usize,
    },
    /// Bytes after the end of the DER value in a block.
    TrailingBytes {
        /// Which block; the first is 1.
        block: usize,
    },
    /// The DER does not match the block's label, or has a repeated or unreadable extension.
    Der {
        /// Which block; the first is 1.
        block: usize,
    },
    /// The serial number is negative. Go, and so kube-apiserver, does not read such a certificate.
    Serial {
        /// Which block; the first is 1.
        block: usize,
    },
    /// The signature that a certificate request carries is not its own key's.
    Signature,
}

impl ReadError {
    /// Refuses text that has more than so many bytes.
    pub(crate) const fn sized(text: &[u8], most: usize) -> Result<(), Self> {
        let size = text.len();
        if size > most { Err(Self::TooLarge { size, most }) } else { Ok(()) }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size, most } => {
                write!(f, "it has {size} bytes; give at most {most}")
            }
            Self::TooMany { most } => write!(f, "it has too many PEM blocks; give at most {most}"),
            Self::Nothing => f.write_str("it has no intact PEM block of the kind that is wanted; give one"),
            Self::Text { line } => {
                write!(f, "line {line} is text outside a PEM block; remove it")
            }
            Self::Kind { line } => {
                write!(f, "line {line} begins a PEM block that does not belong here; remove it")
            }
            Self::Base64 { line } => write!(f, "line {line} is not plain base64; give PEM without headers"),
            Self::Unfinished { line } => {
                write!(f, "the PEM block that begins in line {line} does not end; give the whole file")
            }
            Self::TrailingBytes { block } => {
                write!(f, "PEM block {block} has bytes after the end of its DER value; remove them")
            }
            Self::Der { block } => {
                write!(f, "PEM block {block} is not the DER that its label promises; make it again")
            }
            Self::Serial { block } => {
                write!(f, "the certificate in PEM block {block} has a negative serial number; issue it again")
            }
            Self::Signature => {
                f.write_str("the request is not signed by its own key; make it again with that key")
            }
        }
    }
}

impl Error for ReadError {}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyError {
    /// The operating system gave no random bytes.
    Random,
    /// The PEM text around it is refused.
    Pem(ReadError),
    /// Not an intact key of a supported type; see [`crate::SecretKey`].
    Unreadable,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("the operating system gave no random bytes; try again"),
            Self::Pem(error) => write!(f, "the private key is not plain PEM: {error}"),
            Self::Unreadable => f.write_str(
                "the private key is not an intact P-256, P-384, P-521, Ed25519 or RSA key (2048 to 8192 bits) in PKCS#8, SEC 1 or PKCS#1; give such a key",
            ),
        }
    }
}

impl Error for KeyError {}

impl From<ReadError> for KeyError {
    fn from(error: ReadError) -> Self {
        Self::Pem(error)
    }
}

/// The text names no [`KeyType`](crate::KeyType).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyTypeError;

impl fmt::Display for KeyTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such key type; choose p256, p384, ed25519, rsa2048, rsa3072 or rsa4096")
    }
}

impl Error for KeyTypeError {}

/// Why a request cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestError {
    /// The key cannot be made or used.
    Key(KeyError),
    /// The subject has an empty organization, or an attribute that cannot be written: an unknown form of object identifier, no
    /// text, or one that its type does not allow.
    Subject,
    /// A subject alternative name of a kind that cannot be requested, or one that is not ASCII.
    San,
    /// The signer's name is not one line of text.
    Signer,
    /// The duration is not a whole number of seconds, or more than `spec.expirationSeconds` (an int32) holds.
    Duration,
    /// The request would not fit into a pending file.
    TooLarge,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(error) => write!(f, "{error}"),
            Self::Subject => f.write_str(
                "the subject has an empty organization or an attribute that cannot be requested; give each a text, a country two letters, and a serial number or domain component no accents",
            ),
            Self::San => {
                f.write_str("a subject alternative name cannot be requested; give DNS names, addresses, e-mails or URIs in ASCII")
            }
            Self::Signer => f.write_str("the signer name has control characters; give one line such as example.com/my-signer"),
            Self::Duration => f.write_str("the duration is not whole seconds below 2^31; give such a duration"),
            Self::TooLarge => write!(f, "the request has more than {MAX_INPUT} bytes; request fewer names"),
        }
    }
}

impl Error for RequestError {}

impl From<KeyError> for RequestError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

/// Why certrotate did not write a bundle or a pending file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Corrupt {
    /// More bytes than the limit.
    TooLarge,
    /// No bytes at all.
    Empty,
    /// This version does not write such a first line.
    FirstLine,
    /// The SHA-256 of the first line does not match the bytes.
    Digest,
    /// The PEM text is refused.
    Pem(ReadError),
    /// Not just one private key, in its place.
    KeyBlock,
    /// The private key is refused.
    Key(KeyError),
    /// The certificate request is for another key.
    RequestKey,
    /// The lines on signer, usages or duration are wrong.
    Lines,
    /// The content is complete, but not in the one form that certrotate writes.
    Form,
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("it is larger than any file that certrotate writes"),
            Self::Empty => f.write_str("it is empty"),
            Self::FirstLine => f.write_str("its first line is not one that certrotate writes"),
            Self::Digest => f.write_str("its SHA-256 is not the one in its first line"),
            Self::Pem(error) => write!(f, "{error}"),
            Self::KeyBlock => f.write_str("it does not have one private key in the right place"),
            Self::Key(error) => write!(f, "{error}"),
            Self::RequestKey => f.write_str("its certificate request is for another key"),
            Self::Lines => f.write_str("its lines on signer, usages and duration are wrong"),
            Self::Form => f.write_str("it is not in the form that certrotate writes"),
        }
    }
}

impl Error for Corrupt {}

impl From<ReadError> for Corrupt {
    fn from(error: ReadError) -> Self {
        Self::Pem(error)
    }
}

impl From<KeyError> for Corrupt {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}
