use std::sync::mpsc;

use super::*;

/// A sink that takes each line when the test allows it, and shows what it took.
fn gated() -> (Log, mpsc::Sender<io::Result<()>>, mpsc::Receiver<String>) {
    let (allow, allowed) = mpsc::channel::<io::Result<()>>();
    let (took, taken) = mpsc::channel();
    let log = Log::start(move |bytes| {
        allowed.recv().unwrap_or(Ok(()))?;
        took.send(String::from_utf8_lossy(bytes).into_owned()).unwrap();
        Ok(bytes.len())
    });
    (log.unwrap(), allow, taken)
}

const LONG: Duration = Duration::from_secs(10);

#[test]
fn refused_lines_are_counted_and_shown_before_the_next_line() {
    let (log, allow, taken) = gated();
    for line in ["one", "two", "three"] {
        log.queue(line);
    }
    allow.send(Ok(())).unwrap();
    assert_eq!(taken.recv_timeout(LONG).unwrap(), "one\n");
    let full = || Err(io::Error::from_raw_os_error(28));
    allow.send(full()).unwrap();
    // The marker for line two, and then line three itself.
    allow.send(Ok(())).unwrap();
    allow.send(Ok(())).unwrap();
    let marker = taken.recv_timeout(LONG).unwrap();
    assert!(marker.ends_with("  WARN 1 log lines are lost here: No space left on device\n"), "{marker}");
    assert_eq!(taken.recv_timeout(LONG).unwrap(), "three\n");
    log.flush();
    let why = Some("No space left on device".to_owned());
    assert_eq!(log.losses(), Losses { lines: 1, why, stuck: 0 });
}

#[test]
fn stuck_sink_blocks_nothing_and_the_oldest_lines_are_dropped() {
    let (log, allow, taken) = gated();
    log.queue("first");
    while log.0.lock().writing.is_none() {
        thread::yield_now();
    }
    for number in 0..MAX_WAITING + 3 {
        log.queue(&number.to_string());
    }
    let start = Instant::now();
    log.flush();
    assert!(start.elapsed() < LONG, "a flush has a deadline");
    assert_eq!(log.losses().lines, 3);
    drop(allow);
    assert_eq!(taken.recv_timeout(LONG).unwrap(), "first\n");
    assert!(
        taken.recv_timeout(LONG).unwrap().contains("3 log lines are lost here: its reader does not keep up")
    );
    assert_eq!(taken.recv_timeout(LONG).unwrap(), "3\n");
}

#[test]
fn line_after_a_torn_one_begins_on_its_own() {
    let mut written = Vec::new();
    let mut room = 3;
    let mut sink = Sink {
        write: |bytes: &[u8]| {
            let part = bytes.len().min(room);
            room -= part;
            if part == 0 {
                room = 100;
                return Err(io::Error::from_raw_os_error(28));
            }
            written.extend_from_slice(&bytes[..part]);
            Ok(part)
        },
        is_torn: false,
    };
    sink.write("abcdef\n").unwrap_err();
    sink.write("next\n").unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), "abc\nnext\n");
}

#[test]
fn text_from_outside_forges_no_line_and_fills_no_log() {
    assert_eq!(fit("one\ntwo\r\u{202e}\u{2028}\u{7f}\n"), "one\\ntwo\\r\\u{202e}\\u{2028}\\u{7f}\n");
    let long = fit(&"ü\u{0}".repeat(MAX_LINE));
    assert!(long.len() <= MAX_LINE && long.ends_with("…\n"), "{}", long.len());
    assert_eq!(fit(""), "\n");
}
