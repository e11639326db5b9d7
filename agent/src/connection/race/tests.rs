use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::race;
use crate::limits;

/// What an address does.
#[derive(Clone, Copy)]
enum Manner {
    Refuses,
    Swallows,
    /// It takes the connection, and TLS never ends.
    Mute,
    /// It takes the connection, and its certificate is wrong.
    Wrong,
    /// TCP and TLS take this long each.
    Good(Duration),
}

/// Races addresses 1, 2, … that behave like this: the winner, the duration, and the highest number of attempts.
async fn outcome(manners: &[Manner]) -> (Result<u16, String>, Duration) {
    let addresses = (1..).take(manners.len()).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
    let manner = |port: u16| manners[usize::from(port) - 1];
    let started = Instant::now();
    let raced = race(
        addresses,
        async |address| match manner(address.port()) {
            Manner::Refuses => Err(io::ErrorKind::ConnectionRefused.into()),
            Manner::Swallows => std::future::pending().await,
            Manner::Good(time) => {
                tokio::time::sleep(time).await;
                Ok(address.port())
            }
            Manner::Mute | Manner::Wrong => Ok(address.port()),
        },
        async |port| match manner(port) {
            Manner::Good(time) => {
                tokio::time::sleep(time).await;
                Ok(port)
            }
            Manner::Wrong => Err(io::Error::other("a wrong certificate")),
            Manner::Mute | Manner::Refuses | Manner::Swallows => std::future::pending().await,
        },
    );
    let raced = raced.await.map(|(_, port)| port).map_err(|error| error.to_string());
    (raced, started.elapsed())
}

const GOOD: Manner = Manner::Good(Duration::ZERO);

#[tokio::test(start_paused = true)]
async fn good_address_wins_beside_any_number_of_bad_ones() {
    for (manners, winner, longest) in [
        (&[GOOD, GOOD][..], 1, Duration::ZERO),
        (&[Manner::Refuses, GOOD], 2, Duration::ZERO),
        (&[Manner::Wrong, GOOD], 2, Duration::ZERO),
        (&[Manner::Swallows, GOOD], 2, limits::ATTEMPT_DELAY),
        (&[Manner::Swallows, Manner::Swallows, Manner::Refuses, GOOD], 4, 2 * limits::ATTEMPT_DELAY),
        (&[Manner::Mute, GOOD], 2, limits::HANDSHAKE_DELAY),
        (&[Manner::Mute, Manner::Swallows, GOOD], 3, limits::HANDSHAKE_DELAY + limits::ATTEMPT_DELAY),
    ] {
        let (won, took) = outcome(manners).await;
        assert_eq!(won, Ok(winner), "{} addresses", manners.len());
        assert!(took <= longest + Duration::from_millis(10), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_handshake_of_the_first_address_starts_no_second_one() {
    let slow = Manner::Good(Duration::from_millis(200));
    let (won, took) = outcome(&[slow, GOOD]).await;
    assert_eq!((won, took), (Ok(1), Duration::from_millis(400)));
}

#[tokio::test(start_paused = true)]
async fn each_address_has_its_own_share_of_time_and_its_own_reason() {
    let (lost, took) = outcome(&[Manner::Swallows, Manner::Mute, Manner::Refuses, Manner::Wrong]).await;
    let text = lost.unwrap_err();
    for part in [
        "127.0.0.1:1: no connection within 10 s",
        "127.0.0.1:2: it took the connection",
        "a wrong certificate",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(took <= limits::CONNECT + limits::ATTEMPT_DELAY + Duration::from_millis(10), "{took:?}");
    let (lost, _) = outcome(&[Manner::Refuses, Manner::Refuses]).await;
    let text = lost.unwrap_err();
    assert!(text.starts_with("127.0.0.1:1, 127.0.0.1:2: "), "{text}");
}

#[tokio::test(start_paused = true)]
async fn all_addresses_of_a_name_fit_into_the_deadline_of_an_answer() {
    let (lost, took) = outcome(&[Manner::Swallows; limits::ADDRESSES]).await;
    assert!(lost.is_err() && limits::LOOKUP + took < limits::HEAD, "{took:?}");
}
