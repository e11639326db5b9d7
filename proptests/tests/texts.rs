//! What core writes for people and for file names: one line, bounded, and read back as what it was.

use std::ffi::OsStr;
use std::net::IpAddr;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::Name;
use certrotate_core::facts::{Attribute, Chain, San, Subject, Usages};
use certrotate_core::id::{FileNumber, Generation, KeyDigest, OpId, RunId};
use certrotate_core::judge::Refusal;
use certrotate_core::time::{Span, WallTime};
use certrotate_model::marks::PHASES;
use certrotate_store::PairName;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// From the year 0 to the year 9999.
fn seconds() -> impl Strategy<Value = i64> {
    -62_167_219_200_i64..=253_402_300_799
}

/// Text of any letters, control characters and line ends among them.
fn text() -> impl Strategy<Value = String> {
    let letters = prop_oneof![any::<char>(), (0u8..0x20).prop_map(char::from), Just('\u{1b}'), Just('\n')];
    vec(letters, 0..1200).prop_map(|letters| letters.into_iter().collect())
}

fn subject() -> impl Strategy<Value = Subject> {
    let attribute = (text(), option::of(text())).prop_map(|(oid, text)| Attribute { oid, text });
    (text(), vec(text(), 0..40), vec(attribute, 0..40))
        .prop_map(|(common_name, organizations, others)| Subject { common_name, organizations, others })
}

fn san() -> impl Strategy<Value = San> {
    prop_oneof![
        text().prop_map(San::Dns),
        any::<IpAddr>().prop_map(San::Ip),
        text().prop_map(San::Email),
        text().prop_map(San::Uri),
        Just(San::Other),
    ]
}

fn usages() -> impl Strategy<Value = Usages> {
    vec(proptest::sample::select(Usages::ALL), 0..5)
        .prop_map(|some| some.iter().fold(Usages::default(), |all, (usage, _)| all.with(*usage)))
}

fn refusal() -> impl Strategy<Value = Refusal> {
    let wall = || seconds().prop_map(WallTime::from_unix_secs);
    let digest = || any::<[u8; 32]>().prop_map(KeyDigest);
    prop_oneof![
        Just(Refusal::Unreadable),
        (digest(), digest()).prop_map(|(expected, found)| Refusal::Key { expected, found }),
        (subject(), subject()).prop_map(|(expected, found)| Refusal::Subject {
            expected: Box::new(expected),
            found: Box::new(found)
        }),
        (vec(san(), 0..60), vec(san(), 0..60))
            .prop_map(|(expected, found)| Refusal::Sans { expected, found }),
        (usages(), usages()).prop_map(|(expected, found)| Refusal::UsageMissing { expected, found }),
        (usages(), usages()).prop_map(|(expected, found)| Refusal::UsageForbidden { expected, found }),
        Just(Refusal::Ca),
        Just(Refusal::Chain { found: Chain::Unchecked }),
        Just(Refusal::Chain { found: Chain::Untrusted }),
        (wall(), wall()).prop_map(|(now, not_before)| Refusal::NotYetValid { now, not_before }),
        (wall(), wall()).prop_map(|(now, not_after)| Refusal::Expired { now, not_after }),
        (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(left, least, lifetime)| Refusal::TooShort {
            left: Span::from_ms(left),
            least: Span::from_ms(least),
            lifetime: Span::from_ms(lifetime)
        }),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    let numbers = || (any::<u32>().prop_map(Generation), any::<u32>().prop_map(FileNumber));
    prop_oneof![
        Just(Name::Current),
        numbers().prop_map(|(generation, file)| Name::Temporary { generation, file }),
        numbers().prop_map(|(generation, file)| Name::Pending { generation, file }),
        numbers().prop_map(|(generation, file)| Name::Quarantine { generation, file }),
        (seconds(), numbers()).prop_map(|(issued, (generation, file))| Name::Bundle {
            issued: WallTime::from_unix_secs(issued),
            generation,
            file,
        }),
    ]
}

/// How many milliseconds a span's text says, and how many its last unit has.
fn read(text: &str) -> (u128, u128) {
    let (mut all, mut number, mut last) = (0, String::new(), 1);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_ascii_digit() || letter == '.' {
            number.push(letter);
            continue;
        }
        let unit = match letter {
            'd' => 86_400_000,
            'h' => 3_600_000,
            'm' if letters.next_if_eq(&'s').is_some() => 1,
            'm' => 60_000,
            _ => 1000,
        };
        let (whole, thousandths) = number.split_once('.').unwrap_or((&number, "0"));
        last = if thousandths == "0" { unit } else { 1 };
        all += whole.parse::<u128>().expect("digits") * unit + thousandths.parse::<u128>().expect("digits");
        number.clear();
    }
    (all, last)
}

