#[tokio::test]
async fn result_of_the_work_is_returned_and_a_panic_is_an_error() {
    assert_eq!(super::run(|| 7).await.unwrap(), 7);
    assert!(super::run(|| panic!("on purpose")).await.is_err());
}
