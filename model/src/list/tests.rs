use super::*;

#[test]
fn a_list_behaves_as_a_vector_of_bounded_length() {
    let mut list: List<u8, 3> = [1, 2].into_iter().collect();
    assert!(list.push(3));
    assert!(!list.push(4), "there is no room for a fourth");
    assert_eq!(list.remove(1), 2);
    assert!(list.insert(0, 9));
    assert_eq!(&*list, [9, 1, 3]);
    list.retain(|item| *item != 1);
    assert_eq!(&*list, [9, 3]);
    assert_eq!(list.pop_front(), Some(9));
    list.clear();
    assert_eq!(list.pop_front(), None);
}

#[test]
fn lists_are_equal_by_current_content() {
    let mut one: List<u8, 4> = [1, 2].into_iter().collect();
    one.truncate(1);
    assert_eq!(one, [1].into_iter().collect());
}

#[test]
fn a_map_has_one_value_a_key_and_forgets_the_oldest() {
    let mut map: Map<u8, u8, 2> = Map::default();
    map.insert(1, 10);
    map.insert(2, 20);
    map.insert(1, 11);
    assert_eq!(map.get(1), Some(11));
    map.insert(3, 30);
    assert_eq!(map.get(2), None, "it was the oldest when there was no room");
    map.change(1, |value| *value += 1);
    map.change(2, |value| *value += 1);
    assert_eq!(map.iter().collect::<Vec<_>>(), [(1, 12), (3, 30)]);
    assert_eq!(map.remove(1), Some(12));
    assert_eq!(map.remove(1), None);
}
