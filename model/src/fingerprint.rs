//! Fingerprints of worlds: two worlds that differ only in when they were reached have the same one.
//!
//! A [`Relative`] hasher takes clocks relative to the present, operation numbers relative to the latest and
//! leaves runs out. What tells them from other numbers is the method that they call (`certrotate_core::time`).
//! Counters of failures count up to [`COUNTER_CAP`]: every wait has reached its longest by then.

use std::hash::{Hash, Hasher};

use certrotate_core::time::Now;

/// Failures in a row beyond this change nothing: the longest wait has come (15 min is reached after ten doublings).
pub const COUNTER_CAP: u16 = 16;

/// A hasher for states.
#[derive(Clone, Debug)]
pub struct Relative {
    state: u64,
    /// Small numbers side by side, until there are 64 bits of them.
    small: u64,
    bits: u32,
    wall: i64,
    mono: u128,
    ops: i32,
}

impl Relative {
    /// At this time, when so many operations have been requested.
    #[must_use]
    pub fn new(now: Now, ops: u32) -> Self {
        let (wall, mono) = (now.wall.unix_ms(), u128::from(now.mono.ms()));
        Self { state: 0x9e37_79b9_7f4a_7c15, small: 0, bits: 0, wall, mono, ops: ops.cast_signed() }
    }

    fn gather(&mut self, number: u64, bits: u32) {
        if self.bits + bits > 64 {
            self.mix(self.small);
            (self.small, self.bits) = (0, 0);
        }
        self.small = self.small << bits | number;
        self.bits += bits;
    }

    fn mix(&mut self, number: u64) {
        let wide = u128::from(self.state ^ number) * 0xa076_1d64_78bd_642f;
        let folded = wide as u64 ^ (wide >> 64) as u64;
        self.state = folded.rotate_left(23).wrapping_add(0xe703_7ed1_a0b4_28db);
    }
}

/// The fingerprint of a value at this time.
pub fn of(value: &impl Hash, now: Now, ops: u32) -> u64 {
    let mut hasher = Relative::new(now, ops);
    value.hash(&mut hasher);
    hasher.finish()
}

impl Hasher for Relative {
    fn finish(&self) -> u64 {
        let mut last = self.clone();
        last.mix(self.small);
        let mixed = (last.state ^ (last.state >> 32)).wrapping_mul(0x9fb2_1c65_1e98_df25);
        mixed ^ (mixed >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.gather(number.into(), 8);
    }

    fn write_u16(&mut self, counter: u16) {
        self.gather(counter.min(COUNTER_CAP).into(), 8);
    }

    fn write_u32(&mut self, number: u32) {
        self.gather(number.into(), 32);
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    /// A length, of lists that differ in what is in them where they differ by 256 items.
    fn write_usize(&mut self, number: usize) {
        self.gather(number as u64 & 0xff, 8);
    }

    /// Which variant: no enum here has more than 256.
    fn write_isize(&mut self, number: isize) {
        self.gather(number as u64 & 0xff, 8);
    }

    fn write_i64(&mut self, wall: i64) {
        self.mix(wall.wrapping_sub(self.wall).cast_unsigned());
    }

    fn write_u128(&mut self, mono: u128) {
        self.mix(mono.wrapping_sub(self.mono) as u64);
    }

    fn write_i32(&mut self, ops: i32) {
        self.gather(ops.wrapping_sub(self.ops).cast_unsigned().into(), 32);
    }

    fn write_i128(&mut self, _run: i128) {}
}
