//! A machine with the kernel in it, and nobody outside.

use std::time::{Duration, Instant};

use imprint_bootstrap::PackageSet;
use imprint_bootstrap::{build, compile_expression, compile_for, embedded_packages};
use imprint_heap::{Heap, HeapSettings, Zeal};
use imprint_isa::{BehaviorName, CompileRequest, Draft, MethodDraft, Miss, Placed};
use imprint_model::Oop;
use imprint_vm::install::Names;
use imprint_vm::{Answer, Event, Outcome, Outside, OutsideError, RunLimits, Vm, VmSettings};

/// How long one expression may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The kernel, running.
pub struct Machine {
    pub vm: Vm,
}

impl Machine {
    pub fn new(heap: HeapSettings, settings: VmSettings) -> Machine {
        let packages = embedded_packages(|_| false).expect("the kernel can be read");
        Machine::of(&packages, heap, |heap| {
            Vm::new(heap, Box::new(Clock::new(None)), settings)
        })
    }

    /// The kernel, running; the order comes whenever it has waited, at the very time for which it did.
    pub fn with_orders(order: u64) -> Machine {
        let packages = embedded_packages(|_| false).expect("the kernel can be read");
        Machine::of(&packages, HeapSettings::default(), |heap| {
            let clock = Clock::new(Some(order));
            Vm::new(heap, Box::new(clock), VmSettings::default())
        })
    }

    /// A machine of these packages.
    pub fn of(
        packages: &PackageSet,
        heap: HeapSettings,
        new_vm: impl FnOnce(Heap) -> Vm,
    ) -> Machine {
        let heap = Heap::new(heap).expect("address space is there");
        let image = build(packages, heap, |heap, names| {
            let mut vm = new_vm(heap);
            vm.names = names;
            vm
        });
        let mut machine = Machine {
            vm: image.expect("the kernel builds").vm,
        };
        if let Some(every) = zeal_of_environment() {
            machine.set_zeal(Zeal::every(every));
        }
        machine
    }

    /// Collections come as this says from now on.
    pub fn set_zeal(&mut self, zeal: Zeal) {
        self.vm.heap.set_zeal(Some(zeal));
    }

    /// Compiles a method and installs it.
    pub fn compile(&mut self, class: &str, source: &str) {
        let behavior = BehaviorName::parse(class);
        let draft = compile_for(&self.vm.names, &behavior, "tests", source).expect("it compiles");
        let placed = Placed::nowhere(Draft::Method(draft));
        self.vm.install(&placed).expect("it can be installed");
    }

    /// A process that will evaluate an expression.
    pub fn spawn(&mut self, expression: &str) -> Oop {
        let draft = compile_expression(&self.vm.names, expression).expect("it compiles");
        let nil = self.vm.heap.nil();
        self.spawn_draft(draft, nil)
    }

    /// Evaluates an expression.
    pub fn run(&mut self, expression: &str) -> Outcome {
        let process = self.spawn(expression);
        self.run_process(process)
    }

    /// Evaluates a compiled expression.
    pub fn run_draft(&mut self, draft: MethodDraft) -> Outcome {
        let nil = self.vm.heap.nil();
        let process = self.spawn_draft(draft, nil);
        self.run_process(process)
    }

    fn run_process(&mut self, process: Oop) -> Outcome {
        let limits = RunLimits {
            deadline: Some(Instant::now() + PATIENCE),
            interrupt: None,
        };
        self.vm.run_until(process, limits)
    }

    fn spawn_draft(&mut self, draft: MethodDraft, receiver: Oop) -> Oop {
        let placed = Placed::nowhere(Draft::Method(draft));
        let method = self.vm.install(&placed).expect("it can be installed");
        self.vm.spawn(method, receiver, 40).expect("there is space")
    }

    /// The text that an object answers to a unary message.
    pub fn send_to(&mut self, receiver: Oop, selector: &str) -> Result<String, Outcome> {
        let source = format!("self {selector}");
        let draft = compile_expression(&self.vm.names, &source).expect("it compiles");
        let process = self.spawn_draft(draft, receiver);
        match self.run_process(process) {
            Outcome::Returned(oop) => Ok(self.vm.heap.string_text(oop).unwrap_or_default()),
            other => Err(other),
        }
    }

    /// What an expression's value prints as, or how the run ended otherwise.
    pub fn print(&mut self, expression: &str) -> String {
        let (declarations, body) = match expression.rfind("|> ") {
            Some(at) => (&expression[..at], &expression[at + 3..]),
            None => ("", expression),
        };
        match self.run(&format!("{declarations} ({body}) printString")) {
            Outcome::Returned(oop) => self.vm.heap.string_text(oop).unwrap_or_default(),
            other => format!("{other:?}"),
        }
    }
}

/// The zeal under which all machines run: a pass of continuous integration says it.
fn zeal_of_environment() -> Option<u32> {
    let text = std::env::var("IMPRINT_ZEAL").ok()?;
    Some(text.parse().expect("IMPRINT_ZEAL is a number"))
}

/// Nobody, with a clock.
struct Clock {
    begin: Instant,
    /// What is ordered at the end of each wait.
    order: Option<u64>,
}

impl Clock {
    fn new(order: Option<u64>) -> Clock {
        let begin = Instant::now();
        Clock { begin, order }
    }
}

impl Outside for Clock {
    fn request(&mut self, _: &[Miss]) -> Result<Answer, OutsideError> {
        Err(OutsideError::NoMaster)
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Vec<Event> {
        if let Some(deadline) = deadline {
            std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
        self.order.map(Event::Order).into_iter().collect()
    }

    fn poll(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn compile(&mut self, _: CompileRequest, _: &Names) -> Result<MethodDraft, String> {
        Err("there is no compiler".to_string())
    }

    fn method_source(&mut self, _: &BehaviorName, _: &str, _: u64) -> Option<String> {
        None
    }

    fn pruned(&mut self, _: &BehaviorName, _: &str) {}

    fn now_micros(&self) -> u64 {
        3_900_000_000_000_000 + self.begin.elapsed().as_micros() as u64
    }
}
