//! Random bytes from the operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::base::error::Error;

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Error::Crypto("the system gave no random bytes".to_owned()))?;
    Ok(bytes)
}
