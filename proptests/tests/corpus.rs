//! The committed corpora of `fuzz/`, run on stable by the same functions as the fuzz targets run.

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is there") {
        let path = entry.expect("it can be listed").path();
        // The name of an input that fails is the last one printed.
        eprintln!("{}", path.display());
        run(&std::fs::read(&path).expect("it can be read"));
        inputs += 1;
    }
    assert!(inputs > 0, "{} has inputs", folder.display());
}

#[test]
fn life_corpus_holds() {
    replay("life", certrotate_model::scenario::run);
}

#[test]
fn recovery_corpus_starts_on_every_directory() {
    replay("recovery", certrotate_model::recovery::run);
}

#[test]
fn the_certificate_corpus_is_read_without_a_panic() {
    replay("certificate", certrotate_x509::fuzz::certificate);
}

#[test]
fn the_bundle_corpus_is_read_without_a_panic() {
    replay("bundle", certrotate_x509::fuzz::bundle);
}

#[test]
fn the_pending_corpus_is_read_without_a_panic() {
    replay("pending", certrotate_x509::fuzz::pending);
}

#[test]
fn api_corpus_is_read_as_its_json_says() {
    replay("api", certrotate::fuzz::api);
}

#[test]
fn the_kubeconfig_corpus_is_read_without_showing_a_secret() {
    replay("kubeconfig", certrotate::fuzz::kubeconfig);
}

#[test]
fn the_trace_corpus_is_read_written_and_replayed() {
    replay("trace", certrotate_proptests::trace::check);
}

#[test]
fn the_differential_corpus_is_judged_as_the_oracle_judges() {
    replay("differential", certrotate_proptests::differential::check);
}

#[test]
fn plane_corpus_is_answered_without_blocking() {
    replay("plane", certrotate::fuzz::plane);
}

#[test]
fn the_plane_csr_corpus_is_refused_or_signed_as_asked() {
    replay("plane_csr", certrotate::fuzz::plane_csr);
}
