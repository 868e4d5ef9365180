//! A run that pulls, from the entry expression to the last drill: what came, and what an image can be
//! made of when it has ended.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use imprint_isa::MethodDraft;
use imprint_report::{
    Audience, ImageCounts, Phase, Pulled, Screen, SeedUse, ShrinkReport, TestCase, TestOutcome,
    TestRun,
};
use imprint_vm::{CommandLine, Outcome};
use imprint_wire::message::{Event, Plan, TestFinished, TestName};

use crate::ending::code;
use crate::exploded::exploded;
use crate::handshake::Terms;
use crate::interrupts;
use crate::page::Visit;
use crate::remote::{Line, Traffic};
use crate::replay::Replay;
use crate::resuming::Unfinished;
use crate::seed::SeedChoice;
use crate::session::{CompiledTest, Entered, Session};

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Orders {
    /// Where the master is.
    pub master: String,
    /// How long a lost master is waited for.
    pub patience: Duration,
    /// After how long a silence of the master a question is asked again.
    pub silence: Duration,
    /// An expression in place of the project's entry expression.
    pub expression: Option<String>,
    /// Which of the master's tests are run.
    pub tests: Chosen,
    /// The image beside which the log is written while the run goes on.
    pub logged_beside: Option<PathBuf>,
    /// Whether the entry expression may be that of a server, whose page is then visited.
    pub may_serve: bool,
    /// How long a test may take.
    pub timeout: Duration,
    /// Bytes of drafts that an answer may bring beyond what was asked for.
    pub prefetch_bytes: u64,
    /// What the run starts from.
    pub seed: SeedChoice,
    /// How the slave was called: the log tells it, so that the run can go on where it is cut short.
    pub arguments: Vec<String>,
    /// What a user is told to do when the run is cut short; else to resume it by its log.
    pub resumed_by: Option<String>,
    /// The run stops when more bytes than this were pulled.
    pub pull_limit: Option<u64>,
}

impl Orders {
    /// How the run begins with the master.
    pub fn terms(&self) -> Terms {
        Terms {
            master: self.master.clone(),
            patience: self.patience,
            silence: self.silence,
            prefetch_bytes: self.prefetch_bytes,
            seed: self.seed.clone(),
        }
    }
}

/// Which tests are run, of those that the master names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Chosen {
    /// Those of the master's plan.
    Planned,
    /// Those of these packages, and these by name; all where both are empty.
    Of {
        /// Packages.
        packages: Vec<String>,
        /// Tests.
        names: Vec<TestName>,
    },
    /// None: the entry expression is all.
    None,
}

/// Name of the options that say in which package a test class is: the class, and the package.
pub const TEST_CLASS_OPTION: &str = "test class";

/// A run that has ended, or was stopped.
pub struct Exercised {
    /// What is known of it so far.
    pub report: ShrinkReport,
    /// What the entry expression answered, where it came back.
    pub answer: Option<String>,
    /// The exit code, where the run did not come to its end or a test failed.
    pub failure: Option<u8>,
    /// Why the entry expression did not come to its end, where it did not.
    pub reason: Option<String>,
    pub(crate) seed_name: String,
    pub(crate) session: Session,
    pub(crate) plan: Plan,
    pub(crate) entry: MethodDraft,
    pub(crate) entry_text: String,
    pub(crate) passed: Vec<CompiledTest>,
    /// Tests that passed before the run was cut short.
    passed_before: Vec<TestCase>,
    /// What a visitor of the entry expression's page saw, where there was one.
    pub visited: Option<Visit>,
    pub(crate) replay: Option<Replay>,
}

/// Runs the entry expression, the tests, and the drills, or what is left of them; `on_test` hears of each
/// test that is run.
///
/// # Errors
/// Where the master is not there, or no test is found.
pub fn exercise(
    orders: &Orders,
    unfinished: Option<Unfinished>,
    on_test: impl FnMut(&TestFinished),
) -> Result<Exercised> {
    exercise_in(open_session(orders)?, orders, unfinished, on_test)
}

