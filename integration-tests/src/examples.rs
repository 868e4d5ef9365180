//! The tables of examples for the class library, in the folder `ansi`.

use std::fs;
use std::path::Path;

/// A row of a table.
pub struct Example {
    /// Its file and line.
    pub place: String,
    /// The expression.
    pub expression: String,
    /// What its value prints as.
    pub printed: String,
}

/// All rows, in the order of the files.
///
/// # Panics
/// Where the tables cannot be read.
pub fn rows() -> Vec<Example> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ansi");
    let entries = fs::read_dir(&folder).expect("the folder of tables is there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort();
    files.iter().flat_map(|file| rows_of(file)).collect()
}

fn rows_of(file: &Path) -> Vec<Example> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(file).expect("a table is text");
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.starts_with('#'));
    lines
        .filter_map(|(index, line)| {
            let cells: Vec<&str> = line.split('\t').collect();
            let [_, _, expression, printed] = cells[..] else {
                return None;
            };
            Some(Example {
                place: format!("{name}:{}", index + 1),
                expression: expression.to_string(),
                printed: printed.to_string(),
            })
        })
        .collect()
}
