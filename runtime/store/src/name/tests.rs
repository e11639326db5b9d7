use super::*;
use proptest::prelude::*;

fn pair(name: &str) -> PairName {
    PairName::new(name).unwrap()
}

fn parse(text: &str) -> Option<Name> {
    pair("kubelet-client").parse(OsStr::new(text))
}

fn any_name() -> impl Strategy<Value = Name> {
    let number = || prop_oneof![0..3_u32, any::<u32>(), Just(u32::MAX)];
    // From the first second of the year 0 to the last of 9999.
    let second = -62_167_219_200_i64..=253_402_300_799;
    (0..5_u8, second, number(), number()).prop_map(|(kind, second, generation, file)| {
        let (generation, file) = (Generation(generation), FileNumber(file));
        match kind {
            0 => Name::Current,
            1 => Name::Bundle { issued: WallTime::from_unix_secs(second), generation, file },
            2 => Name::Pending { generation, file },
            3 => Name::Temporary { generation, file },
            _ => Name::Quarantine { generation, file },
        }
    })
}

/// Pair names made of the words of our own pattern, one of which may continue another; of any length.
fn any_pair() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("x"),
        Just("tmp"),
        Just("pending"),
        Just("quarantine"),
        Just("current.pem"),
        Just("2024"),
        Just("01"),
        Just("1.1"),
        Just("pem"),
    ];
    proptest::collection::vec(word, 1..8).prop_map(|words| words.join("-"))
}

proptest! {
    #[test]
    fn every_name_comes_back_from_its_file_name(name in any_name(), pair in any_pair()) {
        let pair = PairName(pair);
        prop_assert_eq!(pair.parse(OsStr::new(&pair.file_name(name))), Some(name));
    }

    #[test]
    fn a_name_of_one_pair_is_none_of_another(name in any_name(), one in any_pair(), rest in any_pair()) {
        let (short, long) = (PairName(one.clone()), PairName(format!("{one}-{rest}")));
        prop_assert_eq!(short.parse(OsStr::new(&long.file_name(name))), None);
        prop_assert_eq!(long.parse(OsStr::new(&short.file_name(name))), None);
    }

    #[test]
    fn a_changed_file_name_is_another_name_or_none(name in any_name(), at in any::<prop::sample::Index>(), byte: u8) {
        let pair = pair("kubelet-client");
        let mut changed = pair.file_name(name).into_bytes();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        prop_assert_ne!(pair.parse(OsStr::from_bytes(&changed)), Some(name));
    }

    #[test]
    fn parsed_file_name_is_written_back_equal(rest in "(pending|tmp|quarantine|20[0-9]{2}-[01][0-9]-[0-3][0-9]-[0-2][0-9]-[0-6][0-9]-[0-6][0-9])-[+0-9]{1,2}\\.[0-9]{1,2}(\\.pem)?") {
        let text = format!("kubelet-client-{rest}");
        if let Some(name) = parse(&text) {
            prop_assert_eq!(format!("kubelet-client-{name}"), text);
        }
    }
}

#[test]
fn each_kind_of_name_has_its_pattern() {
    let (generation, file) = (Generation(7), FileNumber(2));
    let issued = WallTime::from_unix_secs(1_709_210_096);
    for (text, name) in [
        ("kubelet-client-current.pem", Name::Current),
        ("kubelet-client-2024-02-29-12-34-56-7.2.pem", Name::Bundle { issued, generation, file }),
        ("kubelet-client-pending-7.2", Name::Pending { generation, file }),
        ("kubelet-client-tmp-7.2", Name::Temporary { generation, file }),
        ("kubelet-client-quarantine-7.2", Name::Quarantine { generation, file }),
    ] {
        assert_eq!(parse(text), Some(name));
        assert_eq!(pair("kubelet-client").file_name(name), text);
    }
}

#[test]
fn names_that_are_nearly_ours_are_not_ours() {
    for text in [
        "",
        "kubelet-client",
        "kubelet-client-",
        "kubelet-client-current",
        "kubelet-client-current.pem.bak",
        "kubelet-client-Current.pem",
        " kubelet-client-current.pem",
        "./kubelet-client-current.pem",
        "kubelet-client.current.pem",
        "kubelet-server-current.pem",
        "kubelet-current.pem",
        "kubelet-client-tmp-7",
        "kubelet-client-tmp-7.",
        "kubelet-client-tmp-.7",
        "kubelet-client-tmp-7.2.1",
        "kubelet-client-tmp-07.2",
        "kubelet-client-tmp-7.02",
        "kubelet-client-tmp-+7.2",
        "kubelet-client-tmp--7.2",
        "kubelet-client-tmp-7.2.pem",
        "kubelet-client-tmp-7.2~",
        "kubelet-client-tmp-4294967296.1",
        "kubelet-client-tmp-٧.2",
        "kubelet-client-pending-7.2.tmp",
        // What the kubelet itself writes has no generation.
        "kubelet-client-2024-02-29-12-34-56.pem",
        "kubelet-client-2024-02-29-12-34-56-7.2",
        "kubelet-client-2024-2-29-12-34-56-7.2.pem",
        "kubelet-client-12024-02-29-12-34-56-7.2.pem",
        "kubelet-client-024-02-29-12-34-56-7.2.pem",
        "kubelet-client--024-02-29-12-34-56-7.2.pem",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
    let not_text = OsStr::from_bytes(b"kubelet-client-tmp-7.2\xff");
    assert_eq!(pair("kubelet-client").parse(not_text), None);
}

#[test]
fn a_date_that_does_not_exist_is_not_ours() {
    for date in [
        "2023-02-29-00-00-00",
        "2024-02-30-00-00-00",
        "1900-02-29-00-00-00",
        "2024-04-31-00-00-00",
        "2024-00-01-00-00-00",
        "2024-13-01-00-00-00",
        "2024-01-00-00-00-00",
        "2024-01-32-00-00-00",
        "2024-01-01-24-00-00",
        "2024-01-01-00-60-00",
        "2024-12-31-23-59-60",
    ] {
        assert_eq!(parse(&format!("kubelet-client-{date}-7.2.pem")), None, "{date}");
    }
    for date in ["2000-02-29-00-00-00", "0000-02-29-00-00-00", "0000-01-01-00-00-00", "9999-12-31-23-59-59"] {
        assert!(parse(&format!("kubelet-client-{date}-7.2.pem")).is_some(), "{date}");
    }
}

#[test]
fn a_pair_name_is_letters_digits_hyphens_and_dots() {
    for good in ["kubelet-client", "kubelet-server", "x", "9", "a.b-C", &"a".repeat(MAX_PAIR_NAME)] {
        assert_eq!(good.parse::<PairName>().unwrap().to_string(), good);
        assert_eq!(pair(good).as_str(), good);
    }
    for (bad, why) in [
        ("", PairNameError::Empty),
        (&"a".repeat(MAX_PAIR_NAME + 1), PairNameError::TooLong),
        ("-a", PairNameError::First),
        (".", PairNameError::First),
        ("..", PairNameError::First),
        ("/a", PairNameError::First),
        ("é", PairNameError::First),
        ("a/b", PairNameError::Character),
        ("a b", PairNameError::Character),
        ("a_b", PairNameError::Character),
        ("a\0", PairNameError::Character),
        ("aé", PairNameError::Character),
    ] {
        assert_eq!(PairName::new(bad), Err(why), "{bad}");
        assert!(why.to_string().starts_with("the pair name ") && why.to_string().contains("; "));
    }
}
