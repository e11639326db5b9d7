use std::time::Duration;

use super::*;

fn connections(most: usize) -> Arc<Connections> {
    Arc::new(Connections::with_room(most))
}

async fn is_evicted(connection: &Connection) -> bool {
    tokio::time::timeout(Duration::from_millis(1), connection.ended()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn oldest_stranger_makes_room_and_no_user_does() {
    let all = connections(40);
    let user = all.open().unwrap();
    user.authenticated("jane", false).unwrap();
    let strangers: Vec<_> = (0..50).map(|_| all.open().unwrap()).collect();
    for (index, stranger) in strangers.iter().enumerate() {
        assert_eq!(is_evicted(stranger).await, index < 20, "{index}");
    }
    assert!(!is_evicted(&user).await);
    assert_eq!(lock(&all.state).open, 31);
    drop(strangers);
    assert_eq!(lock(&all.state).open, 1);
    drop(user);
    let state = lock(&all.state);
    assert_eq!((state.open, state.by_user.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn one_user_gets_no_more_than_its_share() {
    let all = connections(40);
    let open = |_| {
        let connection = all.open().unwrap();
        connection.authenticated("jane", false).unwrap();
        connection
    };
    let _open: Vec<_> = (0..20).map(open).collect();
    let error = all.open().unwrap().authenticated("jane", false).unwrap_err();
    assert_eq!(error.code.as_u16(), 429);
    let other = all.open().unwrap();
    assert!(other.authenticated("john", false).is_ok() && other.authenticated("john", false).is_ok());
}

#[tokio::test(start_paused = true)]
async fn any_number_of_greedy_users_leaves_connections_to_others() {
    for users in [1, 2, 3, 10, 100] {
        let all = connections(400);
        let mut open = Vec::new();
        for user in 0..users {
            loop {
                let connection = all.open().unwrap();
                if connection.authenticated(&format!("greedy-{user}"), false).is_err() {
                    break;
                }
                open.push(connection);
            }
        }
        let next = all.open().unwrap();
        assert!(next.authenticated("next", false).is_ok(), "after {users}");
        let masters: Vec<_> = (0..20).map(|_| all.open().unwrap()).collect();
        assert!(masters.iter().all(|master| master.authenticated("admin", true).is_ok()), "after {users}");
        assert!(!is_evicted(&next).await && !is_evicted(&masters[0]).await);
    }
}

#[tokio::test(start_paused = true)]
async fn silent_connection_ends_and_busy_one_does_not() {
    let connection = Arc::new(connections(40).open().unwrap());
    let start = Instant::now();
    assert_eq!(connection.ended().await, "no request came in time");
    assert_eq!(start.elapsed().as_secs(), FIRST_REQUEST_TIME.as_secs());
    let open_request = connection.begin();
    let watch = connection.begin();
    watch.lasts();
    assert!(tokio::time::timeout(RESPONSE_TIME / 2, connection.ended()).await.is_err());
    drop(open_request);
    assert!(tokio::time::timeout(WATCH_TIME / 2, connection.ended()).await.is_err());
    let waiting = Arc::clone(&connection);
    let ended = tokio::spawn(async move { waiting.ended().await });
    tokio::task::yield_now().await;
    drop(watch);
    let start = Instant::now();
    assert_eq!(ended.await.unwrap(), "no request came in time");
    assert_eq!(start.elapsed().as_secs(), IDLE_TIME.as_secs());
    let _unread = connection.begin();
    assert_eq!(connection.ended().await, "an answer was not read in time");
}
