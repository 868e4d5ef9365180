//! The world of a machine that pulls: this host, and a master at the other end of a stream.
//!
//! A lost connection is not the end: the slave says so, tries again, greets again, and asks its
//! question once more; ids mean the same as long as the master serves the same image. It gives up
//! after the patience it was given.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use imprint_host::LocalOutside;
use imprint_image::Fingerprint;
use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::verifier::{Rejection, Verified};
use imprint_isa::{BehaviorName, CompileRequest, Draft, MethodDraft, Miss, Placed};
use imprint_vm::extract::ClassIndices;
use imprint_vm::install::Names;
use imprint_vm::{Activation, Answer, Event, Outside, OutsideError};
use imprint_wire::live::MethodName;
use imprint_wire::message::{CodePosition, Hello, UNASKED, UNASKED_MAX, Welcome};
use imprint_wire::{Connection, InvalidMessage, MasterMessage, SlaveMessage, WireError};

use crate::agreement::agree;
use crate::handshake::{Greeting, Terms};
use crate::live::{PushedText, Texts};
use crate::seed::{Seed, SeedChoice, Twin};
use crate::waiting::Waiting;

/// What was pulled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Bytes of the answers to misses, as they came over the socket.
    pub bytes: u64,
    /// Questions that were asked.
    pub round_trips: u64,
    /// Classes, class sides not counted.
    pub classes: u64,
    /// Methods.
    pub methods: u64,
    /// All other objects.
    pub objects: u64,
}

/// A master in this very process: what it says to a message.
pub type Near = Box<dyn FnMut(SlaveMessage) -> Vec<MasterMessage>>;

/// Where the master is.
enum End {
    /// Behind a stream, which may break; then it is waited for.
    Far {
        connection: Box<Connection>,
        /// Whether nothing came on it but the welcome.
        is_fresh: bool,
        greeting: Box<Greeting>,
    },
    /// Here.
    Near(Near),
}

/// A stream to a master, shared by the machine and who runs it.
pub struct Line {
    end: End,
    welcome: Welcome,
    sequence: u64,
    /// What the last answer cost on the wire.
    answer_bytes: u64,
    /// What came ahead of its time.
    waiting: Waiting,
    /// The seed, where it is the master's very image.
    twin: Option<Twin>,
    /// What came unasked and was not looked at, and its bytes on the wire.
    foretold: Vec<Bundle>,
    foretold_bytes: u64,
    /// When events were handed over last.
    told: Instant,
    /// What came over it.
    pub traffic: Traffic,
    /// What was used of the seed; round trips and bytes are those of the agreement on it.
    pub of_seed: Traffic,
    /// Of the seed, where there is one.
    pub seed_fingerprint: Option<Fingerprint>,
    /// What differs between slave and master and can work, a sentence each.
    pub warnings: Vec<String>,
    /// Methods that the image itself had compiled; expressions of the session are not among them.
    pub compiled_for_image: u64,
    /// Stop with a report when this many bytes were pulled.
    pub limit_bytes: Option<u64>,
    /// The texts of what was pushed here: the master knows only its own.
    pub pushed: Texts,
}

impl Line {
    /// Connects, greets, and agrees with the master on what the seed has.
    ///
    /// # Errors
    /// Where the seed cannot be opened, nobody answers within the patience, or the master refuses this
    /// slave.
    pub fn connect(terms: &Terms) -> Result<Line> {
        let seed = terms.seed.open()?;
        let greeting = Greeting::new(terms, seed.as_ref())?;
        let (connection, welcome) = greeting.say()?;
        let end = End::Far {
            connection: Box::new(connection),
            is_fresh: true,
            greeting: Box::new(greeting),
        };
        let mut line = Line::new(end, welcome);
        let seed = match terms.seed {
            SeedChoice::Kernel => Some(line.kernel()?),
            _ => seed,
        };
        if let Some(seed) = seed {
            line.begin_from(seed, &terms.seed.name())?;
        }
        for warning in &line.warnings {
            eprintln!("warning: {warning}");
        }
        Ok(line)
    }

