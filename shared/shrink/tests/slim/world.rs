//! A full image of the embedded kernel, built once, and slaves that pull from it in process.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use imprint_bootstrap::{build, compile_expression, embedded_packages};
use imprint_heap::{Heap, HeapSettings};
use imprint_image::{PristineImage, spur_bytes};
use imprint_isa::{BehaviorName, CompileRequest, Draft, MethodDraft, Miss, Placed};
use imprint_model::Oop;
use imprint_vm::extract::{ClassIndices, Extractor, ImageIndex, PullSession, vocabulary};
use imprint_vm::install::Names;
use imprint_vm::seed::empty_seed;
use imprint_vm::{
    Answer, Arrivals, Event, Outcome, Outside, OutsideError, RunLimits, Vm, VmSettings,
};

/// The bytes of the full image, which every test thread opens for itself.
pub fn full_image() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let set = embedded_packages(|name| name == "Collections-Tests").expect("the kernel reads");
        let heap = Heap::new(HeapSettings::default()).expect("there is memory");
        let machine = |heap: Heap, names: Names| {
            let mut vm = Vm::new(heap, Box::new(Alone), VmSettings::default());
            vm.names = names;
            vm
        };
        let full = build(&set, heap, machine).unwrap_or_else(|error| panic!("{error}"));
        spur_bytes(&full.vm.heap).expect("it can be written")
    })
}

/// The master's side of a pull.
pub struct Master {
    pub image: PristineImage,
    pub index: ImageIndex,
}

impl Master {
    pub fn new() -> Master {
        let image = PristineImage::from_bytes(full_image()).expect("it opens");
        let index = ImageIndex::scan(image.heap());
        Master { image, index }
    }

    pub fn extractor(&self) -> Extractor<'_> {
        Extractor::new(self.image.heap(), &self.index)
    }

    pub fn vocabulary(&self) -> Vec<ClassIndices> {
        vocabulary(self.index.names())
    }

    pub fn compile(&self, source: &str) -> MethodDraft {
        compile_expression(self.index.names(), source).expect("it compiles")
    }

    pub fn behavior(&self, name: &str) -> Oop {
        let name = BehaviorName::parse(name);
        self.index
            .names()
            .behavior(self.image.heap(), &name)
            .expect("the class is there")
    }
}

/// What a slave asked for and got.
#[derive(Default)]
pub struct Traffic {
    pub misses: Vec<Miss>,
    pub drafts: usize,
    pub bytes: usize,
    /// How long each answer takes.
    pub delay: Duration,
}

/// A world in which everything comes from a master in the same process.
struct Line {
    master: Rc<Master>,
    session: PullSession,
    traffic: Rc<RefCell<Traffic>>,
}

impl Outside for Line {
    fn request(&mut self, misses: &[Miss]) -> Result<Answer, OutsideError> {
        let answer = self.master.extractor().answer(misses, &mut self.session);
        let answer = answer.map_err(|error| OutsideError::Refused(error.to_string()))?;
        let mut traffic = self.traffic.borrow_mut();
        std::thread::sleep(traffic.delay);
        traffic.misses.extend_from_slice(misses);
        traffic.drafts += answer.placed.len();
        let bytes = |placed: &Placed<Draft>| imprint_isa::draft_bytes::encode_placed(placed).len();
        traffic.bytes += answer.placed.iter().map(bytes).sum::<usize>();
        Ok(Answer::verified(answer)?)
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Vec<Event> {
        if let Some(deadline) = deadline {
            std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
        Vec::new()
    }

    fn poll(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn compile(&mut self, _: CompileRequest, _: &Names) -> Result<MethodDraft, String> {
        Err("no compiler".into())
    }

    fn method_source(&mut self, _: &BehaviorName, _: &str, _: u64) -> Option<String> {
        None
    }

    fn pruned(&mut self, _: &BehaviorName, _: &str) {}

    fn now_micros(&self) -> u64 {
        1 << 50
    }
}

/// A world with nobody in it.
pub struct Alone;

impl Outside for Alone {
    fn request(&mut self, _: &[Miss]) -> Result<Answer, OutsideError> {
        Err(OutsideError::NoMaster)
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Vec<Event> {
        if let Some(deadline) = deadline {
            std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
        Vec::new()
    }

    fn poll(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn compile(&mut self, _: CompileRequest, _: &Names) -> Result<MethodDraft, String> {
        Err("no compiler".into())
    }

    fn method_source(&mut self, _: &BehaviorName, _: &str, _: u64) -> Option<String> {
        None
    }

    fn pruned(&mut self, _: &BehaviorName, _: &str) {}

    fn now_micros(&self) -> u64 {
        1 << 50
    }
}

/// A slave that began with the empty seed.
pub struct Slave {
    pub vm: Vm,
    pub master: Rc<Master>,
    pub traffic: Rc<RefCell<Traffic>>,
    pub seed_bytes: usize,
    /// How long a run may take.
    pub limit: Option<Duration>,
}

impl Slave {
    pub fn new() -> Slave {
        let master = Rc::new(Master::new());
        let vocabulary = master.vocabulary();
        let (heap, names) = empty_seed(HeapSettings::default(), &vocabulary).expect("a seed");
        let seed_bytes = heap.usage().old_bytes;
        let traffic = Rc::new(RefCell::new(Traffic::default()));
        let session = PullSession::new(&vocabulary);
        let line = Line {
            master: master.clone(),
            session,
            traffic: traffic.clone(),
        };
        let mut vm = Vm::new(heap, Box::new(line), VmSettings::default());
        vm.names = names;
        vm.extensions.insert(Arrivals::new(&vocabulary));
        Slave {
            vm,
            master,
            traffic,
            seed_bytes,
            limit: None,
        }
    }

    /// Runs an expression that the master compiled.
    pub fn run(&mut self, source: &str) -> Outcome {
        let draft = self.master.compile(source);
        let method = match self.vm.make_expression(&draft) {
            Ok(method) => method,
            Err(outcome) => return outcome,
        };
        let nil = self.vm.heap.nil();
        let process = self.vm.spawn(method, nil, 40).expect("there is room");
        let limits = RunLimits {
            deadline: self.limit.map(|limit| Instant::now() + limit),
            ..RunLimits::default()
        };
        self.vm.run_until(process, limits)
    }

    /// The text of the string that an expression answers.
    pub fn evaluate(&mut self, source: &str) -> String {
        match self.run(source) {
            Outcome::Returned(value) => match value.as_small_integer() {
                Some(number) => number.to_string(),
                None => self
                    .vm
                    .heap
                    .string_text(value)
                    .unwrap_or_else(|| format!("{value:?}")),
            },
            other => format!("{other:?}"),
        }
    }
}
