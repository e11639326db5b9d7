//! An answer on its way to core.

use certrotate_core::input::Input;
use certrotate_keys::Staged;

/// An input of core, with the keys and chains that it names.
#[derive(Debug)]
pub struct Answer {
    /// The input.
    pub input: Input,
    /// Its keys and chains. They enter the key store with the input, so no step can erase them before.
    pub staged: Staged,
}

impl From<Input> for Answer {
    fn from(input: Input) -> Self {
        Self { input, staged: Staged::default() }
    }
}
