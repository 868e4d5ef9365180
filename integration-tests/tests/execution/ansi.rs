//! The tables of examples for the class library: whether they hold.

use imprint_heap::HeapSettings;
use imprint_integration_tests::examples;
use imprint_vm::{Outcome, VmSettings};

use crate::machine::Machine;

#[test]
fn every_row_of_the_tables_holds() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let rows = examples::rows();
    assert!(rows.len() > 1_500, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let answer = machine.print_value(&row.expression);
        if answer != row.printed {
            wrong.push(format!(
                "{}: {}\n    {answer}, expected {}",
                row.place, row.expression, row.printed
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
