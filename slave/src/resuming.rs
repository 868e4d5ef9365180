//! `slave resume LOG`: a run that was cut short goes on.
//!
//! ```text
//!   log ── arguments ──> the same run again, less the tests that passed
//!      ├── drafts ──> wait beside the heap: nothing that came once is pulled again
//!      └── marks ──> what was reached once counts as reached
//! ```
//!
//! The machine itself begins anew: its entry expression and its drills run again, and so does a test that
//! was under way, or did not pass. What a log holds is written before anybody hears that a test ended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use imprint_image::Fingerprint;
use imprint_report::{TestCase, TestOutcome};
use imprint_vm::Arrivals;
use imprint_wire::log::LogWriter;
use imprint_wire::message::TestName;

use crate::command_line::{Command, CommandLine, Run};
use crate::limits::Limits;
use crate::replaying::Told;
use crate::security::Security;

/// A log whose run is to go on.
pub struct Unfinished {
    /// The file.
    pub path: PathBuf,
    pub(crate) writer: LogWriter,
    pub(crate) told: Told,
}

impl Unfinished {
    /// Opens a log; a torn end is cut off and told.
    ///
    /// # Errors
    /// Where the file is no log, or does not tell how its run was called.
    pub fn open(path: &Path) -> Result<Unfinished> {
        let (writer, records, torn) = LogWriter::resume(path)?;
        let mut told = Told::default();
        for record in records {
            told.take(record)?;
        }
        if let Some(torn) = torn {
            let place = path.display();
            eprintln!(
                "warning: {place} was cut off at byte {}: {}",
                torn.at, torn.reason
            );
        }
        ensure!(
            !told.arguments.is_empty(),
            "{} does not tell how its run was called, so it cannot go on; run it again",
            path.display()
        );
        Ok(Unfinished {
            path: path.to_path_buf(),
            writer,
            told,
        })
    }

    /// The run as it was called, with the image where the log is, the limits of its machine
    /// and its keys.
    ///
    /// # Errors
    /// Where this program does not understand the call.
    pub fn run(&self) -> Result<(Limits, Security, Box<Run>)> {
        let words = ["slave"].into_iter().map(str::to_string);
        let called = words.chain(self.told.arguments.iter().cloned());
        let parsed = CommandLine::try_parse_from(called).with_context(|| {
            format!("{} tells of a run that makes no sense", self.path.display())
        })?;
        let Command::Run(mut run) = parsed.command else {
            bail!("{} is not the log of a run", self.path.display());
        };
        let image = run.snapshot.as_deref().and_then(Path::file_name);
        let image = image
            .with_context(|| format!("{} is of a run that makes no image", self.path.display()))?;
        run.snapshot = Some(self.path.with_file_name(image));
        // Whoever waited for a report has heard that the run was cut short.
        run.report = None;
        Ok((parsed.limits, parsed.security, run))
    }

    /// Refuses a master whose ids mean something else.
    ///
    /// # Errors
    /// The sentence that says so.
    pub fn check(&self, served: Fingerprint) -> Result<()> {
        let logged = self
            .told
            .pristine
            .context("the log tells of no full image")?;
        ensure!(
            logged == served,
            "the run of {} pulled from the full image {}, and the master serves {}; resume it with \
             the master of that image",
            self.path.display(),
            logged.short(),
            served.short()
        );
        Ok(())
    }

    /// The tests that passed.
    pub fn passed(&self) -> Vec<TestCase> {
        let case = |(test, time): &(TestName, Duration)| TestCase {
            category: String::new(),
            class: test.class.to_string(),
            selector: test.selector.to_string(),
            seconds: time.as_secs_f64(),
            outcome: TestOutcome::Passed,
        };
        self.told.passed.iter().map(case).collect()
    }

    /// What came while it ran; nothing where it was cut short before that was written.
    pub fn arrivals(&self) -> &Arrivals {
        &self.told.arrivals
    }
}