/// An empty machine with a line to the master.
///
/// # Errors
/// Where the master is not there.
pub fn open_session(orders: &Orders) -> Result<Session> {
    let mut line = Line::connect(&orders.terms())?;
    line.limit_bytes = orders.pull_limit;
    Session::open(line, CommandLine::default())
}

/// As [`exercise`], in a session that was opened for it.
///
/// # Errors
/// As [`exercise`].
pub fn exercise_in(
    mut session: Session,
    orders: &Orders,
    unfinished: Option<Unfinished>,
    on_test: impl FnMut(&TestFinished),
) -> Result<Exercised> {
    let mut passed_before = Vec::new();
    if let Some(unfinished) = &unfinished {
        unfinished.check(session.origin())?;
        session.recall(unfinished.arrivals())?;
        passed_before = unfinished.passed();
    }
    let mut plan = session.plan();
    plan.tests = chosen(&plan, &orders.tests)?;
    let replay = match (unfinished, &orders.logged_beside) {
        (Some(unfinished), _) => Some(Replay::go_on(unfinished, &session)?),
        (None, Some(image)) => Some(Replay::beside(image, &session, &orders.arguments)?),
        (None, None) => None,
    };
    let entry_text = orders.expression.as_ref().unwrap_or(&plan.entry).clone();
    let entry = session.compile(if entry_text.is_empty() {
        "nil"
    } else {
        &entry_text
    })?;
    let mut run = Exercised {
        report: ShrinkReport::default(),
        answer: None,
        failure: None,
        reason: None,
        seed_name: orders.seed.name(),
        session,
        plan,
        entry,
        entry_text,
        passed: Vec::new(),
        passed_before,
        visited: None,
        replay,
    };
    run.go(orders, on_test)?;
    run.note_seed();
    run.report.pulled = Some(pulled(&run.session).weighed(None));
    Ok(run)
}

/// The tests that were asked for.
fn chosen(plan: &Plan, tests: &Chosen) -> Result<Vec<TestName>> {
    let Chosen::Of { packages, names } = tests else {
        return Ok(match tests {
            Chosen::None => Vec::new(),
            _ => plan.tests.clone(),
        });
    };
    let classes = plan
        .options
        .iter()
        .filter(|(option, _)| option == TEST_CLASS_OPTION)
        .filter_map(|(_, value)| value.split_once(' '));
    let package_of = |class: &str| {
        let mut classes = classes.clone();
        classes
            .find(|(name, _)| *name == class)
            .map_or("", |(_, package)| package)
    };
    for package in packages {
        anyhow::ensure!(
            classes.clone().any(|(_, held)| held == package),
            "no test found in {package}; the master has none of that package"
        );
    }
    for name in names {
        anyhow::ensure!(
            plan.tests.contains(name),
            "the master has no test {}>>{}",
            name.class,
            name.selector
        );
    }
    let is_all = packages.is_empty() && names.is_empty();
    let wanted = |test: &&TestName| {
        is_all
            || names.contains(test)
            || packages
                .iter()
                .any(|package| package == package_of(&test.class))
    };
    let tests: Vec<TestName> = plan.tests.iter().filter(wanted).cloned().collect();
    anyhow::ensure!(!tests.is_empty(), "no test found; the master has none");
    Ok(tests)
}

impl Exercised {
    /// Notes what was used of the seed so far.
    pub(crate) fn note_seed(&mut self) {
        let line = self.session.line.borrow();
        self.report.seed = Some(SeedUse {
            name: self.seed_name.clone(),
            heap_bytes: self.session.seed_bytes as u64,
            counts: counts(&line.of_seed),
            round_trips: line.of_seed.round_trips,
            warnings: line.warnings.clone(),
        });
    }

