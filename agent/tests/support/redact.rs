//! Log lines without what differs from run to run.

/// Returns a line without the time at its start, with these names in place of texts, and without times and digests.
pub(crate) fn redact(line: &str, names: &[(&str, &str)]) -> String {
    let line = match line.split_once("Z ") {
        Some((time, rest)) if time.starts_with("20") => rest.trim_start(),
        _ => line,
    };
    let line = names.iter().fold(line.to_owned(), |line, (text, name)| line.replace(text, name));
    let mut text = String::new();
    for part in
        line.split_inclusive(|letter: char| !letter.is_ascii_hexdigit() || letter.is_ascii_uppercase())
    {
        let digits =
            part.trim_end_matches(|letter: char| !letter.is_ascii_hexdigit() || letter.is_ascii_uppercase());
        text.push_str(&if digits.len() >= 16 { part.replace(digits, "DIGEST") } else { part.to_owned() });
    }
    let mut after_in = false;
    let words = text.split(' ').map(|word| {
        let time = std::mem::replace(&mut after_in, word == "in");
        let bare = word.trim_end_matches([';', ',']);
        if time && bare.starts_with(|letter: char| letter.is_ascii_digit()) {
            word.replace(bare, "TIME")
        } else {
            without_date(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A file name without the time in it: `YYYY-MM-DD-hh-mm-ss`.
fn without_date(word: &str) -> String {
    let is_date = |start: &usize| {
        let pattern = "0000-00-00-00-00-00";
        let letters = word.as_bytes().get(*start..*start + pattern.len());
        letters.is_some_and(|letters| {
            letters.iter().zip(pattern.bytes()).all(|(letter, wanted)| match wanted {
                b'0' => letter.is_ascii_digit(),
                other => *letter == other,
            })
        })
    };
    match (0..word.len()).find(is_date) {
        Some(start) => format!("{}DATE{}", &word[..start], &word[start + 19..]),
        None => word.to_owned(),
    }
}