    /// Greets a master in this process, and begins empty.
    ///
    /// # Errors
    /// Where the master refuses this slave.
    pub fn near(mut near: Near, prefetch_bytes: u64) -> Result<Line, WireError> {
        let hello = Hello {
            prefetch_bytes,
            ..Hello::empty(env!("CARGO_PKG_VERSION"))
        };
        match near(SlaveMessage::Hello(hello)).into_iter().next() {
            Some(MasterMessage::Welcome(welcome)) => Ok(Line::new(End::Near(near), welcome)),
            Some(MasterMessage::Refused { reason, .. }) => Err(WireError::Refused(reason)),
            _ => Err(WireError::Ended),
        }
    }

    fn new(end: End, welcome: Welcome) -> Line {
        Line {
            end,
            warnings: welcome.warnings.clone(),
            welcome,
            sequence: 0,
            answer_bytes: 0,
            waiting: Waiting::default(),
            twin: None,
            foretold: Vec::new(),
            foretold_bytes: 0,
            told: Instant::now(),
            traffic: Traffic::default(),
            of_seed: Traffic::default(),
            seed_fingerprint: None,
            compiled_for_image: 0,
            limit_bytes: None,
            pushed: Texts::default(),
        }
    }

    /// The classes that a machine must know the indices of before anything has come.
    pub fn vocabulary(&self) -> Vec<ClassIndices> {
        let entries = self.welcome.classes.iter();
        entries
            .map(|class| (class.name.clone(), class.index, class.meta_index))
            .collect()
    }

    /// The kernel that the master named in its welcome.
    fn kernel(&mut self) -> Result<Seed> {
        let named = self.welcome.kernel_fingerprint;
        let named = named.context("the master names no kernel to start from")?;
        crate::seed::kernel(Fingerprint(named), || {
            let answer = self.ask(|sequence| SlaveMessage::KernelWanted { sequence })?;
            match answer {
                MasterMessage::KernelImage { image, .. } => Ok(image.to_vec()),
                _ => Err(unexpected().into()),
            }
        })
    }

    fn begin_from(&mut self, seed: Seed, name: &str) -> Result<()> {
        self.seed_fingerprint = Some(seed.fingerprint);
        if seed.pristine.0 == self.welcome.image_fingerprint {
            self.twin = Some(Twin::new(seed, &self.vocabulary()));
            return Ok(());
        }
        let agreed = agree(seed.code(), |classes| {
            let answer = self.ask(|sequence| SlaveMessage::Offer {
                sequence,
                classes: classes.to_vec(),
            })?;
            self.of_seed.round_trips += 1;
            self.of_seed.bytes += self.answer_bytes;
            match answer {
                MasterMessage::Agreement(agreement) => Ok(agreement),
                _ => Err(unexpected().into()),
            }
        })?;
        self.warnings.extend(agreed.warnings(name));
        if let End::Far { greeting, .. } = &mut self.end {
            greeting.offers = agreed.offers;
        }
        self.waiting.keep_seed(agreed.drafts, agreed.classes)?;
        Ok(())
    }

    /// Keeps drafts that came to an earlier run of the same master's image, until one is missed.
    ///
    /// # Errors
    /// Where a draft breaks a rule.
    pub fn keep(
        &mut self,
        drafts: Vec<Placed<Draft>>,
        classes: Vec<ClassIndices>,
    ) -> Result<(), Rejection> {
        self.waiting.keep_seed(drafts, classes)
    }

    /// How many drafts came and were not touched so far.
    pub fn untouched(&self) -> u64 {
        self.waiting.count() as u64
    }