    fn go(&mut self, orders: &Orders, on_test: impl FnMut(&TestFinished)) -> Result<()> {
        let has_tests = !self.plan.tests.is_empty();
        if has_tests {
            self.session.drill_waiting()?;
        }
        self.failure = self.run_entry(orders)?;
        if self.failure.is_some() || self.has_exploded() {
            return Ok(());
        }
        let tests = self.session.compile_tests(&self.plan.tests)?;
        self.session.vm.heap.touch_young();
        let run = self.run_tests(&tests, orders, on_test)?;
        if self.is_interrupted() {
            return Ok(());
        }
        if run.counts().failed > 0 {
            self.failure = Some(code::FAILED);
        }
        self.passed = passed(&tests, &run);
        self.report.tests = has_tests.then_some(run);
        self.drill(has_tests)
    }

    /// What an image must be able to do beyond what its tests did.
    fn drill(&mut self, has_tests: bool) -> Result<()> {
        if self.has_exploded() {
            return Ok(());
        }
        let mut drilled = self.session.drill_globals();
        if has_tests && drilled.is_ok() {
            drilled = self.session.drill_survival();
        }
        // What the drill lacks because of the limit is told by the limit.
        if self.has_exploded() || self.is_interrupted() {
            return Ok(());
        }
        drilled
    }

    /// Whether the user stopped the run; then no image is made of it.
    fn is_interrupted(&mut self) -> bool {
        if interrupts::is_wished() {
            self.failure = Some(code::INTERRUPTED);
            self.report.tests = None;
        }
        interrupts::is_wished()
    }

    /// Whether the limit of pulled bytes was passed; then the report says who pulled them.
    pub(crate) fn has_exploded(&mut self) -> bool {
        self.report.pulls = exploded(&self.session);
        if self.report.pulls.is_some() {
            self.failure = Some(code::FAILED);
        }
        self.report.pulls.is_some()
    }

    /// Runs the entry expression; answers an exit code where the run ends with that.
    fn run_entry(&mut self, orders: &Orders) -> Result<Option<u8>> {
        let entered = self.session.enter(&self.entry, orders.may_serve);
        if self.has_exploded() {
            return Ok(self.failure);
        }
        let Entered {
            outcome,
            answer,
            visit,
        } = entered?;
        if let Some(visit) = visit.as_ref().filter(|visit| visit.status != 200) {
            self.tell_reason(format!("GET / answered {}", visit.status));
            return Ok(Some(code::FAILED));
        }
        self.visited = visit;
        self.answer = answer.or(self.answer.take());
        match outcome {
            Outcome::Returned(_) | Outcome::Ordered(_) | Outcome::Quit(0) => Ok(None),
            Outcome::Interrupted => {
                self.tell_reason("the run stopped in the entry expression".to_string());
                Ok(Some(code::INTERRUPTED))
            }
            other => {
                let (code, sentence) = crate::ending::ending(&other);
                let sentence = sentence.unwrap_or_else(|| match other {
                    Outcome::Quit(status) => format!("it quit with exit code {status}"),
                    _ => "it ended in the error that is told above, with its stack".to_string(),
                });
                self.tell_reason(format!("the entry expression failed: {sentence}"));
                Ok(Some(code))
            }
        }
    }

    fn tell_interrupted(&mut self, orders: &Orders, at: &TestRun, place: &str) {
        let name = at.cases.first().map(TestCase::name).unwrap_or_default();
        let advice = self.replay.as_ref().map_or(String::new(), |replay| {
            let by_log = || format!("slave resume {}", replay.path().display());
            let way = orders.resumed_by.clone().unwrap_or_else(by_log);
            format!("; resume it with   {way}")
        });
        self.tell_reason(format!("the run stopped at test {place}, {name}{advice}"));
    }

    fn tell_reason(&mut self, reason: String) {
        eprintln!("slave: {reason}");
        self.reason = Some(reason);
    }

