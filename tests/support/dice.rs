//! Pseudorandom numbers that are the same in every run.

/// A xorshift generator; it holds its state.
pub struct Dice(pub u64);

impl Dice {
    /// The next number, below `below`.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}