    /// What the master said at first.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Sends something that nobody answers. Where several happen one soon after the other they go together,
    /// with the next question, or once they are handed over: each by itself would wake the master in the
    /// middle of what happens next.
    pub fn tell(&mut self, event: imprint_wire::message::Event) {
        let message = SlaveMessage::Event(event);
        match &mut self.end {
            // A lost event is no harm: what it says stands in the slave's own report too.
            End::Far { connection, .. } => _ = connection.send(message),
            End::Near(near) => drop(near(message)),
        }
        if self.told.elapsed() >= EVENTS_WAIT {
            self.hand_over();
        }
    }

    /// Lets nothing wait that was told.
    pub fn hand_over(&mut self) {
        if let End::Far { connection, .. } = &mut self.end {
            connection.flush();
        }
        self.told = Instant::now();
    }

    /// Asks, and asks again over a new stream where the old one broke.
    fn ask(
        &mut self,
        question: impl Fn(u64) -> SlaveMessage,
    ) -> Result<MasterMessage, OutsideError> {
        for _ in 0..ATTEMPTS_MAX {
            self.sequence += 1;
            let answer = self.ask_once(question(self.sequence));
            self.keep_foretold()?;
            match answer {
                Ok(MasterMessage::Refused { reason, .. }) => {
                    return Err(OutsideError::Refused(reason));
                }
                Ok(answer) if answer.sequence() == Some(self.sequence) => return Ok(answer),
                Ok(_) => return Err(unexpected()),
                // The way lost something, or brought it twice: a new stream begins anew.
                Err(error @ WireError::Invalid(InvalidMessage::Order { .. })) => {
                    self.reconnect(&error)?;
                }
                // Who sends what cannot be read will send it again.
                Err(WireError::Invalid(error)) => {
                    return Err(OutsideError::Unsound(error.to_string()));
                }
                Err(error) => self.reconnect(&error)?,
            }
        }
        Err(OutsideError::Lost(format!(
            "the stream broke at each of {ATTEMPTS_MAX} attempts to get one answer"
        )))
    }

    fn ask_once(&mut self, question: SlaveMessage) -> Result<MasterMessage, WireError> {
        let (connection, is_fresh, silence) = match &mut self.end {
            End::Far {
                connection,
                is_fresh,
                greeting,
            } => (connection, is_fresh, greeting.silence),
            End::Near(near) => {
                return near(question).into_iter().next().ok_or(WireError::Ended);
            }
        };
        connection.send(question)?;
        let mut counted = connection.bytes_received();
        let mut late = 0;
        loop {
            let message = connection.receive_within(silence)?;
            let received = connection.bytes_received();
            match message {
                MasterMessage::Drafts(drafts)
                    if drafts.sequence == UNASKED && self.foretold.len() < UNASKED_MAX =>
                {
                    // What follows the welcome may have come with it: then both are counted.
                    let begin = if *is_fresh { 0 } else { counted };
                    *is_fresh = false;
                    self.foretold.push(drafts.bundle);
                    self.foretold_bytes += received - begin;
                    counted = received;
                }
                message if late < LATE_ANSWERS_MAX && is_late(&message, self.sequence) => late += 1,
                message => {
                    *is_fresh = false;
                    self.answer_bytes = received - counted;
                    return Ok(message);
                }
            }
        }
    }

    /// Puts aside what came unasked.
    fn keep_foretold(&mut self) -> Result<(), OutsideError> {
        self.traffic.bytes += std::mem::take(&mut self.foretold_bytes);
        for bundle in std::mem::take(&mut self.foretold) {
            self.waiting.keep_foretold(bundle)?;
        }
        Ok(())
    }

    fn reconnect(&mut self, error: &WireError) -> Result<(), OutsideError> {
        let lost = |error: WireError| OutsideError::Lost(error.to_string());
        let End::Far {
            connection: broken,
            is_fresh,
            greeting,
        } = &mut self.end
        else {
            return Err(OutsideError::Lost(error.to_string()));
        };
        eprintln!(
            "slave: lost the master at {} ({error}); waiting for it",
            greeting.url
        );
        greeting.go_on_with(self.welcome.image_fingerprint);
        let (connection, welcome) = greeting.say().map_err(lost)?;
        if welcome.image_fingerprint != self.welcome.image_fingerprint {
            return Err(OutsideError::Lost(
                "the master came back with another image".to_string(),
            ));
        }
        eprintln!("slave: the master is back");
        **broken = connection;
        *is_fresh = true;
        Ok(())
    }

