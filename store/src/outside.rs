//! Pairs that are in no bundle of ours: what a kubelet left, or a backup brought. They are read and nothing else.

use certrotate_core::disk::{BundleHeader, LiveName, Name, PairFound, Place};
use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;
use certrotate_x509::{Bundle, ClientCa, Pair, pair};

use crate::read::read_any;
use crate::scan::Scanner;
use crate::store::Vault;

/// How many of a kubelet's dated files are read, the newest first. The last one is in use, and the one before it where a
/// crash came between.
pub(crate) const DATED: usize = 2;

impl Scanner<'_> {
    /// The pairs that there are, each once.
    pub(crate) fn outside(
        &self,
        live: LiveName,
        dated: &[WallTime],
        (vault, client_ca): (&impl Vault, Option<&ClientCa>),
        remarks: &mut [String],
    ) -> Vec<PairFound> {
        let mut found: Vec<PairFound> = Vec::new();
        let mut keep = |place, read: Pair| {
            let (key_digest, facts) = (read.key.digest(), read.facts.clone());
            if found.iter().any(|it| (it.facts.leaf, it.key_digest) == (facts.leaf, key_digest)) {
                return;
            }
            let header = BundleHeader { generation: Generation(0), issued: facts.not_before };
            let Pair { key, chain, facts: same } = read;
            let (key, cert) = vault.keep_bundle(Bundle { header, key, chain, facts: same });
            found.push(PairFound { place, key_digest, facts, key, cert });
        };
        if matches!(live, LiveName::Foreign | LiveName::File) {
            match self.one(&self.pair.file_name(Name::Live), client_ca) {
                Ok(read) => keep(Place::Live, read),
                // That it is no link of ours is what was said last.
                Err(why) => {
                    if let Some(remark) = remarks.last_mut() {
                        remark.push_str("; it is not adopted: ");
                        remark.push_str(&why);
                    }
                }
            }
        }
        for time in dated {
            if let Ok(read) = self.one(&self.pair.dated(*time), client_ca) {
                keep(Place::Dated(*time), read);
            }
        }
        let (certificate, key) = self.pair.split();
        if let Ok(read) = self.two(&certificate, &key, client_ca) {
            keep(Place::Split, read);
        }
        found
    }

    fn one(&self, name: &str, client_ca: Option<&ClientCa>) -> Result<Pair, String> {
        let text = read_any(self.handle, name)?;
        pair::read(&text, &text, client_ca).map_err(|why| why.to_string())
    }

    fn two(&self, certificate: &str, key: &str, client_ca: Option<&ClientCa>) -> Result<Pair, String> {
        let (certificate, key) = (read_any(self.handle, certificate)?, read_any(self.handle, key)?);
        pair::read(&certificate, &key, client_ca).map_err(|why| why.to_string())
    }
}
