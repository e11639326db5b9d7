//! PEM (RFC 7468), read and written without leaving copies of a key behind: its strict form, for our own files, here; the
//! form that Kubernetes reads in [`lenient`].

pub(crate) mod lenient;

use zeroize::Zeroizing;

use crate::error::ReadError;
use crate::{MAX_CERTIFICATES, MAX_FILE};

pub(crate) const CERTIFICATE: &str = "CERTIFICATE";
pub(crate) const REQUEST: &str = "CERTIFICATE REQUEST";
pub(crate) const PKCS8_KEY: &str = "PRIVATE KEY";
pub(crate) const SEC1_KEY: &str = "EC PRIVATE KEY";
pub(crate) const PKCS1_KEY: &str = "RSA PRIVATE KEY";

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BYTES_PER_LINE: usize = 48;

/// The text that is allowed outside the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    /// Blank lines.
    Blank,
    /// Any text.
    Text,
}

/// One block: its place in the text, and its bytes (which may be a key).
pub(crate) struct Block<'a> {
    pub(crate) label: &'a [u8],
    /// The line of its beginning, counting from 1.
    pub(crate) line: usize,
    /// The offset of its first byte.
    pub(crate) start: usize,
    /// The offset after its last line.
    pub(crate) end: usize,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

impl Block<'_> {
    pub(crate) fn is(&self, label: &str) -> bool {
        self.label == label.as_bytes()
    }
}

/// Returns all blocks of `text`. The caller has checked its size.
pub(crate) fn blocks(text: &[u8], outside: Outside) -> Result<Vec<Block<'_>>, ReadError> {
    debug_assert!(text.len() <= MAX_FILE, "the size is checked before the content");
    let mut blocks = Vec::new();
    let mut open: Option<(Block<'_>, Zeroizing<Vec<u8>>)> = None;
    let mut offset = 0;
    for (index, whole) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let (line, start) = (index + 1, offset);
        offset += whole.len();
        let content = without_line_end(whole);
        match open.take() {
            None => {
                if let Some(label) = label(content, b"-----BEGIN ") {
                    let der = Zeroizing::new(Vec::new());
                    let room = Zeroizing::new(Vec::with_capacity(text.len() - start));
                    open = Some((Block { label, line, start, end: 0, der }, room));
                } else if outside == Outside::Blank && !content.trim_ascii().is_empty() {
                    return Err(ReadError::Text { line });
                }
            }
            Some((block, mut base64)) if content.iter().all(|byte| is_base64(*byte)) => {
                base64.extend_from_slice(content);
                open = Some((block, base64));
            }
            Some((mut block, base64)) => {
                match label(content, b"-----END ") {
                    Some(label) if label == block.label => {}
                    Some(_) => return Err(ReadError::Unfinished { line: block.line }),
                    None => return Err(ReadError::Base64 { line }),
                }
                block.der = decode(&base64, Unused::Zero).ok_or(ReadError::Base64 { line })?;
                block.end = offset;
                blocks.push(block);
                // A bundle has a key in addition to its certificates.
                if blocks.len() > MAX_CERTIFICATES + 1 {
                    return Err(ReadError::TooMany { most: MAX_CERTIFICATES });
                }
            }
        }
    }
    match open {
        Some((block, _)) => Err(ReadError::Unfinished { line: block.line }),
        None => Ok(blocks),
    }
}

/// Returns a block as text, in lines of 64 characters.
pub(crate) fn write(label: &str, der: &[u8]) -> Zeroizing<String> {
    // Allocate the exact size: a growing text would leave its earlier copies in memory.
    let lines = der.len().div_ceil(BYTES_PER_LINE);
    let frame = "-----BEGIN -----\n-----END -----\n".len() + 2 * label.len();
    let mut text = Zeroizing::new(String::with_capacity(frame + der.len().div_ceil(3) * 4 + lines));
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    for line in der.chunks(BYTES_PER_LINE) {
        for group in line.chunks(3) {
            encode_group(group, &mut text);
        }
        text.push('\n');
    }
    for part in ["-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

fn encode_group(group: &[u8], text: &mut String) {
    let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
    for digit in 0..4 {
        if digit <= group.len() {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(char::from(ALPHABET[value as usize]));
        } else {
            text.push('=');
        }
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn label<'a>(line: &'a [u8], before: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(before)?.strip_suffix(b"-----")
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// The unused bits of the last digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unused {
    /// They are zero: there is one text for the bytes.
    Zero,
    /// They may be anything, as for Go.
    Any,
}

/// Base64 with its padding.
fn decode(base64: &[u8], unused: Unused) -> Option<Zeroizing<Vec<u8>>> {
    if !base64.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(base64.len() / 4 * 3));
    let groups = base64.len() / 4;
    for (index, group) in base64.chunks(4).enumerate() {
        let padding = group.iter().rev().take_while(|digit| **digit == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 < groups) {
            return None;
        }
        let digits = &group[..4 - padding];
        let mut bits = 0;
        for digit in digits {
            bits = bits << 6 | value(*digit)?;
        }
        bits <<= 6 * padding;
        let [_, decoded @ ..] = bits.to_be_bytes();
        let (used, rest) = decoded.split_at(3 - padding);
        if unused == Unused::Zero && rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(used);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
