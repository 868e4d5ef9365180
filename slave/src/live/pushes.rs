//! Pushes into one machine, on its own thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use imprint_isa::Draft;
use imprint_isa::draft_bytes::encode;
use imprint_model::layout::behavior;
use imprint_vm::install::{MethodDictionary, source_pointer_in};
use imprint_vm::revise::{NewMethod, Revised, Revision, RevisionError, name_of_miss};
use imprint_vm::{Arrivals, Vm};
use imprint_wire::Fingerprint;
use imprint_wire::live::{
    Chore, MethodName, Push, PushReport, Pushed, PushedMethod, Reshaped, RolledBack, Shown,
};
use imprint_wire::log::{LogWriter, PushRecord, Record, SessionStart};

use super::history::{HISTORY_MAX, History, Version};

/// Keeps the text of a method that is pushed; answers where it stands, as a method's trailer says it.
pub type TextKeeper = Box<dyn FnMut(&PushedMethod) -> u64>;

/// The texts of the methods that pushes made; clones know the same.
pub type Texts = Rc<RefCell<HashMap<MethodName, PushedText>>>;

/// The text of a method that a push made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushedText {
    /// The text.
    pub source: String,
    /// Who wrote it, and when; empty where nobody says it.
    pub stamp: String,
}

impl From<&Version> for PushedText {
    fn from(version: &Version) -> PushedText {
        PushedText {
            source: version.source.clone(),
            stamp: version.stamp.clone(),
        }
    }
}

/// The phase of a run in which things come for a push.
const PHASE: &str = "push";
/// So many pushes stand for the runs to come at most: each of these begins with all of them.
const STANDING_MAX: usize = 1000;

/// An extension of a machine: what was put over its code first since it was made, in a user's words.
pub struct PushedInto(pub String);

/// Makes something lasting of what is pushed into a machine that nobody runs.
pub trait Keeper {
    /// Keeps the machine's image as the push of a number left it.
    ///
    /// # Errors
    /// Why that is not possible; the push is taken back then.
    fn keep(&mut self, vm: &mut Vm, number: u32) -> Result<(), String>;

    /// Goes back to what was kept of a push, 0 for before the first; the machine is of no more use.
    ///
    /// # Errors
    /// Where nothing was kept of it.
    fn go_back(&mut self, number: u32) -> Result<(), String>;
}

/// What was pushed into a machine, and how.
pub struct Pushes {
    pub(super) history: History,
    pub(super) keep_text: TextKeeper,
    log: Option<LogWriter>,
    texts: Texts,
    /// What is put into the machines to come, where there are any.
    standing: Option<Vec<Standing>>,
    pub(super) keeper: Option<Box<dyn Keeper>>,
}

/// A push that stands for runs to come.
#[derive(Clone)]
pub(super) struct Standing {
    pub number: u32,
    pub when_micros: u64,
    pub push: Push,
}

impl Pushes {
    /// Nothing was pushed yet; texts go to `keep_text`.
    pub fn new(keep_text: TextKeeper) -> Pushes {
        Pushes {
            history: History::default(),
            keep_text,
            log: None,
            texts: Texts::default(),
            standing: None,
            keeper: None,
        }
    }

    /// The same, for a machine that nobody runs: what is pushed is kept, and no undo is.
    #[must_use]
    pub fn kept_by(self, keeper: Box<dyn Keeper>) -> Pushes {
        let keeper = Some(keeper);
        Pushes { keeper, ..self }.for_many()
    }

    /// The same, for one machine after the other: see [`Pushes::renew`].
    #[must_use]
    pub fn for_many(self) -> Pushes {
        Pushes {
            standing: Some(Vec::new()),
            ..self
        }
    }

    /// The texts of what is in force.
    pub fn texts(&self) -> Texts {
        self.texts.clone()
    }

    /// Writes down each push in a log.
    #[must_use]
    pub fn logged_in(self, log: LogWriter) -> Pushes {
        let log = Some(log);
        Pushes { log, ..self }
    }

    /// The number of the push that is in force; 0 for none.
    pub fn number(&self) -> u32 {
        self.history.number()
    }

