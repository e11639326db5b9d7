use super::*;
use alloc::collections::BTreeSet;
use alloc::format;

#[test]
fn digest_is_shown_as_64_lower_case_digits_or_fewer() {
    let mut bytes = [0; 32];
    (bytes[0], bytes[1], bytes[31]) = (0xab, 0x0c, 0xff);
    let digest = KeyDigest(bytes);
    let text = format!("{digest}");
    assert_eq!(text.len(), 64);
    assert!(text.starts_with("ab0c00") && text.ends_with("00ff"), "{text}");
    assert_eq!(format!("{digest:.3}"), "ab0");
    assert_eq!(format!("{digest:.99}"), text);
    assert_eq!(format!("{digest:?}"), "KeyDigest(ab0c0000)");
}

#[cfg(feature = "serde")]
#[test]
fn digest_is_parsed_from_its_own_text_and_from_nothing_else() {
    let digest = RequestDigest(core::array::from_fn(|index| index as u8 * 8));
    let text = alloc::string::String::from(digest);
    assert_eq!(RequestDigest::try_from(text.clone()), Ok(digest));
    for wrong in
        [&text[1..], "", &text.replace('0', "g"), &format!("{text}00"), &"é".repeat(32), &"+0".repeat(32)]
    {
        assert!(RequestDigest::try_from(alloc::string::String::from(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn numbers_count_up_and_saturate() {
    assert_eq!(Generation(1).next(), Generation(2));
    assert_eq!(Generation(u32::MAX).next(), Generation(u32::MAX));
    assert_eq!(FileNumber::default().next(), FileNumber(1));
    assert_eq!(FileNumber(u32::MAX).next(), FileNumber(u32::MAX));
    assert_eq!(format!("{}", OpId { run: RunId(0xbeef), seq: 12 }), "beef.12");
}

#[test]
fn run_ids_of_one_process_are_all_different() {
    let ids: BTreeSet<_> = (0..10_000).map(|rotator| RunId::new([7; 16], rotator)).collect();
    assert_eq!(ids.len(), 10_000);
}

#[test]
fn run_ids_differ_where_any_byte_of_the_process_does() {
    let first = RunId::new([0; 16], 0);
    let others = (0..16).flat_map(|place| {
        (1..=255).map(move |byte| {
            let mut process = [0; 16];
            process[place] = byte;
            RunId::new(process, 0)
        })
    });
    let ids: BTreeSet<_> = others.chain([first]).collect();
    assert_eq!(ids.len(), 16 * 255 + 1);
}
