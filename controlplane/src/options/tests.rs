use super::*;

#[test]
fn a_zero_signing_duration_is_refused() {
    let options = Options { cluster_signing_duration: Duration::ZERO, ..Options::default() };
    let error = options.validate().unwrap_err().to_string();
    assert_eq!(error, "--cluster-signing-duration: must be at least one second");
}