    /// Puts code over what the machine runs.
    ///
    /// # Errors
    /// Why it is refused; nothing was changed.
    pub fn push(&mut self, vm: &mut Vm, mut push: Push) -> Result<PushReport, String> {
        let begin = Instant::now();
        let history = &self.history;
        history.strip(&mut push, |name, it| is_intact(history, vm, name, it));
        if push.classes.is_empty() && push.methods.is_empty() && push.removed.is_empty() {
            return Ok(PushReport::Pushed(Pushed::default()));
        }
        let conflicts = history.conflicts(&push, |name, it| is_intact(history, vm, name, it));
        if !conflicts.is_empty() && !push.is_forced {
            return Ok(PushReport::Conflicts(conflicts));
        }
        let standing = self.standing.as_ref();
        if standing.is_some_and(|standing| standing.len() >= STANDING_MAX) {
            return Err(format!(
                "{STANDING_MAX} pushes stand already; take some back with   slave ctl URL rollback"
            ));
        }
        let made = Standing {
            number: self.history.next_number(),
            when_micros: now_micros(),
            push,
        };
        let (revised, mut warnings) = match self.put(vm, &made) {
            Ok(done) => done,
            Err(RevisionError::Missing(misses)) => {
                return Ok(PushReport::Missing(
                    misses.iter().map(name_of_miss).collect(),
                ));
            }
            Err(error) => return Err(error.to_string()),
        };
        self.keep(vm, made.number)?;
        let losses: Vec<String> = revised.losses.iter().map(ToString::to_string).collect();
        warnings.extend(self.write_down(made.number, &made.push, &losses));
        let number = made.number;
        self.stand(made);
        Ok(PushReport::Pushed(report(
            number,
            revised,
            warnings,
            begin.elapsed().as_micros() as u64,
        )))
    }

    /// Puts a push into a machine; answers also what went wrong of what the image itself does about it.
    fn put(
        &mut self,
        vm: &mut Vm,
        made: &Standing,
    ) -> Result<(Revised, Vec<String>), RevisionError> {
        let push = &made.push;
        let revision = self.revision(push);
        let phase = begin_phase(vm);
        let revised = vm.revise_code(&revision, push.is_forced);
        let done = revised.and_then(|revised| settle(vm, push, revised));
        end_phase(vm, phase);
        let done = done?;
        vm.keep_undos(HISTORY_MAX);
        self.enter(vm, made);
        Ok(done)
    }

    /// Notes a push that the machine has.
    pub(super) fn enter(&mut self, vm: &mut Vm, made: &Standing) {
        self.history.note(&made.push, made.number, made.when_micros);
        self.renew_texts();
        if vm.extensions.get::<PushedInto>().is_none() {
            let name = format!("push #{} ({})", made.number, made.push.title);
            vm.extensions.insert(PushedInto(name));
        }
    }

    /// A push stands for the machines to come, where there are any.
    pub(super) fn stand(&mut self, made: Standing) {
        if let Some(standing) = &mut self.standing {
            standing.push(made);
        }
    }

    /// Whether each run gets all that was pushed anew.
    pub(super) fn is_for_runs(&self) -> bool {
        self.standing.is_some() && self.keeper.is_none()
    }

    /// Has the machine kept, where somebody does that; what cannot be kept is taken back.
    pub(super) fn keep(&mut self, vm: &mut Vm, number: u32) -> Result<(), String> {
        let Some(keeper) = &mut self.keeper else {
            return Ok(());
        };
        let kept = keeper.keep(vm, number);
        if kept.is_err() {
            self.take_back(vm, &mut RolledBack::default())?;
        }
        vm.keep_undos(0);
        kept
    }

    pub(super) fn renew_texts(&self) {
        let texts = self.history.standing();
        let texts = texts.map(|(name, version)| (name.clone(), PushedText::from(version)));
        *self.texts.borrow_mut() = texts.collect();
    }

