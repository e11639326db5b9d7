//! The invariants that the files show.

use std::path::PathBuf;

use certrotate::clock::Clock as _;
use certrotate_x509::{bundle, pending, request_name};

use crate::world::World;

impl World {
    /// S8: a request is sent after its key is durable.
    pub(crate) fn check_durable(&self, name: &str) {
        if self.lock().checks.may_be_in_memory() {
            return;
        }
        let files = std::fs::read_dir(self.cert_dir()).into_iter().flatten().flatten();
        let found = files.filter_map(|entry| std::fs::read(entry.path()).ok()).any(|bytes| {
            pending::decode(&bytes).is_ok_and(|(_, request)| request_name(&request.request()) == name)
        });
        if !found {
            self.lock().checks.fail("S8", "a request is sent whose key is not on disk".into());
        }
    }

    /// The current link.
    pub(crate) fn link(&self) -> PathBuf {
        self.cert_dir().join("kubelet-client-current.pem")
    }

    /// S3: the current link leads to a whole bundle, whose certificate is good.
    pub(crate) fn check_link(&self) {
        let Ok(bytes) = std::fs::read(self.link()) else {
            if self.link().is_symlink() {
                self.lock().checks.fail("S3", "the current link leads nowhere".into());
            }
            return;
        };
        let bundle = bundle::decode(&bytes, None);
        let mut state = self.lock();
        match bundle {
            Err(error) => state.checks.fail("S3", format!("the current link leads to no bundle: {error}")),
            Ok(bundle) if !state.checks.is_good(&bundle.facts.leaf) => {
                state
                    .checks
                    .fail("S2", "the current link leads to a certificate that must be refused".into());
            }
            Ok(_) => {}
        }
    }

    /// L2: the node's own kubeconfig names the current link, and nothing else.
    pub(crate) fn check_kubeconfig(&self) {
        let text = std::fs::read_to_string(self.kubeconfig()).unwrap_or_default();
        let link = self.link();
        let named = text.matches(&*link.to_string_lossy()).count();
        if named != 2 {
            let what = format!("the node's kubeconfig names the current link {named} times, not twice");
            self.lock().checks.fail("L2", what);
        }
    }

    /// S1, by the node's own clock: no connection outlives its certificate.
    pub(crate) fn check_connections(&self) {
        // The tasks that cut connections have not seen a jump that happens now.
        if self.clock().steady_ms() < 1_000 {
            return;
        }
        let wall = self.clock().wall();
        self.lock().checks.connections_are_valid(wall, 1_000);
    }
}
