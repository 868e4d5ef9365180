//! A run that pulls: entry expression, one visit, tests, survival drill; and all that came.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use imprint_heap::Heap;
use imprint_host::sockets::resolver::host_name;
use imprint_host::{Environment, Files, LocalOutside, Network, Reactor, Waker};
use imprint_image::Fingerprint;
use imprint_isa::{BehaviorName, CompileRequest, MethodDraft, Placed, Surroundings};
use imprint_model::Oop;
use imprint_report::{TestCase, TestOutcome, TestRun};
use imprint_shrink::GLOBALS_CLASS;
use imprint_vm::seed::empty_seed;
use imprint_vm::{
    Arrivals, CommandLine, Event, Outcome, PullSites, RunLimits, Testimony, Vm, Witness,
};
use imprint_wire::message::{Plan, TestName};

use crate::answer::answer_text;
use crate::drills::{
    CLASS_DRILLS, ENVIRONMENT_CLASS, GLOBALS_DRILL, LISTENER_CLASS, PORT_DRILL, SERVER_CLASS,
    SERVER_DRILL, SURVIVAL_DRILL, UNHANDLED_DRILL, VISITORS_DRILL, WAITING_DRILL,
};
use crate::frames::Lines;
use crate::interrupts;
use crate::live::heed;
use crate::machine::machine_with;
use crate::outcome_text::outcome_of;
use crate::page::{Visit, visit};
use crate::remote::{Line, RemoteOutside};

/// Priority of evaluated expressions.
const PRIORITY: i64 = 40;
/// The entry expression may take this long to come back.
const ENTRY_LIMIT: Duration = Duration::from_secs(60);
/// The unwind blocks of a process that is terminated may take this long.
pub const UNWIND_LIMIT: Duration = Duration::from_secs(1);
/// The order that says: the visit is over.
const VISIT_IS_OVER: u64 = 1;

/// What came of an entry expression.
pub struct Entered {
    /// How it ended; the value that it returned may be collected by now.
    pub outcome: Outcome,
    /// The value that it returned, as text.
    pub answer: Option<String>,
    /// The visit to the page that it serves.
    pub visit: Option<Visit>,
}

/// A machine that pulls.
pub struct Session {
    /// The machine.
    pub vm: Vm,
    /// The stream to the master.
    pub line: Rc<RefCell<Line>>,
    /// Bytes of the heap before the first pull.
    pub seed_bytes: usize,
    reactor: Reactor,
    waker: Waker,
}

/// A test with the expression that runs it, compiled.
#[derive(Clone)]
pub struct CompiledTest {
    /// Which.
    pub name: TestName,
    /// The expression.
    pub draft: MethodDraft,
    /// What is run behind the last test of a class: its resources go.
    pub finish: Option<MethodDraft>,
}

impl Session {
    /// Makes the machine of a line: it begins with what a machine needs to breathe, whatever the seed;
    /// that waits beside the heap.
    ///
    /// # Errors
    /// Where the master is not there or refuses.
    pub fn open(line: Line, command_line: CommandLine) -> Result<Session> {
        let vocabulary = line.vocabulary();
        let (heap, names): (Heap, _) = empty_seed(crate::limits::heap_settings(), &vocabulary)?;
        let seed_bytes = heap.usage().old_bytes;
        let local = LocalOutside::new().context("cannot wait for events on this system")?;
        let (reactor, waker) = (local.reactor().clone(), local.waker());
        interrupts::stop_by(waker.clone());
        let line = Rc::new(RefCell::new(line));
        let outside = Box::new(RemoteOutside::new(local, line.clone()));
        let mut vm = machine_with(heap, names, outside, &reactor, command_line);
        vm.extensions.insert(Arrivals::new(&vocabulary));
        // To tell where each pull came from takes a look at the stack: only who may explode wants it.
        if line.borrow().limit_bytes.is_some() {
            vm.extensions.insert(PullSites::default());
        }
        Ok(Session {
            vm,
            line,
            seed_bytes,
            reactor,
            waker,
        })
    }

    /// Lets somebody hear of each draft as it comes.
    pub fn watch(&mut self, testimony: Testimony) {
        self.vm.extensions.insert(Witness(testimony));
    }

    /// How to wake the machine while it waits.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// The machine alone: where nothing can happen in it any more, it need not wait for a waker.
    pub fn into_machine(self) -> Vm {
        self.vm
    }

    /// The full image that the master serves.
    pub fn origin(&self) -> Fingerprint {
        Fingerprint(self.line.borrow().welcome().image_fingerprint)
    }

