//! Chances that are the same in every run, so that what fails once can be looked at again.

/// A generator of numbers.
pub struct Dice(u64);

impl Dice {
    /// One whose numbers follow from a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// Small numbers, of both signs.
    pub fn numbers(&mut self, count_max: usize) -> Vec<i64> {
        let count = self.below(count_max + 1);
        (0..count).map(|_| self.below(41) as i64 - 20).collect()
    }

    /// A text of few different letters, so that pieces of it repeat.
    pub fn text(&mut self, length_max: usize) -> String {
        let length = self.below(length_max + 1);
        (0..length)
            .map(|_| self.pick(&['a', 'b', 'c', 'B']))
            .collect()
    }
}
