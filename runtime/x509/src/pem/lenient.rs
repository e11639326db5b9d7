//! PEM as Go's `encoding/pem` reads it (`Decode`, of Go 1.25 and later). Kubernetes writes and accepts PEM through that.
//!
//! The strict reader of the module above is for our own files. docs/pem.md has the rules of both for people.

use zeroize::Zeroizing;

use super::{Unused, decode};

const BEGIN: &[u8] = b"-----BEGIN ";
/// An END line is one that follows a line end.
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// One block.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a [u8],
    /// Whether lines like `Proc-Type: 4,ENCRYPTED` stand before the base64.
    pub(crate) has_headers: bool,
    /// Its bytes, which may be a key.
    pub(crate) der: Zeroizing<Vec<u8>>,
}

impl Block<'_> {
    /// Whether it has this label and no headers: client-go skips certificates with headers (`util/cert`, `ParseCertsPEM`).
    pub(crate) fn is_plain(&self, label: &str) -> bool {
        self.label == label.as_bytes() && !self.has_headers
    }
}

/// The blocks of a text, in order. Whatever is no block is skipped.
pub(crate) fn blocks(text: &[u8]) -> impl Iterator<Item = Block<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let (block, next) = first(text, start)?;
        start = next;
        Some(block)
    })
}

/// The first block that begins at `start` or later, and the offset after it.
fn first(text: &[u8], mut start: usize) -> Option<(Block<'_>, usize)> {
    loop {
        let end = start + find(text.get(start..)?, END)?;
        let after_end = end + END.len();
        // The last BEGIN line before the END line: one that has no END is text.
        let begin = text[start..end].windows(BEGIN.len()).rposition(|window| window == BEGIN);
        let begin = begin.filter(|begin| *begin == 0 || text[start + begin - 1] == b'\n');
        let Some(begin) = begin.map(|begin| start + begin) else {
            start = after_end;
            continue;
        };
        let (type_line, body) = line(text, begin + BEGIN.len());
        let Some(label) = type_line.strip_suffix(DASHES) else {
            start = after_end;
            continue;
        };
        let (body, has_headers) = skip_headers(text, body)?;
        if has_headers && body > end {
            // Go gives up where the END line itself was taken for a header.
            start = Some(after_end).filter(|after| *after >= body)?;
            continue;
        }
        let content = if body < end { text.get(body..end)? } else { &[] };
        match is_end_of(text.get(after_end..)?, label).then(|| bytes(content)).flatten() {
            Some(der) => return Some((Block { label, has_headers, der }, line(text, after_end - 1).1)),
            None => start = after_end,
        }
    }
}

/// Skips lines with a colon; returns the offset of the first line without, and whether there were any.
fn skip_headers(text: &[u8], mut body: usize) -> Option<(usize, bool)> {
    let start = body;
    loop {
        if body >= text.len() {
            return None;
        }
        let (content, next) = line(text, body);
        if !content.contains(&b':') {
            return Some((body, body != start));
        }
        body = next;
    }
}

/// Whether `rest`, which follows `-----END `, ends a block with this label: nothing but white space may follow in the line.
fn is_end_of(rest: &[u8], label: &[u8]) -> bool {
    let after = rest.strip_prefix(label).and_then(|rest| rest.strip_prefix(DASHES));
    after.is_some_and(|after| line(after, 0).0.is_empty())
}

fn bytes(content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut base64 = Zeroizing::new(Vec::with_capacity(content.len()));
    base64.extend(content.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')));
    decode(&base64, Unused::Any)
}

/// The line that begins at `start`, without line end, spaces and tabs at its end; and the offset of the next one.
fn line(text: &[u8], start: usize) -> (&[u8], usize) {
    let rest = text.get(start..).unwrap_or_default();
    let (content, next) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let content = &rest[..end];
            (content.strip_suffix(b"\r").unwrap_or(content), start + end + 1)
        }
        None => (rest, text.len()),
    };
    let blank = content.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    (&content[..content.len() - blank], next)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests;
