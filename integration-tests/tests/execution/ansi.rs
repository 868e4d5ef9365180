//! The tables of examples for the class library: whether they hold.

use std::path::Path;

use imprint_heap::HeapSettings;
use imprint_vm::{Outcome, VmSettings};

use crate::machine::Machine;

/// Place, expression and printed value of every row.
fn rows() -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ansi");
    let entries = std::fs::read_dir(&folder).expect("the folder of tables is there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&file).expect("a table is text");
        for (index, line) in text.lines().enumerate() {
            let cells: Vec<&str> = line.split('\t').collect();
            if let [_, _, expression, printed] = cells[..]
                && !line.starts_with('#')
            {
                let place = format!("{name}:{}", index + 1);
                rows.push((place, expression.to_string(), printed.to_string()));
            }
        }
    }
    rows
}

#[test]
fn every_row_of_the_tables_holds() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let rows = rows();
    assert!(rows.len() > 1_500, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for (place, expression, printed) in &rows {
        let answer = machine.print_value(expression);
        if answer != *printed {
            wrong.push(format!(
                "{place}: {expression}\n    {answer}, expected {printed}"
            ));
        }
    }
    let count = wrong.len();
    assert!(
        wrong.is_empty(),
        "{count} of {} rows:\n{}",
        rows.len(),
        wrong.join("\n")
    );
}

impl Machine {
    /// What the value of a sequence of statements prints as.
    fn print_value(&mut self, expression: &str) -> String {
        let draft = imprint_bootstrap::compile_expression(&self.vm.names, expression);
        let Ok(draft) = draft else {
            return "does not compile".to_string();
        };
        match self.run_draft(draft) {
            Outcome::Returned(oop) => {
                let printed = self.send_to(oop, "printString");
                printed.unwrap_or_else(|outcome| format!("{outcome:?}"))
            }
            other => format!("{other:?}"),
        }
    }
}
