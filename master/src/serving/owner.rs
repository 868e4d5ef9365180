//! The thread that owns the pristine image.

use std::collections::HashMap;

use imprint_bootstrap::{compile_expression, compile_for, source_line};
use imprint_daemon::Metrics;
use imprint_daemon::metrics::{Counter, Gauge};
use imprint_image::PristineImage;
use imprint_isa::BehaviorName;
use imprint_isa::draft_bytes::encode_placed;
use imprint_trace::Marks;
use imprint_vm::Answer;
use imprint_vm::extract::{ClassIndices, Extractor, ImageIndex, PullSession, vocabulary};
use imprint_vm::install::Names;
use imprint_wire::message::{
    ClassEntry, CodePosition, CompileRequest, Drafts, Event, Hello, MasterMessage, OfferedClass,
    Outcome, Plan, Seed, SlaveMessage, UNASKED, UNASKED_MAX, Welcome,
};
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::handshake::{Holdings, differences};
use crate::outside::SourceBook;

/// Questions that wait for the owner; whoever asks more waits.
const QUESTIONS_MAX: usize = 256;

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

/// Counts of what was served, as `/metrics` shows them.
struct Served {
    slaves: Gauge,
    answers: Counter,
    drafts: Counter,
    bytes: Counter,
}

impl Served {
    fn new(metrics: &Metrics) -> Served {
        Served {
            slaves: metrics.gauge("imprint_slaves", "Slaves that are connected"),
            answers: metrics.counter("imprint_answers_total", "Answers to misses"),
            drafts: metrics.counter("imprint_drafts_total", "Drafts in those answers"),
            bytes: metrics.counter("imprint_draft_bytes_total", "Bytes of those drafts"),
        }
    }
}

pub(super) enum Question {
    Said {
        slave: u64,
        message: Box<SlaveMessage>,
        reply: oneshot::Sender<Vec<MasterMessage>>,
    },
    Gone {
        slave: u64,
    },
}

/// The way to the owner; whoever holds one may ask.
#[derive(Clone)]
pub struct Owner {
    pub(super) questions: mpsc::Sender<Question>,
}

impl Owner {
    /// Starts the thread; it ends when the last [`Owner`] is gone.
    pub fn start(metrics: &Metrics, pristine: impl FnOnce() -> Pristine + Send + 'static) -> Owner {
        let (questions, receiver) = mpsc::channel(QUESTIONS_MAX);
        let served = Served::new(metrics);
        std::thread::spawn(move || own(&pristine(), receiver, &served));
        Owner { questions }
    }
}

fn own(pristine: &Pristine, mut questions: mpsc::Receiver<Question>, served: &Served) {
    let index = ImageIndex::new(pristine.image.heap(), Names::scan(pristine.image.heap()));
    let extractor = Extractor::new(pristine.image.heap(), &index);
    let vocabulary = vocabulary(index.names());
    let mut desk = Desk {
        pristine,
        extractor,
        vocabulary,
        sessions: HashMap::new(),
        holdings: None,
        served,
    };
    while let Some(question) = questions.blocking_recv() {
        match question {
            Question::Said {
                slave,
                message,
                reply,
            } => {
                let answer = desk.answer(slave, *message);
                // The slave may be gone by now: then nobody wants the answer.
                let _ = reply.send(answer);
            }
            Question::Gone { slave } => desk.forget(slave),
        }
    }
}

struct Desk<'a> {
    pristine: &'a Pristine,
    extractor: Extractor<'a>,
    vocabulary: Vec<ClassIndices>,
    sessions: HashMap<u64, PullSession>,
    /// What seeds are compared with; made when the first comes.
    holdings: Option<Holdings>,
    served: &'a Served,
}

