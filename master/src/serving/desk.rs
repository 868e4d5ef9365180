//! What is served, and the one place where a slave's messages are answered.
//!
//! ```text
//!   Shelf ── image, index, texts, plan: shared, and never changed
//!     └── Desk, one for each slave ── what this slave was sent (PullSession)
//! ```
//!
//! A push puts another shelf beside it ([`super::shelves`]): a slave keeps the one that it began with.
//!
//! A pristine image is nobody's machine: it is only read, so each stream answers for itself, on whatever
//! thread it runs, and no slave waits for another.

use std::sync::{Arc, LazyLock, OnceLock};

use imprint_bootstrap::{compile_elsewhere, source_line};
use imprint_daemon::Metrics;
use imprint_daemon::metrics::{Counter, Gauge, Held};
use imprint_image::PristineImage;
use imprint_isa::BehaviorName;
use imprint_isa::draft_bytes::packed::Bundle;
use imprint_trace::Marks;
use imprint_vm::extract::{ClassIndices, Extractor, ImageIndex, PullSession, vocabulary};
use imprint_vm::install::Names;
use imprint_wire::message::{
    ClassEntry, CodePosition, Drafts, Event, Hello, MasterMessage, OfferedClass, Outcome, Plan,
    Seed, SlaveMessage, UNASKED, UNASKED_MAX, Welcome,
};
use tracing::{info, warn};

use super::handshake::{Holdings, differences};
use super::shelves::Shelves;
use super::slaves::{Seat, Slaves};
use crate::outside::SourceBook;

/// Beyond what was asked for no answer brings more, whatever the slave would take: it fits in a message.
const PREFETCH_BYTES_MAX: u64 = 1 << 20;

/// What traces foretell is sent in no more messages than a slave takes, of about so many bytes.
const FORETOLD: (usize, usize) = (UNASKED_MAX - 1, 256 << 10);

/// What is served.
pub struct Pristine {
    /// The image.
    pub image: PristineImage,
    /// The texts of its methods.
    pub book: SourceBook,
    /// What slaves are to run.
    pub plan: Plan,
    /// What they will miss, as far as traces say: they get it before they ask.
    pub foreseen: Marks,
}

/// Counts of what was served, as `/metrics` shows them; clones count the same.
#[derive(Clone)]
pub(super) struct Served {
    slaves: Gauge,
    answers: Counter,
    drafts: Counter,
    bytes: Counter,
}

impl Served {
    /// Rows of their own among all numbers.
    pub fn new(metrics: &Metrics) -> Served {
        Served {
            slaves: metrics.gauge("imprint_slaves", "Slaves that are connected"),
            answers: metrics.counter("imprint_answers_total", "Answers to misses"),
            drafts: metrics.counter("imprint_drafts_total", "Drafts in those answers"),
            bytes: metrics.counter(
                "imprint_draft_bytes_total",
                "Bytes of those drafts as they are sent",
            ),
        }
    }

    fn count(&self, answer: &Bundle) {
        self.answers.add(1);
        self.drafts.add(answer.placed.len() as u64);
    }
}

/// All that the desks of one master share.
pub(super) struct Shelf {
    pristine: Pristine,
    index: ImageIndex,
    vocabulary: Vec<ClassIndices>,
    /// What seeds are compared with; made when the first comes.
    holdings: OnceLock<Holdings>,
    served: Served,
}

/// A shelf that is filled on a thread of its own; who comes before that is done waits for it.
pub(super) type Filled = LazyLock<Shelf, Box<dyn FnOnce() -> Shelf + Send>>;

impl Shelf {
    /// Begins to fill one.
    pub fn fill(
        served: Served,
        pristine: impl FnOnce() -> Pristine + Send + 'static,
    ) -> Arc<Filled> {
        let shelf: Arc<Filled> =
            Arc::new(LazyLock::new(Box::new(|| Shelf::of(pristine(), served))));
        let filling = shelf.clone();
        std::thread::spawn(move || {
            LazyLock::force(&filling);
        });
        shelf
    }

    fn of(pristine: Pristine, served: Served) -> Shelf {
        let heap = pristine.image.heap();
        let index = ImageIndex::new(heap, Names::scan(heap));
        let vocabulary = vocabulary(index.names());
        Shelf {
            pristine,
            index,
            vocabulary,
            holdings: OnceLock::new(),
            served,
        }
    }

    /// Identity of the image.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.pristine.image.fingerprint().0
    }

    fn extractor(&self) -> Extractor<'_> {
        Extractor::new(self.pristine.image.heap(), &self.index)
    }
}

/// Where one slave is answered.
pub(super) struct Desk {
    shelves: Shelves,
    /// What this slave is served, from its hello on.
    shelf: Arc<Filled>,
    slave: u64,
    /// What it was sent, once it has said hello.
    session: Option<PullSession>,
    /// It counts as connected from then on, and has a seat in the table.
    connected: Option<(Held, Seat)>,
    slaves: Slaves,
}

impl Desk {
    /// A desk for the slave with this number.
    pub fn new(shelves: Shelves, slave: u64, slaves: Slaves) -> Desk {
        Desk {
            shelf: shelves.current(),
            shelves,
            slave,
            session: None,
            connected: None,
            slaves,
        }
    }