    /// Takes over what came to a run that was cut short: it waits like all that came ahead of its time, and
    /// counts as reached.
    ///
    /// # Errors
    /// Where a draft breaks a rule.
    pub fn recall(&mut self, arrivals: &Arrivals) -> Result<()> {
        // A log that tells of no class ends before anything came.
        if arrivals.class_indices.is_empty() {
            return Ok(());
        }
        let drafts = (arrivals.drafts.iter()).map(|arrival| Placed::clone(&arrival.placed));
        let classes = arrivals.class_indices.clone();
        self.line.borrow_mut().keep(drafts.collect(), classes)?;
        self.vm.extensions.insert(arrivals.clone());
        self.begin_phase("entry");
        Ok(())
    }

    /// Tells how little a machine begins with.
    pub fn tell_heap(&self) {
        eprintln!(
            "slave: {} bytes of heap before the first pull",
            self.seed_bytes
        );
    }

    /// Closes what the image listens on and is connected to: another process wants the port.
    pub fn close_sockets(&mut self) {
        self.vm
            .extensions
            .insert(Network::new(self.reactor.clone()));
    }

    /// What the master wants to be run.
    pub fn plan(&self) -> Plan {
        self.line.borrow().welcome().plan.clone()
    }

    /// What came so far.
    pub fn arrivals(&self) -> &Arrivals {
        self.vm
            .extensions
            .get::<Arrivals>()
            .expect("it was put in when the session was opened")
    }

    /// From now on things come during this phase.
    pub fn begin_phase(&mut self, name: &str) {
        if let Some(arrivals) = self.vm.extensions.get_mut::<Arrivals>() {
            arrivals.begin_phase(name);
        }
    }

    /// Has the master compile an expression.
    ///
    /// # Errors
    /// Its syntax errors.
    pub fn compile(&self, expression: &str) -> Result<MethodDraft> {
        let request = CompileRequest {
            behavior: BehaviorName::class("UndefinedObject"),
            source: expression.to_string(),
            protocol: String::new(),
            is_expression: true,
            surroundings: Surroundings::default(),
        };
        self.line
            .borrow_mut()
            .compile(&request)
            .map_err(|text| anyhow!(text))
    }

    /// Runs a compiled expression to its end.
    ///
    /// # Errors
    /// Where it cannot be installed.
    pub fn run(&mut self, draft: &MethodDraft, limits: RunLimits) -> Result<Outcome> {
        run_expression(&mut self.vm, draft, limits)
    }

    /// Runs the entry expression and, where it `may_serve` and made the image listen, visits the
    /// page there.
    ///
    /// # Errors
    /// Where it does not come back, or fails.
    pub fn enter(&mut self, entry: &MethodDraft, may_serve: bool) -> Result<Entered> {
        let outcome = self.run(entry, limits_of(ENTRY_LIMIT))?;
        // At once: what runs further down may collect the value.
        let answer = match outcome {
            Outcome::Returned(value) => Some(answer_text(&self.vm, value)),
            _ => None,
        };
        let mut entered = Entered {
            outcome,
            answer,
            visit: None,
        };
        if !may_serve || !matches!(entered.outcome, Outcome::Returned(_)) {
            return Ok(entered);
        }
        let Some(port) = self.served_port()? else {
            return Ok(entered);
        };
        let waker = self.waker.clone();
        let visitor = std::thread::spawn(move || {
            let visit = visit(port, Duration::from_secs(10));
            // A full queue wakes the machine as well; the deadline below is the last resort.
            let _ = waker.push(Event::Order(VISIT_IS_OVER));
            visit
        });
        let wait = self.compile("(Delay forSeconds: 60) wait")?;
        let waited = self.run(&wait, RunLimits::default())?;
        if !matches!(waited, Outcome::Ordered(_) | Outcome::Returned(_)) {
            // Nobody answers the visitor any more; it gives up by itself.
            entered.outcome = waited;
            return Ok(entered);
        }
        let visit = visitor.join().map_err(|_| anyhow!("the visitor failed"))?;
        let visit = visit.context("cannot visit the page")?;
        entered.visit = Some(visit);
        Ok(entered)
    }

    /// The port that the image listens on; a server that was forked gets a moment to begin.
    fn served_port(&mut self) -> Result<Option<u16>> {
        let port = |vm: &Vm| {
            vm.extensions
                .get::<Network>()
                .and_then(Network::served_port)
        };
        if port(&self.vm).is_none() {
            let moment = self.compile("(Delay forMilliseconds: 100) wait")?;
            self.run(&moment, RunLimits::default())?;
        }
        Ok(port(&self.vm))
    }

    /// Compiles what runs the tests.
    ///
    /// # Errors
    /// Where the master does not know a test's class.
    pub fn compile_tests(&self, tests: &[TestName]) -> Result<Vec<CompiledTest>> {
        compiled_tests(tests, |expression| self.compile(expression))
    }