    /// Puts all that stands into another machine, which nobody has pushed into.
    ///
    /// # Errors
    /// What does not fit there.
    pub fn renew(&mut self, vm: &mut Vm) -> Result<(), String> {
        self.history.begin_anew();
        for mut made in self.standing.clone().unwrap_or_default() {
            // Whatever it cost was agreed to when it came.
            made.push.is_forced = true;
            let (_, warnings) = self.put(vm, &made).map_err(|error| {
                let title = &made.push.title;
                format!("push #{} ({title}) does not fit: {error}", made.number)
            })?;
            for warning in warnings {
                tracing::warn!("{warning}");
            }
        }
        Ok(())
    }

    /// Goes back to the push of a number for the machines to come, where there is none now.
    ///
    /// # Errors
    /// Where there is no such push.
    pub fn forget(&mut self, number: u32) -> Result<RolledBack, String> {
        let standing = self.standing.as_mut().filter(|it| !it.is_empty());
        let standing = standing.ok_or("nothing was pushed yet")?;
        if number != 0 && !standing.iter().any(|it| it.number == number) {
            return Err(format!("there is no push #{number} in force"));
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.go_back(number)?;
        }
        let gone = standing.iter().filter(|it| it.number > number);
        let back = RolledBack {
            number,
            methods: gone.map(|it| it.push.methods.len() as u32).sum(),
            ..RolledBack::default()
        };
        while self.history.number() > number {
            self.history.forget_last();
        }
        self.end_rollback(number);
        Ok(back)
    }

    /// Notes that what came after a push is not in force any more.
    fn end_rollback(&mut self, number: u32) {
        if let Some(standing) = &mut self.standing {
            standing.retain(|it| it.number <= number);
        }
        self.renew_texts();
        let record = Record::Rollback {
            number,
            when_micros: now_micros(),
        };
        if let Some(warning) = self.append(&record) {
            tracing::warn!("{warning}");
        }
    }

    fn revision(&mut self, push: &Push) -> Revision {
        let keep = &mut self.keep_text;
        let method = |method: &PushedMethod| NewMethod {
            draft: method.draft.clone(),
            source_pointer: keep(method),
        };
        Revision {
            methods: push.methods.iter().map(method).collect(),
            classes: push.classes.iter().map(|it| it.draft.clone()).collect(),
            removed: push
                .removed
                .iter()
                .map(|name| (name.behavior.clone(), name.selector.clone()))
                .collect(),
            buried: push
                .buried
                .iter()
                .map(|name| (name.behavior.clone(), name.selector.clone()))
                .collect(),
            places: push.places.clone(),
            assumed: push.assumed.clone(),
        }
    }

    /// Notes a push in the log; what cannot be written is told with the push, which is done.
    pub(super) fn write_down(
        &mut self,
        number: u32,
        push: &Push,
        losses: &[String],
    ) -> Option<String> {
        let classes = push.classes.iter().map(|it| Draft::Class(it.draft.clone()));
        let methods = push
            .methods
            .iter()
            .map(|it| Draft::Method(it.draft.clone()));
        self.append(&Record::Push(PushRecord {
            number,
            title: push.title.clone(),
            origin: push.origin.clone(),
            when_micros: now_micros(),
            is_forced: push.is_forced,
            losses: losses.to_vec(),
            drafts: classes.chain(methods).map(|draft| encode(&draft)).collect(),
            sources: push.methods.iter().map(|it| it.source.clone()).collect(),
            removed: push.removed.iter().map(ToString::to_string).collect(),
        }))
    }

    fn append(&mut self, record: &Record) -> Option<String> {
        let log = self.log.as_mut()?;
        let written = log.append(record).and_then(|()| log.sync());
        let error = written.err()?;
        Some(format!("this is not in the log: {error}"))
    }

    /// What a method looks like.
    pub fn show(&self, vm: &mut Vm, name: &MethodName) -> Shown {
        let standing = self.history.version(name);
        if standing.is_some_and(|version| is_intact(&self.history, vm, name, version)) {
            return self.history.shown(name);
        }
        let Some(method) = method_in(vm, name) else {
            return Shown::default();
        };
        let pointer = source_pointer_in(&vm.heap, &vm.names, method);
        let source = vm
            .outside
            .method_source(&name.behavior, &name.selector, pointer);
        Shown {
            is_there: true,
            source,
            ..Shown::default()
        }
    }