    fn count(&mut self, answer: &Answer) {
        for placed in answer.drafts.iter().map(Verified::placed) {
            let traffic = match self.waiting.is_of_seed(placed) {
                true => &mut self.of_seed,
                false => &mut self.traffic,
            };
            match &placed.draft {
                Draft::Class(_) => traffic.classes += 1,
                Draft::Method(_) => traffic.methods += 1,
                Draft::Object(_) => traffic.objects += 1,
                Draft::Meta(_) => {}
            }
        }
    }

    /// Gets what is missing: from what came ahead of its time or of the seed, else from the master.
    ///
    /// # Errors
    /// Where the master is gone or refuses, or the limit of pulled bytes is reached.
    pub fn pull(&mut self, misses: &[Miss]) -> Result<Answer, OutsideError> {
        let mut answer = Answer::default();
        let mut open = Vec::new();
        for miss in misses {
            if !self.waiting.satisfy(miss, &mut answer) {
                open.push(miss.clone());
            }
        }
        if !open.is_empty() {
            let more = match self.twin.as_mut() {
                Some(twin) => {
                    let found = twin.answer(&open);
                    let found = found.map_err(|error| OutsideError::Refused(error.to_string()))?;
                    self.waiting.keep_of_twin(found)?
                }
                None => {
                    let more = self.pull_over_wire(open)?;
                    answer.bytes = self.answer_bytes;
                    more
                }
            };
            answer.class_indices.extend(more.class_indices);
            answer.drafts.extend(more.drafts);
            answer.aliases.extend(more.aliases);
        }
        self.count(&answer);
        Ok(answer)
    }

    fn pull_over_wire(&mut self, misses: Vec<Miss>) -> Result<Answer, OutsideError> {
        if let Some(limit) = self.limit_bytes.filter(|limit| self.traffic.bytes > *limit) {
            return Err(OutsideError::LimitReached { limit_bytes: limit });
        }
        let answer = self.ask(|sequence| SlaveMessage::Misses {
            sequence,
            misses: misses.clone(),
        })?;
        let MasterMessage::Drafts(drafts) = answer else {
            return Err(unexpected());
        };
        self.traffic.round_trips += 1;
        self.traffic.bytes += self.answer_bytes;
        Ok(self.waiting.keep(drafts.bundle)?)
    }

    /// Has a method or expression compiled.
    ///
    /// # Errors
    /// The diagnostics as text.
    pub fn compile(&mut self, request: &CompileRequest) -> Result<MethodDraft, String> {
        let question = |sequence| SlaveMessage::Compile {
            sequence,
            request: request.clone(),
        };
        match self.ask(question).map_err(|error| error.to_string())? {
            MasterMessage::Compiled { result, .. } => result,
            _ => Err(unexpected().to_string()),
        }
    }

    /// The text of a method that was pushed.
    fn pushed_text(&self, behavior: &BehaviorName, selector: &str) -> Option<PushedText> {
        let name = MethodName {
            behavior: behavior.clone(),
            selector: selector.into(),
        };
        self.pushed.borrow().get(&name).cloned()
    }

    fn method_source(&mut self, behavior: &BehaviorName, selector: &str) -> Option<String> {
        match self.pushed_text(behavior, selector) {
            Some(pushed) => Some(pushed.source),
            None => self.ask_text(behavior, selector)?.0,
        }
    }

    fn method_stamp(&mut self, behavior: &BehaviorName, selector: &str) -> Option<String> {
        match self.pushed_text(behavior, selector) {
            Some(pushed) => Some(pushed.stamp).filter(|stamp| !stamp.is_empty()),
            None => self.ask_text(behavior, selector)?.1,
        }
    }

