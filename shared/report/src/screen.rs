//! The terminal: rows on standard output, progress and warnings on standard error.
//!
//! ```text
//!              stdout                    stderr
//! terminal     rows, with bars           a bar a phase, gone when the phase ends; warnings
//! pipe, file   rows, plain               a line when a long phase begins; warnings
//! --json       one document at the end   as above
//! ```
//! A reader that has gone away (a closed pipe) is no error of the run: what cannot be written is dropped.

use std::io::{IsTerminal as _, Write, stderr, stdout};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Who reads the standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// A person: rows as they come.
    #[default]
    Person,
    /// A program: one JSON document at the end, no rows.
    Machine,
}

/// Where rows, progress and warnings go. Clones write to the same place.
#[derive(Clone)]
pub struct Screen {
    audience: Audience,
    out: Arc<Mutex<dyn Write + Send>>,
    errors: Arc<Mutex<dyn Write + Send>>,
    out_is_terminal: bool,
    errors_is_terminal: bool,
}

impl Screen {
    /// The process's own standard output and error.
    pub fn of_process(audience: Audience) -> Self {
        Self {
            audience,
            out: Arc::new(Mutex::new(stdout())),
            errors: Arc::new(Mutex::new(stderr())),
            out_is_terminal: stdout().is_terminal(),
            errors_is_terminal: stderr().is_terminal(),
        }
    }

    /// Two writers that are no terminals.
    pub fn plain(
        audience: Audience,
        out: Arc<Mutex<dyn Write + Send>>,
        errors: Arc<Mutex<dyn Write + Send>>,
    ) -> Self {
        Self {
            audience,
            out,
            errors,
            out_is_terminal: false,
            errors_is_terminal: false,
        }
    }

    /// Whether rows may hold bars.
    pub fn shows_bars(&self) -> bool {
        self.out_is_terminal
    }

    /// A row of the table; machines get none.
    pub fn row(&self, row: &str) {
        if self.audience == Audience::Person && !row.is_empty() {
            put(&self.out, row);
        }
    }

    /// The document at the end; people get none.
    pub fn document(&self, json: &str) {
        if self.audience == Audience::Machine {
            put(&self.out, json);
        }
    }

    /// Something a user should know now.
    pub fn warning(&self, text: &str) {
        put(&self.errors, &format!("warning: {text}"));
    }

    /// Text for standard error as it is, such as the paragraphs of failed tests.
    pub fn say(&self, text: &str) {
        if !text.is_empty() {
            put(&self.errors, text.trim_end_matches('\n'));
        }
    }

    /// Begins a phase of `total` steps; 0 where nobody knows how many there are.
    pub fn phase(&self, label: &str, total: u64) -> Phase {
        if !self.errors_is_terminal {
            put(&self.errors, &format!("{label} ..."));
            return Phase {
                bar: ProgressBar::hidden(),
            };
        }
        let bar = ProgressBar::with_draw_target(
            (total > 0).then_some(total),
            ProgressDrawTarget::stderr(),
        );
        bar.set_style(style(total > 0));
        bar.set_prefix(label.to_owned());
        Phase { bar }
    }
}

/// Writes what a command is for, and a line end, to the standard output.
pub fn print(text: &str) {
    let mut to = stdout().lock();
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}

fn put(to: &Mutex<dyn Write + Send>, line: &str) {
    // A panic of another writer left nothing half-done that matters here.
    let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(to, "{line}").and_then(|()| to.flush());
}

/// A bar where the number of steps is known.
const MEASURED: &str = "{prefix:<14}{bar:24} {pos} of {len}   {msg}   {elapsed}";
/// A spinner where it is not.
const UNMEASURED: &str = "{prefix:<14}{spinner} {pos}   {msg}   {elapsed}";

fn style(is_measured: bool) -> ProgressStyle {
    let style = ProgressStyle::with_template(if is_measured { MEASURED } else { UNMEASURED });
    // A test shows that both templates are valid.
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸╌")
}

/// A phase under way. Its bar disappears when it is dropped.
pub struct Phase {
    bar: ProgressBar,
}

impl Phase {
    /// So many more steps are done.
    pub fn advance(&self, steps: u64) {
        self.bar.inc(steps);
    }

    /// So many steps are done in all.
    pub fn reach(&self, steps: u64) {
        self.bar.set_position(steps);
    }

    /// There are so many steps in all.
    pub fn expect(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// What is being done just now.
    pub fn tell(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// How many steps are done.
    pub fn done(&self) -> u64 {
        self.bar.position()
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod checks {
    use super::*;

    struct Captured {
        screen: Screen,
        out: Arc<Mutex<Vec<u8>>>,
        errors: Arc<Mutex<Vec<u8>>>,
    }

    fn capture(audience: Audience) -> Captured {
        let (out, errors) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(Mutex::new(Vec::new())),
        );
        let screen = Screen::plain(audience, out.clone(), errors.clone());
        Captured {
            screen,
            out,
            errors,
        }
    }

    fn text(bytes: &Mutex<Vec<u8>>) -> String {
        String::from_utf8(bytes.lock().expect("no panic").clone()).expect("text")
    }

    #[test]
    fn people_get_rows_and_machines_the_document() {
        for (audience, expected) in [(Audience::Person, "row\n"), (Audience::Machine, "{}\n")] {
            let captured = capture(audience);
            captured.screen.row("row");
            captured.screen.document("{}");
            captured.screen.warning("3 classes differ");
            assert_eq!(text(&captured.out), expected);
            assert_eq!(text(&captured.errors), "warning: 3 classes differ\n");
        }
    }

    #[test]
    fn without_a_terminal_a_phase_is_one_line() {
        let captured = capture(Audience::Person);
        let phase = captured.screen.phase("tests", 24);
        phase.advance(3);
        phase.advance(2);
        assert_eq!(phase.done(), 5);
        drop(phase);
        assert_eq!(text(&captured.errors), "tests ...\n");
        assert!(!captured.screen.shows_bars());
    }

    #[test]
    fn both_styles_of_bar_are_valid() {
        for template in [MEASURED, UNMEASURED] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
