//! What fuzz targets and ordinary tests share: each takes any bytes and panics where a promise is broken.

pub use crate::api::fuzz::api;
pub use crate::kubeconfig::fuzz::kubeconfig;
pub use certrotate_controlplane::fuzz::{csr as plane_csr, http as plane};