    /// The text of a method of the master's, and its stamp.
    fn ask_text(
        &mut self,
        behavior: &BehaviorName,
        selector: &str,
    ) -> Option<(Option<String>, Option<String>)> {
        let question = |sequence| SlaveMessage::MethodSource {
            sequence,
            behavior: behavior.clone(),
            selector: selector.into(),
            position: None,
        };
        match self.ask(question).ok()? {
            MasterMessage::Text { text, stamp, .. } => Some((text, stamp)),
            _ => None,
        }
    }

    /// The line of the source that an activation is at, counted from 1 in its method, and its text; nothing of
    /// a method that was pushed, which takes a compiler to find.
    pub fn source_line(&mut self, activation: &Activation) -> Option<(u32, String)> {
        let pushed = self.pushed_text(&activation.behavior, &activation.selector);
        if pushed.is_some() {
            return None;
        }
        let question = |sequence| SlaveMessage::MethodSource {
            sequence,
            behavior: activation.behavior.clone(),
            selector: activation.selector.clone(),
            position: Some(CodePosition {
                path: activation.path.clone(),
                offset: activation.offset,
            }),
        };
        match self.ask(question).ok()? {
            MasterMessage::Text { text, line, .. } => text.map(|text| (line, text)),
            _ => None,
        }
    }
}

/// Whether a message answers a question that was given up, or was answered.
fn is_late(message: &MasterMessage, asked: u64) -> bool {
    let sequence = message.sequence();
    sequence.is_some_and(|sequence| (1..asked).contains(&sequence))
}

fn unexpected() -> OutsideError {
    OutsideError::Unsound("it is something else than what was asked".to_string())
}

/// A question is asked this often at most: a master may break each stream on which it is asked.
const ATTEMPTS_MAX: usize = 8;

/// An event that comes so long after those before it waits for no other.
const EVENTS_WAIT: Duration = Duration::from_millis(100);

/// Late answers that are passed over before the right one must come.
const LATE_ANSWERS_MAX: usize = 64;

/// This host, with a master behind it.
pub struct RemoteOutside {
    local: LocalOutside,
    line: Rc<RefCell<Line>>,
}

impl RemoteOutside {
    /// The host and the line to the master.
    pub fn new(local: LocalOutside, line: Rc<RefCell<Line>>) -> RemoteOutside {
        RemoteOutside { local, line }
    }
}

impl Outside for RemoteOutside {
    fn request(&mut self, misses: &[Miss]) -> Result<Answer, OutsideError> {
        self.line.borrow_mut().pull(misses)
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Vec<Event> {
        self.local.wait(deadline)
    }

    fn poll(&mut self) -> Vec<Event> {
        self.local.poll()
    }

    fn compile(&mut self, request: CompileRequest, _: &Names) -> Result<MethodDraft, String> {
        let mut line = self.line.borrow_mut();
        line.compiled_for_image += 1;
        line.compile(&request)
    }

    fn method_source(&mut self, behavior: &BehaviorName, selector: &str, _: u64) -> Option<String> {
        self.line.borrow_mut().method_source(behavior, selector)
    }

    fn method_stamp(&mut self, behavior: &BehaviorName, selector: &str, _: u64) -> Option<String> {
        self.line.borrow_mut().method_stamp(behavior, selector)
    }

    fn pruned(&mut self, class: &BehaviorName, selector: &str) {
        self.local.pruned(class, selector);
    }

    fn pruned_object(&mut self, name: Option<&str>) {
        self.local.pruned_object(name);
    }

    fn pruned_unhandled(&mut self) {
        self.local.pruned_unhandled();
    }

    fn warn(&mut self, sentence: &str) {
        self.local.warn(sentence);
    }

    fn now_micros(&self) -> u64 {
        self.local.now_micros()
    }
}
