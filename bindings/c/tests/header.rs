//! The committed header is the one that cbindgen makes of the sources.

use std::path::Path;

#[test]
fn header_is_what_cbindgen_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config =
        cbindgen::Config::from_file(folder.join("cbindgen.toml")).expect("the configuration is valid");
    let sources = [
        "types/codes.rs",
        "types/event.rs",
        "types.rs",
        "types/step.rs",
        "border/rotator.rs",
        "border/step.rs",
        "border/inventory.rs",
        "border/answers.rs",
    ];
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in sources {
        builder = builder.with_src(folder.join("src").join(source));
    }
    let mut made = Vec::new();
    builder.generate().expect("the sources can be read").write(&mut made);
    let made = String::from_utf8(made).expect("a header is text");
    let path = folder.join("include/certrotate.h");
    if std::env::var_os("CERTROTATE_BLESS").is_some() {
        std::fs::write(&path, &made).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the header is committed");
    assert!(
        made == committed,
        "bindings/c/include/certrotate.h is outdated; run CERTROTATE_BLESS=1 cargo test -p certrotate-c --test header"
    );
}
