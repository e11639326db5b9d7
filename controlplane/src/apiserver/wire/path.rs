//! A place in a document. It becomes text only for the fields that are shown, since a document may be very deep.

use crate::base::budgets::{QUOTE_BYTES, cut};

/// A place in a document.
pub(crate) enum Path<'a> {
    Root,
    Member(&'a Self, &'a str),
    Item(&'a Self, usize),
}

impl Path<'_> {
    /// Returns the place as messages name it, `spec.usages[3]`, cut to a length that an answer may have.
    pub(crate) fn words(&self) -> String {
        let (mut segments, mut place) = (Vec::new(), self);
        loop {
            place = match place {
                Self::Root => break,
                Self::Member(above, _) | Self::Item(above, _) => {
                    segments.push(place);
                    above
                }
            };
        }
        let mut text = String::new();
        for segment in segments.into_iter().rev() {
            match segment {
                Self::Root => {}
                Self::Member(_, name) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(&cut(name, QUOTE_BYTES));
                }
                Self::Item(_, index) => text.push_str(&format!("[{index}]")),
            }
            if text.len() > QUOTE_BYTES {
                break;
            }
        }
        cut(&text, QUOTE_BYTES).into_owned()
    }
}
