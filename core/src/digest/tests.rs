use super::*;

#[test]
fn fnv_1a_gives_its_published_values() {
    // http://www.isthe.com/chongo/tech/comp/fnv/: the 64-bit test vectors.
    let hash = |text: &str| {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        hasher.write(text.as_bytes());
        hasher.finish()
    };
    assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
}

#[test]
fn numbers_are_hashed_in_little_endian_and_sizes_as_64_bits() {
    assert_eq!(of(&0x6261u16), of(&Bytes(b"ab")));
    assert_eq!(of(&7usize), of(&7u64));
    assert_eq!(of(&-7isize), of(&-7i64));
    assert_eq!(of(&0x0807_0605_0403_0201u64), of(&Bytes(&[1, 2, 3, 4, 5, 6, 7, 8])));
}

/// Bytes without the length that a slice would be hashed with.
struct Bytes<'a>(&'a [u8]);

impl Hash for Bytes<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0);
    }
}