    /// Runs tests, each as a phase of its own; `on_done` hears of each.
    ///
    /// # Errors
    /// Where the master is gone.
    pub fn run_tests(
        &mut self,
        tests: &[CompiledTest],
        timeout: Duration,
        mut on_done: impl FnMut(&TestCase),
    ) -> Result<TestRun> {
        let mut run = TestRun {
            name: "tests".to_string(),
            cases: Vec::new(),
        };
        for test in tests {
            self.begin_phase(&format!("{}>>{}", test.name.class, test.name.selector));
            let compiled_before = self.line.borrow().compiled_for_image;
            let line = self.line.clone();
            let mut lines = |activation: &_| line.borrow_mut().source_line(activation);
            self.missing_files();
            let mut case = run_test(&mut self.vm, test, timeout, &mut lines)?;
            note_missing(&mut case.outcome, &self.missing_files());
            let has_compiled = self.line.borrow().compiled_for_image > compiled_before;
            if has_compiled && case.outcome == TestOutcome::Passed {
                case.outcome = TestOutcome::NeedsCompiler;
            }
            self.end_late_process()?;
            if let Some(finish) = &test.finish {
                self.run(finish, limits_of(timeout))?;
                self.end_late_process()?;
            }
            on_done(&case);
            run.cases.push(case);
        }
        Ok(run)
    }

    /// The files that were looked for and not there, since this was asked last.
    fn missing_files(&mut self) -> Vec<PathBuf> {
        let files = self.vm.extensions.get_mut::<Files>();
        files.map(Files::take_missing).unwrap_or_default()
    }

    /// Ends what a test whose time was up left running, with its unwind blocks where these come to an
    /// end.
    fn end_late_process(&mut self) -> Result<()> {
        if self.vm.late_process().is_none() {
            return Ok(());
        }
        let terminate = self.compile("self terminate")?;
        let late = |vm: &Vm| vm.late_process().unwrap_or(vm.heap.nil());
        run_with(&mut self.vm, &terminate, late, limits_of(UNWIND_LIMIT))?;
        self.vm.end_late_processes();
        Ok(())
    }

    /// Runs the drill of waiting, and comes back to the phase of the entry expression.
    ///
    /// # Errors
    /// Where the master is gone.
    pub fn drill_waiting(&mut self) -> Result<()> {
        self.drill("waiting drill", &WAITING_DRILL)?;
        self.begin_phase("entry");
        Ok(())
    }

    /// Runs the survival drill, and ends as production does.
    ///
    /// # Errors
    /// Where the master is gone, or the image does not end.
    pub fn drill_survival(&mut self) -> Result<()> {
        self.drill_errors()?;
        self.end()
    }

    /// Runs the survival drill but for its end.
    ///
    /// # Errors
    /// Where the master is gone.
    pub fn drill_errors(&mut self) -> Result<()> {
        for (class, expression) in CLASS_DRILLS {
            if self.has_come(class) {
                self.drill("class drill", &[expression])?;
            }
        }
        self.drill("survival drill", &SURVIVAL_DRILL)?;
        self.drill("drill without a handler", &UNHANDLED_DRILL)?;
        if self.has_come(SERVER_CLASS) {
            self.drill("server drill", &SERVER_DRILL)?;
            if self.has_come(LISTENER_CLASS) {
                self.drill("server drill", &VISITORS_DRILL)?;
            }
            if self.has_come(ENVIRONMENT_CLASS) {
                self.drill_port()?;
            }
        }
        Ok(())
    }

    /// Looks for a global that is there, where the program looked for any.
    ///
    /// # Errors
    /// Where the master is gone.
    pub fn drill_globals(&mut self) -> Result<()> {
        if self.has_come(GLOBALS_CLASS) {
            self.drill("globals drill", &GLOBALS_DRILL)?;
        }
        Ok(())
    }

    fn has_come(&self, class: &str) -> bool {
        self.vm.names.class_object(&self.vm.heap, class).is_some()
    }

    fn drill_port(&mut self) -> Result<()> {
        for port in [None, Some("8080")] {
            self.vm.extensions.insert(Environment::of("PORT", port));
            let done = self.drill("server drill", &PORT_DRILL);
            self.vm.extensions.remove::<Environment>();
            done?;
        }
        Ok(())
    }

    fn drill(&mut self, name: &str, expressions: &[&str]) -> Result<()> {
        self.begin_phase(name);
        self.set_quiet(true);
        let done = self.run_all(expressions);
        self.set_quiet(false);
        done
    }

