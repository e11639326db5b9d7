//! From the bytes of a kubeconfig to the text of its first YAML document, as kubectl reads them.

use zeroize::Zeroizing;

use crate::files::without_bom;

/// Returns the text: UTF-8, or UTF-16 after a byte order mark, which PowerShell writes.
pub(super) fn decode(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Some(Zeroizing::new(std::str::from_utf8(without_bom(bytes)).ok()?.to_owned())),
    };
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    // Room for the whole text at once: a string that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3 / 2));
    for letter in char::decode_utf16(units.iter().skip(1).map(|pair| unit(*pair))) {
        text.push(letter.ok()?);
    }
    Some(text)
}

/// Returns the text up to the end of its first document. kubectl reads no further, and YAML ends a document at such a
/// line even inside a block of text.
pub(super) fn first_document(text: &str) -> &str {
    let (mut end, mut has_content) = (0, false);
    for line in text.split_inclusive('\n') {
        let marked = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
        let marked = marked.filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if marked.is_some() && has_content {
            return text.get(..end).unwrap_or(text);
        }
        let content = marked.unwrap_or(line).trim_start();
        has_content |= !content.is_empty() && !content.starts_with('#') && !line.starts_with('%');
        end += line.len();
    }
    text
}