    /// What to say to a message, in this order.
    pub fn answer(&mut self, message: SlaveMessage) -> Vec<MasterMessage> {
        match message {
            SlaveMessage::Hello(hello) => self.greet(&hello),
            SlaveMessage::Misses { sequence, misses } => {
                vec![self.drafts(sequence, &misses)]
            }
            SlaveMessage::Offer { sequence, classes } => {
                vec![self.agree(sequence, &classes)]
            }
            SlaveMessage::KernelWanted { sequence } => vec![MasterMessage::Refused {
                sequence,
                reason: "this master gives away no kernel".to_string(),
            }],
            SlaveMessage::Compile { sequence, request } => {
                vec![MasterMessage::Compiled {
                    sequence,
                    result: compile_elsewhere(self.shelf.index.names(), &request),
                }]
            }
            SlaveMessage::MethodSource {
                sequence,
                behavior,
                selector,
                position,
            } => {
                let (line, text) = self.source(&behavior, &selector, position);
                let book = &self.shelf.pristine.book;
                vec![MasterMessage::Text {
                    sequence,
                    text,
                    line,
                    stamp: book.stamp(&behavior, &selector, 0),
                }]
            }
            SlaveMessage::Event(event) => {
                note(self.slave, &event);
                Vec::new()
            }
        }
    }

    /// Drafts went out, in so many bytes.
    pub fn note_sent(&self, bytes: usize) {
        self.shelf.served.bytes.add(bytes as u64);
        if let Some((_, seat)) = &self.connected {
            seat.note_bytes(bytes);
        }
    }

    fn count(&self, answer: &Bundle) {
        self.shelf.served.count(answer);
        if let Some((_, seat)) = &self.connected {
            seat.note_drafts(answer.placed.len());
        }
    }

    fn greet(&mut self, hello: &Hello) -> Vec<MasterMessage> {
        if let Some(reason) = hello.mismatch() {
            return vec![MasterMessage::Refused {
                sequence: 0,
                reason,
            }];
        }
        self.shelf = self.shelves.of_run(hello.image_fingerprint);
        let slave = self.slave;
        info!(slave, version = hello.slave_version, "a slave connected");
        let shelf = &**self.shelf;
        let prefetch_bytes = hello.prefetch_bytes.min(PREFETCH_BYTES_MAX);
        let mut session = PullSession::new(&shelf.vocabulary).with_prefetch(prefetch_bytes);
        // What a seed has is agreed on later, and need not be sent at all.
        let foretold = match (prefetch_bytes, &hello.seed) {
            (0, _) | (_, Seed::Kernel | Seed::Image(_)) => Vec::new(),
            (_, Seed::Empty) => {
                let foreseen = shelf.pristine.foreseen.ids();
                shelf.extractor().foretell(foreseen, FORETOLD, &mut session)
            }
        };
        self.connected
            .get_or_insert_with(|| (shelf.served.slaves.held(), self.slaves.enter(slave)));
        self.session = Some(session);
        let entry = |(name, index, meta_index): &ClassIndices| ClassEntry {
            name: name.clone(),
            index: *index,
            meta_index: *meta_index,
        };
        let welcome = MasterMessage::Welcome(Welcome {
            image_fingerprint: shelf.fingerprint(),
            protocol: imprint_wire::PROTOCOL,
            master_version: env!("CARGO_PKG_VERSION").to_string(),
            warnings: differences(hello),
            classes: shelf.vocabulary.iter().map(entry).collect(),
            plan: shelf.pristine.plan.clone(),
            kernel_fingerprint: None,
        });
        let mut messages = vec![welcome];
        for answer in foretold {
            self.count(&answer);
            messages.push(MasterMessage::Drafts(Drafts {
                sequence: UNASKED,
                bundle: answer,
            }));
        }
        messages
    }

    fn agree(&mut self, sequence: u64, offered: &[OfferedClass]) -> MasterMessage {
        let Some(session) = &mut self.session else {
            return greeting_first(sequence);
        };
        let holdings = self
            .shelf
            .holdings
            .get_or_init(|| Holdings::of(&self.shelf.extractor()));
        MasterMessage::Agreement(holdings.agree(sequence, offered, session))
    }

    fn drafts(&mut self, sequence: u64, misses: &[imprint_isa::Miss]) -> MasterMessage {
        let Some(session) = &mut self.session else {
            return greeting_first(sequence);
        };
        match self.shelf.extractor().answer(misses, session) {
            Ok(answer) => {
                self.count(&answer);
                MasterMessage::Drafts(Drafts {
                    sequence,
                    bundle: answer,
                })
            }
            Err(error) => MasterMessage::Refused {
                sequence,
                reason: error.to_string(),
            },
        }
    }

    /// The source of a method, or with a position the line there and its number.
    fn source(
        &self,
        behavior: &BehaviorName,
        selector: &str,
        position: Option<CodePosition>,
    ) -> (u32, Option<String>) {
        let text = self.shelf.pristine.book.text(behavior, selector, 0);
        let Some(position) = position else {
            return (0, text);
        };
        let names = self.shelf.index.names();
        let line = text
            .and_then(|text| source_line(names, behavior, &text, &position.path, position.offset));
        line.map_or((0, None), |(number, line)| (number, Some(line)))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if self.connected.is_some() {
            info!(slave = self.slave, "a slave is gone");
        }
    }
}

fn greeting_first(sequence: u64) -> MasterMessage {
    MasterMessage::Refused {
        sequence,
        reason: "say hello first".to_string(),
    }
}

fn note(slave: u64, event: &Event) {
    match event {
        Event::TestFinished(finished) if finished.outcome != Outcome::Passed => {
            warn!(
                slave,
                test = format!("{}>>{}", finished.test.class, finished.test.selector),
                text = finished.text
            );
        }
        other => info!(slave, "{other:?}"),
    }
}