    /// What a drill reports is no news to whoever watches.
    fn set_quiet(&mut self, is_quiet: bool) {
        if let Some(files) = self.vm.extensions.get_mut::<Files>() {
            files.set_quiet(is_quiet);
        }
    }

    fn run_all(&mut self, expressions: &[&str]) -> Result<()> {
        for expression in expressions {
            let draft = self.compile(expression)?;
            self.run(&draft, limits_of(ENTRY_LIMIT))?;
        }
        Ok(())
    }

    /// Ends as production does when the system asks it to: what that needs is kept.
    fn end(&mut self) -> Result<()> {
        let wait = self.compile("(Delay forSeconds: 30) wait")?;
        self.waker
            .push(Event::Terminate)
            .context("cannot ask the machine to end")?;
        match self.run(&wait, RunLimits::default())? {
            Outcome::Quit(0) => Ok(()),
            other => Err(anyhow!("asked to end, the image did not quit: {other:?}")),
        }
    }
}

/// A test may want a file that lies where the master is: so it is told where it was looked for.
fn note_missing(outcome: &mut TestOutcome, missing: &[PathBuf]) {
    let (TestOutcome::Failed(trouble) | TestOutcome::Errored(trouble)) = outcome else {
        return;
    };
    if missing.is_empty() || !trouble.advice.is_empty() {
        return;
    }
    let names: Vec<String> = missing
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    trouble.advice = format!(
        "Not found on {}, where the slave runs: {}",
        host_name(),
        names.join(", ")
    );
}

/// What runs tests, made by `compile` of expressions.
///
/// # Errors
/// Those of `compile`.
pub fn compiled_tests(
    tests: &[TestName],
    compile: impl Fn(&str) -> Result<MethodDraft>,
) -> Result<Vec<CompiledTest>> {
    let compiled = |(index, name): (usize, &TestName)| {
        let draft = compile(&format!("{} imprintRun: #{}", name.class, name.selector))?;
        let next = tests.get(index + 1);
        let is_last = next.is_none_or(|next| next.class != name.class);
        let finish = is_last.then(|| compile(&format!("{} imprintFinish", name.class)));
        Ok(CompiledTest {
            name: name.clone(),
            draft,
            finish: finish.transpose()?,
        })
    };
    tests.iter().enumerate().map(compiled).collect()
}

/// Runs a compiled expression in a process of its own.
///
/// # Errors
/// Where it cannot be installed.
pub fn run_expression(vm: &mut Vm, draft: &MethodDraft, limits: RunLimits) -> Result<Outcome> {
    run_with(vm, draft, |vm| vm.heap.nil(), limits)
}

/// As [`run_expression`], with a receiver, which is looked for once nothing moves any more.
fn run_with(
    vm: &mut Vm,
    draft: &MethodDraft,
    receiver: impl FnOnce(&Vm) -> Oop,
    mut limits: RunLimits,
) -> Result<Outcome> {
    let still = vm.standstill();
    let method = match vm.make_expression(draft) {
        Ok(method) => method,
        Err(outcome) => return Ok(outcome),
    };
    let waited = vm.standstill() - still;
    limits.deadline = limits.deadline.map(|deadline| deadline + waited);
    let receiver = receiver(vm);
    let process = vm
        .spawn(method, receiver, PRIORITY)
        .map_err(|space| anyhow!("no room for a process: {space:?}"))?;
    let begun = vm.standstill();
    let outcome = vm.run_until(process, limits.clone());
    Ok(heed(vm, outcome, &limits, begun))
}

/// The limits of what may take so long from now on.
pub fn limits_of(time: Duration) -> RunLimits {
    RunLimits {
        deadline: Some(Instant::now() + time),
        ..RunLimits::default()
    }
}

/// Runs one test; `lines` knows the sources of what it ran.
///
/// # Errors
/// Where it cannot be installed, or the master is gone.
pub fn run_test(
    vm: &mut Vm,
    test: &CompiledTest,
    timeout: Duration,
    lines: &mut Lines<'_>,
) -> Result<TestCase> {
    let start = Instant::now();
    let outcome = match run_expression(vm, &test.draft, limits_of(timeout))? {
        Outcome::Returned(text) => {
            outcome_of(&vm.heap.string_text(text).unwrap_or_default(), lines)
        }
        Outcome::TimedOut => TestOutcome::TimedOut(timeout.as_secs_f64()),
        other => crate::outcome_text::ended(&other, &vm.names),
    };
    Ok(TestCase {
        category: String::new(),
        class: test.name.class.to_string(),
        selector: test.name.selector.to_string(),
        seconds: start.elapsed().as_secs_f64(),
        outcome,
    })
}