    /// Goes back to the push of a number; 0 for before the first.
    ///
    /// # Errors
    /// Where there is no such push any more, or the image changed what would go; nothing was changed.
    pub fn rollback(
        &mut self,
        vm: &mut Vm,
        number: u32,
        is_forced: bool,
    ) -> Result<RolledBack, String> {
        if self.keeper.is_some() {
            return self.forget(number);
        }
        let kept = self.place_to_keep(number)?;
        if !is_forced {
            self.refuse_changed(vm, kept)?;
        }
        self.go_back_to(vm, kept, number)
    }

    /// Takes back all pushes but the first `kept`, the last of which has the number.
    pub(super) fn go_back_to(
        &mut self,
        vm: &mut Vm,
        kept: usize,
        number: u32,
    ) -> Result<RolledBack, String> {
        let mut back = RolledBack {
            number,
            ..RolledBack::default()
        };
        while self.history.entries().len() > kept {
            self.take_back(vm, &mut back)?;
        }
        self.end_rollback(number);
        Ok(back)
    }

    /// How many of the entries stay in force.
    fn place_to_keep(&self, number: u32) -> Result<usize, String> {
        let entries = self.history.entries();
        let is_whole = self.history.reaches_back();
        match self.history.place_of(number) {
            Some(place) => Ok(place + 1),
            None if number == 0 && is_whole => Ok(0),
            None if entries.is_empty() && is_whole => Err("nothing was pushed yet".to_string()),
            None if entries.is_empty() => {
                Err("what was pushed cannot be taken back any more".to_string())
            }
            None => {
                let numbers = entries.iter().map(|entry| format!("#{}", entry.number));
                let numbers: Vec<String> = numbers.collect();
                Err(format!(
                    "there is no push #{number} in force; there is {}",
                    numbers.join(", ")
                ))
            }
        }
    }

    fn refuse_changed(&self, vm: &Vm, kept: usize) -> Result<(), String> {
        for place in kept..self.history.entries().len() {
            for name in self.history.methods_of(place) {
                let Some(version) = self.history.version(name) else {
                    continue;
                };
                if !is_intact(&self.history, vm, name, version) {
                    return Err(format!(
                        "{name} was changed in the image since push #{}; take that back too with --force",
                        version.number
                    ));
                }
            }
        }
        Ok(())
    }

    fn take_back(&mut self, vm: &mut Vm, back: &mut RolledBack) -> Result<(), String> {
        let chores = self.history.entries().last().map(|it| it.chores.clone());
        let nothing_new = Revised {
            new_classes: vm.classes_to_go(1),
            ..Revised::default()
        };
        for warning in do_chores(vm, chores.iter().flatten(), &nothing_new) {
            tracing::warn!("{warning}");
        }
        let reverted = vm.revert().map_err(|error| error.to_string())?;
        self.history.forget_last();
        let instances: usize = reverted.reshaped.iter().map(|it| it.instances).sum();
        back.classes += reverted.classes.len() as u32;
        back.methods += reverted.methods as u32;
        back.instances += instances as u32;
        Ok(())
    }
}

/// Begins to log what is pushed into a running image; what a log that is there tells stays.
///
/// # Errors
/// Where the file cannot be written, is no log, or another program writes it.
pub fn begin_log(path: &Path, image: Fingerprint) -> anyhow::Result<LogWriter> {
    // One that is empty was begun by somebody who came no further.
    let is_begun = path.metadata().is_ok_and(|file| file.len() > 0);
    let mut log = match is_begun {
        true => {
            let (log, _, torn) = LogWriter::resume(path)?;
            if let Some(torn) = torn {
                eprintln!("{}", torn.told_of(path));
            }
            log
        }
        false => LogWriter::create(path)?,
    };
    log.append(&Record::Session(SessionStart {
        program_version: env!("CARGO_PKG_VERSION").to_string(),
        image_fingerprint: image,
        seed_fingerprint: None,
        started_micros: now_micros(),
    }))?;
    Ok(log)
}

