pub mod clock;
pub mod identity;
pub mod keystore;
pub mod tls;