impl Desk<'_> {
    fn answer(&mut self, slave: u64, message: SlaveMessage) -> Vec<MasterMessage> {
        match message {
            SlaveMessage::Hello(hello) => self.greet(slave, &hello),
            SlaveMessage::Misses { sequence, misses } => {
                vec![self.drafts(slave, sequence, &misses)]
            }
            SlaveMessage::Offer { sequence, classes } => {
                vec![self.agree(slave, sequence, &classes)]
            }
            SlaveMessage::KernelWanted { sequence } => vec![MasterMessage::Refused {
                sequence,
                reason: "this master gives away no kernel".to_string(),
            }],
            SlaveMessage::Compile { sequence, request } => {
                vec![MasterMessage::Compiled {
                    sequence,
                    result: self.compile(&request),
                }]
            }
            SlaveMessage::MethodSource {
                sequence,
                behavior,
                selector,
                position,
            } => {
                let (line, text) = self.source(&behavior, &selector, position);
                vec![MasterMessage::Text {
                    sequence,
                    text,
                    line,
                }]
            }
            SlaveMessage::Event(event) => {
                note(slave, &event);
                Vec::new()
            }
        }
    }

    fn greet(&mut self, slave: u64, hello: &Hello) -> Vec<MasterMessage> {
        if let Some(reason) = hello.mismatch() {
            return vec![MasterMessage::Refused {
                sequence: 0,
                reason,
            }];
        }
        info!(slave, version = hello.slave_version, "a slave connected");
        let prefetch_bytes = hello.prefetch_bytes.min(PREFETCH_BYTES_MAX);
        let mut session = PullSession::new(&self.vocabulary).with_prefetch(prefetch_bytes);
        // What a seed has is agreed on later, and need not be sent at all.
        let foretold = match (prefetch_bytes, &hello.seed) {
            (0, _) | (_, Seed::Kernel | Seed::Image(_)) => Vec::new(),
            (_, Seed::Empty) => {
                self.extractor
                    .foretell(self.pristine.foreseen.ids(), FORETOLD, &mut session)
            }
        };
        self.sessions.insert(slave, session);
        self.served.slaves.set(self.sessions.len() as u64);
        let entry = |(name, index, meta_index): &ClassIndices| ClassEntry {
            name: name.clone(),
            index: *index,
            meta_index: *meta_index,
        };
        let welcome = MasterMessage::Welcome(Welcome {
            image_fingerprint: self.pristine.image.fingerprint().0,
            protocol: imprint_wire::PROTOCOL,
            master_version: env!("CARGO_PKG_VERSION").to_string(),
            warnings: differences(hello),
            classes: self.vocabulary.iter().map(entry).collect(),
            plan: self.pristine.plan.clone(),
            kernel_fingerprint: None,
        });
        let mut messages = vec![welcome];
        for answer in foretold {
            self.count(&answer);
            messages.push(MasterMessage::Drafts(Drafts {
                sequence: UNASKED,
                bundle: answer.into(),
            }));
        }
        messages
    }

    fn agree(&mut self, slave: u64, sequence: u64, offered: &[OfferedClass]) -> MasterMessage {
        let Some(session) = self.sessions.get_mut(&slave) else {
            return greeting_first(sequence);
        };
        let holdings = (self.holdings).get_or_insert_with(|| Holdings::of(&self.extractor));
        MasterMessage::Agreement(holdings.agree(sequence, offered, session))
    }

    fn drafts(&mut self, slave: u64, sequence: u64, misses: &[imprint_isa::Miss]) -> MasterMessage {
        let Some(session) = self.sessions.get_mut(&slave) else {
            return greeting_first(sequence);
        };
        match self.extractor.answer(misses, session) {
            Ok(answer) => {
                self.count(&answer);
                MasterMessage::Drafts(Drafts {
                    sequence,
                    bundle: answer.into(),
                })
            }
            Err(error) => MasterMessage::Refused {
                sequence,
                reason: error.to_string(),
            },
        }
    }

    fn count(&self, answer: &Answer) {
        self.served.answers.add(1);
        self.served.drafts.add(answer.drafts.len() as u64);
        let bytes: usize = answer
            .drafts
            .iter()
            .map(|placed| encode_placed(placed).len())
            .sum();
        self.served.bytes.add(bytes as u64);
    }

    /// The source of a method, or with a position the line there and its number.
    fn source(
        &self,
        behavior: &BehaviorName,
        selector: &str,
        position: Option<CodePosition>,
    ) -> (u32, Option<String>) {
        let text = self.pristine.book.text(behavior, selector, || 0);
        let Some(position) = position else {
            return (0, text);
        };
        let names = self.extractor.index().names();
        let line = text
            .and_then(|text| source_line(names, behavior, &text, &position.path, position.offset));
        line.map_or((0, None), |(number, line)| (number, Some(line)))
    }

    fn compile(&self, request: &CompileRequest) -> Result<imprint_isa::MethodDraft, String> {
        let names = self.extractor.index().names();
        if request.is_expression {
            return compile_expression(names, &request.source);
        }
        compile_for(names, &request.behavior, &request.protocol, &request.source)
    }

    fn forget(&mut self, slave: u64) {
        if self.sessions.remove(&slave).is_some() {
            info!(slave, "a slave is gone");
        }
        self.served.slaves.set(self.sessions.len() as u64);
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