    fn run_tests(
        &mut self,
        tests: &[CompiledTest],
        orders: &Orders,
        mut on_test: impl FnMut(&TestFinished),
    ) -> Result<TestRun> {
        let phase = self.phase();
        let mut run = TestRun {
            name: "tests".to_string(),
            cases: Vec::new(),
        };
        for test in tests {
            if let Some(case) = self.case_before(&test.name) {
                run.cases.push(case);
                continue;
            }
            let one = self
                .session
                .run_tests(std::slice::from_ref(test), orders.timeout, |_| {})?;
            if interrupts::is_wished() {
                let place = format!("{} of {}", run.cases.len() + 1, tests.len());
                self.tell_interrupted(orders, &one, &place);
                break;
            }
            for case in one.cases {
                if let Some(phase) = &phase {
                    phase.advance(1);
                }
                self.tell(finished(&case), &mut on_test)?;
                run.cases.push(case);
            }
            if self.has_exploded() {
                break;
            }
        }
        self.session.line.borrow_mut().hand_over();
        Ok(run)
    }

    /// How a test ended that passed before the run was cut short.
    fn case_before(&self, name: &TestName) -> Option<TestCase> {
        let is_it =
            |case: &&TestCase| *case.class == *name.class && *case.selector == *name.selector;
        self.passed_before.iter().find(is_it).cloned()
    }

    /// The bar of the tests that are to be run.
    fn phase(&self) -> Option<Phase> {
        let wanted = self.plan.tests.iter();
        let tests = wanted
            .filter(|name| self.case_before(name).is_none())
            .count() as u64;
        let screen = Screen::of_process(Audience::Person);
        (tests > 0).then(|| screen.phase("tests", tests))
    }

    fn tell(
        &mut self,
        finished: TestFinished,
        on_test: &mut impl FnMut(&TestFinished),
    ) -> Result<()> {
        if let Some(replay) = &mut self.replay {
            replay.note_arrivals(self.session.arrivals())?;
            replay.note_test(&finished)?;
        }
        on_test(&finished);
        let mut line = self.session.line.borrow_mut();
        line.tell(Event::TestFinished(finished));
        Ok(())
    }
}

fn finished(case: &TestCase) -> TestFinished {
    use imprint_wire::message::Outcome as Wire;
    let (outcome, text) = match &case.outcome {
        TestOutcome::Passed | TestOutcome::Excluded(_) => (Wire::Passed, String::new()),
        TestOutcome::Failed(trouble) => (Wire::Failed, trouble.message.clone()),
        TestOutcome::Errored(trouble) => (Wire::Errored, trouble.message.clone()),
        TestOutcome::Pruned(trouble) => (Wire::Pruned, trouble.message.clone()),
        TestOutcome::TimedOut(_) => (Wire::TimedOut, String::new()),
        TestOutcome::Skipped(why) => (Wire::Skipped, why.clone()),
        TestOutcome::NeedsCompiler => (Wire::NeedsCompiler, String::new()),
    };
    let test = TestName {
        class: case.class.as_str().into(),
        selector: case.selector.as_str().into(),
    };
    TestFinished {
        test,
        outcome,
        text,
        micros: (case.seconds * 1e6) as u64,
    }
}

/// The tests that passed: what the proof must show.
fn passed(tests: &[CompiledTest], run: &TestRun) -> Vec<CompiledTest> {
    let pairs = tests.iter().zip(&run.cases);
    pairs
        .filter(|(_, case)| case.outcome == TestOutcome::Passed)
        .map(|(test, _)| test.clone())
        .collect()
}

fn counts(traffic: &Traffic) -> ImageCounts {
    ImageCounts {
        classes: traffic.classes,
        methods: traffic.methods,
        objects: traffic.objects,
        bytes: traffic.bytes,
    }
}

pub(crate) fn pulled(session: &Session) -> Pulled {
    let traffic = session.line.borrow().traffic;
    Pulled {
        counts: counts(&traffic),
        round_trips: traffic.round_trips,
        untouched: session.line.borrow().untouched(),
        ..Pulled::default()
    }
}