proptest! {
    #[test]
    fn wall_time_is_formatted_as_by_the_time_crate(seconds in seconds()) {
        let theirs = OffsetDateTime::from_unix_timestamp(seconds).expect("it is in range");
        let ours = WallTime::from_unix_secs(seconds).to_string();
        prop_assert_eq!(ours, theirs.format(&Rfc3339).expect("the year has four digits"));
    }

    #[test]
    fn span_text_is_exact_to_its_smallest_unit(ms: u64) {
        for ms in [ms, ms >> 16, ms >> 32, ms >> 40, ms >> 52] {
            let (said, unit) = read(&Span::from_ms(ms).to_string());
            prop_assert!(said <= u128::from(ms) && u128::from(ms) - said < unit, "{} {}", ms, Span::from_ms(ms));
        }
    }

    #[test]
    fn refusal_of_any_certificate_is_one_bounded_line(refusal in refusal()) {
        let said = refusal.to_string();
        let unseen = |letter: char| letter.is_control() || "\u{200b}\u{2028}\u{2029}\u{202e}\u{2066}".contains(letter);
        prop_assert!(!said.contains(unseen), "{:?}", said);
        // Two subjects of 32 organizations and a common name, each of 300 letters that are escaped to ten.
        prop_assert!(said.chars().count() < 2 * 33 * 300 * 10 + 1000);
    }

    #[test]
    fn file_name_is_parsed_back_equal(name in name()) {
        let pair: PairName = "node".parse().expect("it is a name");
        let text = pair.file_name(name);
        prop_assert_eq!(pair.parse(OsStr::new(&text)), Some(name));
    }

    #[test]
    fn usages_are_written_by_their_kubernetes_names(usages in usages()) {
        let said = usages.to_string();
        let read = said.split(", ").filter(|name| *name != "none");
        let read = read.fold(Usages::default(), |all, name| all.with(Usages::named(name).expect("a known name")));
        prop_assert_eq!(read, usages);
    }

    #[test]
    fn operations_have_distinct_texts(one in (0u64..3, 0u32..3), other in (0u64..3, 0u32..3)) {
        let text = |(run, seq)| OpId { run: RunId(run), seq }.to_string();
        prop_assert_eq!(text(one) == text(other), one == other);
    }
}

#[test]
fn phases_have_names_of_their_own() {
    let mut names = PHASES.map(|phase| phase.to_string());
    names.sort_unstable();
    assert!(names.windows(2).all(|two| two[0] != two[1]), "{names:?}");
}

#[test]
fn refused_configuration_says_what_to_do() {
    let changes: [fn(&mut ConfigSpec); 9] = [
        |spec| spec.template.subject.common_name.clear(),
        |spec| spec.template.usages = Usages::default(),
        |spec| spec.template.usages = Usages::SERVER_AUTH,
        |spec| spec.template.signer = "a".repeat(2000),
        |spec| spec.template.sans = vec![San::Dns("a".into()); 1000],
        |spec| spec.template.sans = vec![San::Other],
        |spec| spec.template.subject.others = vec![Attribute::new("unit", "unit")],
        |spec| spec.template.duration = Some(Span::from_secs(599)),
        |spec| spec.timing.disk_deadline = Span::ZERO,
    ];
    for change in changes {
        let mut spec = ConfigSpec::new(Template::kubelet_client("node-1"));
        change(&mut spec);
        let said = Config::new(spec).expect_err("it is refused").to_string();
        assert!(
            said.contains("; give")
                || said.contains("; request")
                || said.contains("; raise")
                || said.contains("; shorten")
                || said.contains("; leave out")
                || said.contains("needs"),
            "{said}"
        );
    }
}
