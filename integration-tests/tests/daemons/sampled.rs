//! A sample of the examples for the class library: the same in the full image, in a slave that begins
//! empty, and in the slim image of that run.

use imprint_integration_tests::dice::Dice;
use imprint_integration_tests::examples::{self, Example};

use crate::pair::Pair;
use crate::serving::full_image;

/// Another sample is drawn where this says a number.
const SEED_VARIABLE: &str = "IMPRINT_SAMPLE_SEED";

/// Runs, and rows in each.
const RUNS: usize = 5;
const ROWS: usize = 24;

/// Prints the values of rows, one a line.
fn expression(rows: &[&Example]) -> String {
    let printed = rows.iter().map(|row| {
        format!(
            "stream nextPutAll: [ {} ] value printString; nextPut: (Character value: 10)",
            row.expression
        )
    });
    let statements: Vec<String> = printed.collect();
    format!(
        "| stream | stream := WriteStream on: String new. {}. stream contents",
        statements.join(". ")
    )
}

#[test]
fn examples_come_to_the_same_in_the_full_image_pulled_and_alone() {
    let seed = std::env::var(SEED_VARIABLE).map_or(20_261_121, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let all = examples::rows();
    let mut dice = Dice::new(seed);
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let pair = Pair::start(&folder.path().join("full.image"), &[], &[]);
    for _ in 0..RUNS {
        let rows: Vec<&Example> = (0..ROWS).map(|_| &all[dice.below(all.len())]).collect();
        let expected: Vec<&str> = rows.iter().map(|row| row.printed.as_str()).collect();
        let expression = expression(&rows);
        let full = pair.full_text(&expression);
        let pulled = pair.pulled(&expression);
        let slim = pair.slim();
        for (world, text) in [("full", &full), ("pulled", &pulled), ("slim", &slim.stdout)] {
            let lines: Vec<&str> = text.trim_end_matches('\n').lines().collect();
            let wrong: Vec<String> = rows
                .iter()
                .zip(&lines)
                .filter(|(row, line)| row.printed != **line)
                .map(|(row, line)| format!("{}: {}   {line}", row.place, row.expression))
                .collect();
            assert!(wrong.is_empty(), "{world}:\n{}", wrong.join("\n"));
            assert_eq!(
                lines.len(),
                expected.len(),
                "{world}: {text}\n{}",
                slim.stderr
            );
        }
        assert_eq!(slim.code, Some(0), "{slim:?}");
    }
}
