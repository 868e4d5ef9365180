//! What is said on a pull stream, as plain values.
//!
//! A question carries a sequence number that its asker chose, above 0; the answer carries the same.

use bytes::Bytes;
use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::{BehaviorName, CompileRequest, MethodDraft, Miss, Name};

use crate::Fingerprint;

/// From a slave to its master.
#[derive(Clone, PartialEq, Debug)]
pub enum SlaveMessage {
    /// The first message of a stream.
    Hello(Hello),
    /// What is missing.
    Misses {
        /// Number of the question.
        sequence: u64,
        /// What is missing.
        misses: Vec<Miss>,
    },
    /// Something to compile.
    Compile {
        /// Number of the question.
        sequence: u64,
        /// What.
        request: CompileRequest,
    },
    /// Whose source text is wanted.
    MethodSource {
        /// Number of the question.
        sequence: u64,
        /// The behaviour.
        behavior: BehaviorName,
        /// The selector.
        selector: Name,
        /// Where in its code, if only the line that it stands in is wanted.
        position: Option<CodePosition>,
    },
    /// Something happened; nobody answers.
    Event(Event),
    /// The code that the slave has of its seed.
    Offer {
        /// Number of the question.
        sequence: u64,
        /// Class by class.
        classes: Vec<OfferedClass>,
    },
    /// Wants the image of the master's kernel.
    KernelWanted {
        /// Number of the question.
        sequence: u64,
    },
}

/// A byte of an instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodePosition {
    /// The literals, 0-based, that lead from the method to a block; empty for the method itself.
    pub path: Vec<u16>,
    /// Offset among the bytecodes of that code.
    pub offset: u32,
}

/// Who a slave is and what it has.
#[derive(Clone, PartialEq, Debug)]
pub struct Hello {
    /// The [`crate::PROTOCOL`] it speaks.
    pub protocol: u32,
    /// Bytes of a word.
    pub word_bytes: u32,
    /// The bytecode set it runs.
    pub bytecode_set: String,
    /// The version of the program.
    pub slave_version: String,
    /// What it starts from.
    pub seed: Seed,
    /// E.g. `en_GB`.
    pub locale: String,
    /// E.g. `Europe/Berlin`.
    pub time_zone: String,
    /// Bytes of drafts, in their canonical form, that an answer may bring beyond what was asked for.
    pub prefetch_bytes: u64,
    /// The full image of the run that goes on over this stream; nothing where a run begins.
    pub image_fingerprint: Option<[u8; 32]>,
}

impl Hello {
    /// A slave of this program with an empty seed.
    pub fn empty(slave_version: &str) -> Hello {
        Hello {
            protocol: crate::PROTOCOL,
            word_bytes: crate::WORD_BYTES,
            bytecode_set: crate::BYTECODE_SET.to_string(),
            slave_version: slave_version.to_string(),
            seed: Seed::Empty,
            locale: String::new(),
            time_zone: String::new(),
            prefetch_bytes: 0,
            image_fingerprint: None,
        }
    }

    /// Why this master cannot serve this slave, where it cannot.
    pub fn mismatch(&self) -> Option<String> {
        if self.protocol != crate::PROTOCOL {
            let (theirs, ours) = (self.protocol, crate::PROTOCOL);
            return Some(format!(
                "the slave speaks protocol {theirs}, this master {ours}: use the same version of both"
            ));
        }
        if self.word_bytes != crate::WORD_BYTES || self.bytecode_set != crate::BYTECODE_SET {
            return Some(format!(
                "the slave runs {} with words of {} bytes, this master serves {} with {}",
                self.bytecode_set,
                self.word_bytes,
                crate::BYTECODE_SET,
                crate::WORD_BYTES
            ));
        }
        None
    }
}

/// What a slave starts from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seed {
    /// Nothing.
    Empty,
    /// The kernel of the master, which names it in its welcome.
    Kernel,
    /// An image file, with its fingerprint.
    Image(Fingerprint),
}

/// A class of a seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfferedClass {
    /// Its name.
    pub name: Name,
    /// The hash of the shapes of class and class side.
    pub shape: u64,
    /// Over the identities of all its parts.
    pub digest: u64,
    /// The short identity of each part's outline; empty where only the digests are compared.
    pub identities: Vec<u64>,
}

/// Something that happened on a slave.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A test began.
    TestStarted(TestName),
    /// A test ended.
    TestFinished(TestFinished),
    /// What ran.
    Marks(Marks),
    /// A line of the log.
    LogLine(Level, String),
    /// Something pruned was reached.
    Pruned(BehaviorName, Name),
}

/// One test.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TestName {
    /// Its class.
    pub class: Name,
    /// Its selector.
    pub selector: Name,
}

