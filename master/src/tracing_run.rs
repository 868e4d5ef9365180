//! Runs a workload and writes down what it touches.
//!
//! ```text
//!   pristine image ── what is missed ──> a machine that began empty ── what came ──> recorder ── file
//!                                          └ entry, tests, drills, as a slave runs them
//!                                        a machine for each test alone ──────────────┘
//! ```
//!
//! What is touched is what has to come, so marking costs nothing but its coming: what is there runs at
//! full speed. The first run is the one that a slave would have, so its marks are those of a pulled run.
//! Behind it each test runs in a machine of its own, since what tests before it brought would hide what
//! it reaches itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use imprint_host::environment::Environment;
use imprint_isa::{BehaviorName, Draft, Name, Placed};
use imprint_report::{Audience, Screen, ShrinkReport, TestOutcome};
use imprint_slave::command_line::PREFETCH_DEFAULT;
use imprint_slave::commands::terminate_on_signals;
use imprint_slave::ending::{code, ending};
use imprint_slave::exercise::{Chosen, Orders, exercise_in};
use imprint_slave::interrupts;
use imprint_slave::keeping::id_of;
use imprint_slave::remote::Line;
use imprint_slave::seed::SeedChoice;
use imprint_slave::session::{Entered, Session};
use imprint_trace::{Recorder, Thing, Trace};
use imprint_vm::{Activation, CommandLine, Outcome, RunLimits};
use imprint_wire::message::{Outcome as TestEnd, TestFinished, TestName};

use crate::serving::PristineSource;
use crate::story::kind_of;

/// The variable that tells a server its port.
const PORT: &str = "PORT";
/// The epoch of what a server does once it serves.
const SERVING: &str = "serving";

/// A run that is traced.
pub struct TracedRun {
    source: PristineSource,
    watcher: Rc<RefCell<Watcher>>,
}

/// Hears what comes, and tells the recorder.
struct Watcher {
    recorder: Recorder,
    /// Methods that came, by name: they are what later things come because of.
    methods: HashMap<(BehaviorName, Name), u64>,
}

/// What came of a run.
pub struct Traced {
    /// What it touched.
    pub trace: Trace,
    /// How the tests ended, and what else a user wants to hear.
    pub report: ShrinkReport,
    /// The exit code.
    pub code: u8,
}