/// Whether a method is still as its push made it.
pub(super) fn is_intact(history: &History, vm: &Vm, name: &MethodName, version: &Version) -> bool {
    let is_told = |_: &usize| vm.undoable() > 0;
    match history.place_of(version.number).filter(is_told) {
        Some(place) => vm.is_as_revised(place, &name.behavior, &name.selector),
        // Too long ago to tell, or nobody runs what was pushed.
        None => true,
    }
}

/// What is pulled for a push, into a machine that pulls, comes during a phase of its own; answers the one
/// that it interrupts.
fn begin_phase(vm: &mut Vm) -> Option<String> {
    let arrivals = vm.extensions.get_mut::<Arrivals>()?;
    let phase = arrivals.phases.last().cloned();
    arrivals.begin_phase(PHASE);
    phase
}

fn end_phase(vm: &mut Vm, interrupted: Option<String>) {
    let arrivals = vm.extensions.get_mut::<Arrivals>();
    if let (Some(arrivals), Some(phase)) = (arrivals, interrupted) {
        arrivals.begin_phase(&phase);
    }
}

pub(super) fn method_in(vm: &Vm, name: &MethodName) -> Option<imprint_model::Oop> {
    let class = vm.names.behavior(&vm.heap, &name.behavior)?;
    let selector = vm.heap.symbol(&name.selector)?;
    let dictionary = vm.heap.slot(class, behavior::METHOD_DICTIONARY);
    let value = MethodDictionary(dictionary).at(&vm.heap, selector)?;
    (value.is_object() && vm.heap.format(value).is_code()).then_some(value)
}

/// Has the image see to what it keeps of what was revised, and then initialise new variables: how that is
/// done may ask a class for its variables. Where it fails all is taken back.
fn settle(
    vm: &mut Vm,
    push: &Push,
    revised: Revised,
) -> Result<(Revised, Vec<String>), RevisionError> {
    let (before_rollback, after): (Vec<&Chore>, Vec<&Chore>) =
        (push.chores.iter()).partition(|chore| chore.is_before_rollback);
    let warnings = do_chores(vm, after.into_iter(), &revised);
    let Err(error) = vm.initialise_added() else {
        return Ok((revised, warnings));
    };
    for warning in do_chores(vm, before_rollback.into_iter(), &revised) {
        tracing::warn!("{warning}");
    }
    vm.revert()?;
    Err(error)
}

/// Has the image do what it can of the chores; answers what went wrong, a sentence each.
fn do_chores<'a>(
    vm: &mut Vm,
    chores: impl Iterator<Item = &'a Chore>,
    revised: &Revised,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for chore in chores {
        let is_due =
            (chore.for_new_class.as_ref()).is_none_or(|class| revised.new_classes.contains(class));
        if !is_due || !vm.bring_method(&chore.needs.behavior, &chore.needs.selector) {
            continue;
        }
        let nil = vm.heap.nil();
        if let Err(why) = vm.run_aside(&chore.expression, nil) {
            warnings.push(format!("the image's own {} failed: {why}", chore.needs));
        }
    }
    warnings
}

fn report(number: u32, revised: Revised, warnings: Vec<String>, micros: u64) -> Pushed {
    let texts = |names: &[imprint_isa::Name]| names.iter().map(|it| it.to_string()).collect();
    let reshaped = revised.reshaped.iter().map(|it| Reshaped {
        behavior: it.behavior.clone(),
        added: texts(&it.added),
        removed: texts(&it.removed),
        instances: it.instances as u32,
        adapted: it.adapted as u32,
    });
    Pushed {
        number,
        new_classes: texts(&revised.new_classes),
        reshaped: reshaped.collect(),
        methods: revised.methods as u32,
        removed: revised.removed as u32,
        losses: revised.losses.iter().map(ToString::to_string).collect(),
        micros,
        warnings,
    }
}

pub(super) fn now_micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_micros() as u64)
}
