//! What is measured: one row each, with how often in one iteration, here and in a smoke test.

/// What a row is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// An algorithm of are-we-fast-yet, by the name that its harness knows.
    Program,
    /// One thing, as often as can be; the unit is what is counted.
    Rate {
        /// What is counted.
        unit: &'static str,
        /// How many of it one iteration does.
        count: fn(u64) -> u64,
    },
}

/// A row of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What the user names it.
    pub name: &'static str,
    /// An expression that answers whether the result was right; `{}` stands for the inner count.
    pub expression: &'static str,
    /// The inner count of an iteration.
    pub inner: u64,
    /// The inner count where only the result matters.
    pub smoke: u64,
    /// What it is.
    pub kind: Kind,
}

impl Row {
    /// The expression of one iteration.
    pub fn source(&self, inner: u64) -> String {
        self.expression.replace("{}", &inner.to_string())
    }
}

const fn program(name: &'static str, expression: &'static str, inner: u64, smoke: u64) -> Row {
    Row {
        name,
        expression,
        inner,
        smoke,
        kind: Kind::Program,
    }
}

const fn rate(
    name: &'static str,
    expression: &'static str,
    (inner, smoke): (u64, u64),
    unit: &'static str,
    count: fn(u64) -> u64,
) -> Row {
    Row {
        name,
        expression,
        inner,
        smoke,
        kind: Kind::Rate { unit, count },
    }
}

/// The calls that the doubly recursive Fibonacci of a number makes.
fn fibonacci_calls(number: u64) -> u64 {
    let (mut calls, mut next) = (1, 1);
    for _ in 1..number {
        (calls, next) = (next, calls + next + 1);
    }
    next
}

const fn each(count: u64) -> u64 {
    count
}

/// All rows, in the order of the table.
pub const SUITE: &[Row] = &[
    program("Richards", "Richards new loop: {}", 10, 1),
    program("DeltaBlue", "DeltaBlue new loop: {}", 1200, 10),
    program("Json", "Json new loop: {}", 10, 1),
    program("Havlak", "Havlak new loop: {}", 1, 1),
    program("CD", "CD new loop: {}", 10, 2),
    program("Bounce", "Bounce new loop: {}", 150, 1),
    program("List", "List new loop: {}", 150, 1),
    program("Permute", "Permute new loop: {}", 100, 1),
    program("Queens", "Queens new loop: {}", 100, 1),
    program("Sieve", "Sieve new loop: {}", 300, 1),
    program("Storage", "Storage new loop: {}", 100, 1),
    program("Towers", "Towers new loop: {}", 60, 1),
    program("NBody", "NBody new loop: {}", 250_000, 1),
    program("Mandelbrot", "Mandelbrot new loop: {}", 500, 1),
    rate(
        "sends",
        "Microbenchmarks new sends: {}",
        (30, 10),
        "sends",
        fibonacci_calls,
    ),
    rate(
        "superSends",
        "Microbenchmarks new superSends: {}",
        (500_000, 100),
        "super sends",
        |turns| turns * 5,
    ),
    rate(
        "bytecodes",
        "Microbenchmarks new bytecodes: {}",
        (200, 1),
        "bytecodes",
        |turns| turns * 500_000,
    ),
    rate(
        "blocks",
        "Microbenchmarks new blocks: {}",
        (2_000_000, 10),
        "block values",
        each,
    ),
    rate(
        "nonLocalReturns",
        "Microbenchmarks new nonLocalReturns: {}",
        (500_000, 10),
        "returns",
        each,
    ),
    rate(
        "catches",
        "Microbenchmarks new catches: {}",
        (50_000, 10),
        "caught errors",
        each,
    ),
    rate(
        "ensures",
        "Microbenchmarks new ensures: {}",
        (500_000, 10),
        "ensured blocks",
        each,
    ),
    rate(
        "switches",
        "Microbenchmarks new switches: {}",
        (200_000, 10),
        "switches",
        each,
    ),
    rate(
        "factorials",
        "Microbenchmarks new factorials: {}",
        (1000, 30),
        "multiplications and divisions",
        |number| 2 * number,
    ),
    rate(
        "floats",
        "Microbenchmarks new floats: {}",
        (1_000_000, 10),
        "sums",
        each,
    ),
    rate(
        "dictionaries",
        "Microbenchmarks new dictionaries: {}",
        (200_000, 10),
        "counted words",
        each,
    ),
    rate(
        "integerDictionaries",
        "Microbenchmarks new integerDictionaries: {}",
        (100_000, 10),
        "entries",
        each,
    ),
    rate(
        "strings",
        "Microbenchmarks new strings: {}",
        (10_000, 2),
        "texts",
        each,
    ),
    rate(
        "allocations",
        "Microbenchmarks new allocations: {}",
        (2_000_000, 10),
        "objects",
        each,
    ),
    rate(
        "survivors",
        "Microbenchmarks new survivors: {}",
        (1_000_000, 10),
        "objects",
        each,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fibonacci_calls_are_counted_as_the_program_counts_them() {
        let calls = [0, 1, 2, 3, 4, 5].map(fibonacci_calls);
        assert_eq!(calls, [1, 1, 3, 5, 9, 15]);
    }

    #[test]
    fn no_two_rows_have_one_name() {
        let mut names: Vec<&str> = SUITE.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SUITE.len());
    }
}