/// How a test ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestFinished {
    /// Which.
    pub test: TestName,
    /// How.
    pub outcome: Outcome,
    /// What went wrong, with the stack; empty where nothing did.
    pub text: String,
    /// Microseconds it took.
    pub micros: u64,
}

/// How a test can end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// An assertion did not hold.
    Failed,
    /// An error nobody handled.
    Errored,
    /// It reached something pruned.
    Pruned,
    /// It took too long.
    TimedOut,
    /// It said that it does not apply.
    Skipped,
    /// It needs a compiler where there is none.
    NeedsCompiler,
}

/// What ran since the last marks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    /// What ran it: a test, or the name of a phase.
    pub epoch: String,
    /// Ids of the pristine image.
    pub ids: Vec<u64>,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Something went wrong.
    Error,
    /// Something may be wrong.
    Warning,
    /// Good to know.
    Information,
}

/// From a master to a slave.
#[derive(Clone, PartialEq, Debug)]
pub enum MasterMessage {
    /// The answer to [`Hello`].
    Welcome(Welcome),
    /// The answer to misses.
    Drafts(Drafts),
    /// The answer to a compile request: the method, or diagnostics.
    Compiled {
        /// Number of the question.
        sequence: u64,
        /// The method, or the diagnostics as text.
        result: Result<MethodDraft, String>,
    },
    /// The answer to a question for source text.
    Text {
        /// Number of the question.
        sequence: u64,
        /// The text, where there is one.
        text: Option<String>,
        /// Which line of the method it is, from 1; 0 where it is all of it.
        line: u32,
        /// Who wrote the method, and when, where that is known.
        stamp: Option<String>,
    },
    /// The answer to an offer.
    Agreement(Agreement),
    /// The image of the master's kernel, in the compact form.
    KernelImage {
        /// Number of the question.
        sequence: u64,
        /// The bytes of the file.
        image: Bytes,
    },
    /// No. Sequence 0 refuses the slave as a whole and ends the stream.
    Refused {
        /// Number of the question, or 0.
        sequence: u64,
        /// Why, as a sentence.
        reason: String,
    },
}

impl MasterMessage {
    /// Number of the question that it answers; 0 where it refuses the slave as a whole, nothing
    /// where it answers a greeting.
    pub fn sequence(&self) -> Option<u64> {
        match self {
            MasterMessage::Welcome(_) => None,
            MasterMessage::Drafts(drafts) => Some(drafts.sequence),
            MasterMessage::Compiled { sequence, .. }
            | MasterMessage::Text { sequence, .. }
            | MasterMessage::KernelImage { sequence, .. }
            | MasterMessage::Refused { sequence, .. } => Some(*sequence),
            MasterMessage::Agreement(agreement) => Some(agreement.sequence),
        }
    }
}

/// The sequence of drafts that nobody asked for: they follow the welcome.
pub const UNASKED: u64 = 0;
/// So many messages may come unasked behind a welcome.
pub const UNASKED_MAX: usize = 256;

/// What a slave needs to know before it runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Welcome {
    /// Of the pristine image that ids mean.
    pub image_fingerprint: Fingerprint,
    /// The protocol of the master.
    pub protocol: u32,
    /// The version of the program.
    pub master_version: String,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
    /// Where the classes stand whose instances a machine makes by itself.
    pub classes: Vec<ClassEntry>,
    /// What to run.
    pub plan: Plan,
    /// Of the image of the master's kernel, where the slave wants to start from that.
    pub kernel_fingerprint: Option<Fingerprint>,
}

/// What of an offer the master has just so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Agreement {
    /// Number of the question.
    pub sequence: u64,
    /// Class by class, in the order of the offer.
    pub classes: Vec<AgreedClass>,
    /// The master's numbers of all parts that are agreed on, in the order of the offer; see
    /// [`imprint_isa::draft_bytes::numbers`].
    pub numbers: Vec<u8>,
}

/// What the master has of a class that was offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AgreedClass {
    /// The same: all parts are agreed on.
    Same,
    /// A class of the same name.
    Other {
        /// The indices of class and metaclass in the master's class table.
        indices: (u32, u32),
        /// Whether its instances, or the class itself, have other variables.
        has_other_shape: bool,
        /// The places of the identities that are agreed on, rising.
        parts: Vec<u32>,
    },
    /// None of the name.
    Absent,
}

/// A class and where it and its metaclass stand in the master's class table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassEntry {
    /// The class.
    pub name: Name,
    /// Its index.
    pub index: u32,
    /// The index of its metaclass.
    pub meta_index: u32,
}

/// What a slave shall run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Tests in their order.
    pub tests: Vec<TestName>,
    /// The entry expression; empty for none.
    pub entry: String,
    /// Options by name.
    pub options: Vec<(String, String)>,
}

/// What an answer to misses brings.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Drafts {
    /// Number of the question, or [`UNASKED`].
    pub sequence: u64,
    /// What comes.
    pub bundle: Bundle,
}
