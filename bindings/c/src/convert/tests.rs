use certrotate_core::facts::Usages;

use super::{name, name_of, usages};
use crate::failure::Failure;
use crate::types::Name;
use crate::types::codes::Usage;

#[test]
fn usages_have_the_bits_of_core() {
    for (at, (usage, text)) in Usages::ALL.iter().enumerate() {
        let read = usages("usages", 1 << at).map_err(Failure::report);
        assert_eq!(read, Ok(*usage), "{text}");
    }
    let client = Usage::DigitalSignature as u32 | Usage::ClientAuth as u32;
    let read = usages("usages", client).map_err(Failure::report);
    assert_eq!(read, Ok(Usages::DIGITAL_SIGNATURE.with(Usages::CLIENT_AUTH)));
    assert!(usages("usages", Usage::Other as u32).is_ok() && usages("usages", 1 << 17).is_err());
}

#[test]
fn name_goes_to_core_and_back() {
    for kind in 2..=5 {
        let issued = if kind == 2 { 7000 } else { 0 };
        let given = Name { kind, generation: 3, file: 4, issued };
        let read = name("name", given).map_err(Failure::report).expect("the kind is known");
        let back = name_of(read);
        assert_eq!((back.kind, back.generation, back.file, back.issued), (kind, 3, 4, issued));
    }
}