impl TracedRun {
    /// Begins a run of what a source has, which `begin` writes down: it is told the image.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn begin(
        source: PristineSource,
        begin: impl FnOnce([u8; 32]) -> Result<Recorder>,
    ) -> Result<TracedRun> {
        let session = open(&source)?;
        let watcher = Watcher {
            recorder: begin(session.origin().0)?,
            methods: HashMap::new(),
        };
        Ok(TracedRun {
            source,
            watcher: Rc::new(RefCell::new(watcher)),
        })
    }

    /// Runs entry expression, tests and drills as a slave would, and each test alone. With a port the
    /// entry expression may be that of a server.
    ///
    /// # Errors
    /// Where an expression does not compile, or the file cannot be written.
    pub fn exercise(self, timeout: Duration, port: Option<u16>) -> Result<Traced> {
        let orders = Orders {
            master: String::new(),
            patience: Duration::ZERO,
            silence: Duration::ZERO,
            expression: None,
            tests: Chosen::Planned,
            logged_beside: None,
            may_serve: port.is_some(),
            timeout,
            prefetch_bytes: PREFETCH_DEFAULT,
            seed: SeedChoice::Empty,
            arguments: Vec::new(),
            resumed_by: None,
            pull_limit: None,
        };
        let mut tests = Vec::new();
        let mut run = exercise_in(self.session_with(port)?, &orders, None, |finished| {
            self.note_test(finished);
            tests.push((finished.test.clone(), finished.outcome));
        })?;
        if let Some(visit) = &run.visited {
            let click_counted = visit.click_counted;
            self.watcher.borrow_mut().recorder.note_page(click_counted);
        }
        let mut report = std::mem::take(&mut run.report);
        report.pulled = None;
        report.seed = None;
        let code = run.failure.unwrap_or(code::DONE);
        drop(run);
        if !tests.is_empty() {
            report.warnings.extend(self.alone(&tests, timeout)?);
        }
        self.finish(report, code)
    }

    /// Runs the entry expression, visits its page, drills, and lets what was forked go on until the
    /// process is asked to end, which is the end of the drill.
    ///
    /// # Errors
    /// As [`TracedRun::exercise`], and where signals cannot be heard.
    pub fn serve(self, port: u16, on_ready: impl FnOnce()) -> Result<Traced> {
        let mut session = self.session_with(Some(port))?;
        let entry = session.compile(&session.plan().entry)?;
        terminate_on_signals(session.waker())?;
        session.drill_waiting()?;
        let Entered {
            mut outcome, visit, ..
        } = session.enter(&entry, true)?;
        if let Some(visit) = visit {
            let recorder = &mut self.watcher.borrow_mut().recorder;
            recorder.note_page(visit.click_counted);
        }
        if matches!(outcome, Outcome::Returned(_) | Outcome::Ordered(_)) {
            session.drill_errors()?;
            on_ready();
            session.begin_phase(SERVING);
            outcome = session.vm.run(RunLimits::default());
        }
        let (code, sentence) = ending(&outcome);
        drop(session);
        let mut report = ShrinkReport::default();
        report.warnings.extend(sentence);
        self.finish(report, code)
    }

    /// A machine that sees this port where it looks for one.
    fn session_with(&self, port: Option<u16>) -> Result<Session> {
        let mut session = self.session()?;
        if let Some(port) = port {
            let seen = Environment::of(PORT, Some(&port.to_string()));
            session.vm.extensions.insert(seen);
        }
        Ok(session)
    }

    fn session(&self) -> Result<Session> {
        let mut session = open(&self.source)?;
        let watcher = self.watcher.clone();
        session.watch(Box::new(move |placed, epoch, cause| {
            watcher.borrow_mut().hear(placed, epoch, cause);
        }));
        Ok(session)
    }

    /// Runs each test in a machine of its own; answers a warning for each that fails there only.
    fn alone(&self, tests: &[(TestName, TestEnd)], timeout: Duration) -> Result<Vec<String>> {
        let screen = Screen::of_process(Audience::Person);
        let phase = screen.phase("alone", tests.len() as u64);
        let mut warnings = Vec::new();
        for (test, end) in tests {
            if interrupts::is_wished() {
                break;
            }
            let mut session = self.session()?;
            let compiled = session.compile_tests(std::slice::from_ref(test))?;
            let run = session.run_tests(&compiled, timeout, |_| {})?;
            let passes = |case: &imprint_report::TestCase| case.outcome == TestOutcome::Passed;
            if *end == TestEnd::Passed && !run.cases.iter().all(passes) {
                warnings.push(format!(
                    "{}>>{} passes behind other tests and fails alone",
                    test.class, test.selector
                ));
            }
            phase.advance(1);
        }
        Ok(warnings)
    }

    fn note_test(&self, finished: &TestFinished) {
        let name = format!("{}>>{}", finished.test.class, finished.test.selector);
        let recorder = &mut self.watcher.borrow_mut().recorder;
        recorder.note_epoch(&name);
        if finished.outcome == TestEnd::Passed {
            recorder.note_passed(&name);
        }
    }

    fn finish(self, report: ShrinkReport, code: u8) -> Result<Traced> {
        let watcher = Rc::into_inner(self.watcher)
            .ok_or_else(|| anyhow!("a machine of the run is still there"))?;
        let trace = watcher.into_inner().recorder.finish()?;
        Ok(Traced {
            trace,
            report,
            code,
        })
    }
}

fn open(source: &PristineSource) -> Result<Session> {
    let line = Line::near(source.near(), PREFETCH_DEFAULT).context("cannot run the image")?;
    Session::open(line, CommandLine::default())
}

impl Watcher {
    fn hear(&mut self, placed: &Placed<Draft>, epoch: &str, cause: Option<&Activation>) {
        let id = id_of(placed);
        if let Draft::Method(method) = &placed.draft {
            let name = (method.behavior.clone(), method.selector.clone());
            self.methods.insert(name, id);
        }
        let methods = &self.methods;
        self.recorder.note(epoch, id, || Thing {
            kind: kind_of(&placed.draft),
            title: placed.draft.to_string(),
            cause: cause.and_then(|activation| {
                let name = (activation.behavior.clone(), activation.selector.clone());
                methods.get(&name).copied().filter(|cause| *cause != id)
            }),
        });
    }
}
