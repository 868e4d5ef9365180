//! The full image: built from sources or opened from a file, with its texts, ready to run.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use imprint_bootstrap::{build, compile_expression, source_line};
use imprint_heap::Heap;
use imprint_host::{LocalOutside, PrunedLog, Reactor};
use imprint_image::{
    Certificates, changes_path, open_certified, open_image, spur_bytes, write_beside_and_rename,
    write_spur,
};
use imprint_isa::{BehaviorName, Draft, Placed};
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Oop};
use imprint_shrink::names_of;
use imprint_slave::commands::{code_where_pruned, see_through};
use imprint_slave::converted::rehash;
use imprint_slave::ending::sentence_of;
use imprint_slave::interrupts;
use imprint_slave::limits::{builder_settings, heap_settings};
use imprint_slave::live::heed;
use imprint_slave::machine::machine_with;
use imprint_slave::session::{UNWIND_LIMIT, limits_of};
use imprint_slave::soundness::check_code;
use imprint_vm::install::{Installer, MethodDictionary, Names, Unbound, source_pointer_in};
use imprint_vm::{Activation, CommandLine, Outcome, RunLimits, Vm};

use crate::cache;
use crate::outside::{MasterOutside, SourceBook};
use crate::project::LoadedSources;

/// Priority of evaluated expressions.
const PRIORITY: i64 = 40;

/// A full image in a machine of the master's.
pub struct LiveImage {
    /// The machine.
    pub vm: Vm,
    /// The texts of its methods.
    pub book: Rc<RefCell<SourceBook>>,
    /// How long building took; `None` where it was opened.
    pub built_in: Option<Duration>,
    /// How many collections were rehashed since its words became wider: what runs is not what the file says.
    pub rehashed: usize,
    /// What wakes the machine.
    pub reactor: Reactor,
    /// What it reaches though it was pruned, where it is a slim image.
    pruned: PrunedLog,
}

impl LiveImage {
    /// The line of the source that an activation is at, counted from 1 in its method, and its text.
    pub fn source_line(&self, activation: &Activation) -> Option<(u32, String)> {
        let (behavior, selector) = (&activation.behavior, &activation.selector);
        let pointer = self.source_pointer(behavior, selector);
        let text = self.book.borrow().text(behavior, selector, pointer)?;
        source_line(
            &self.vm.names,
            &activation.behavior,
            &text,
            &activation.path,
            activation.offset,
        )
    }

    /// What the trailer of a method says of its text; 0 for nothing.
    fn source_pointer(&self, behavior: &BehaviorName, selector: &str) -> u64 {
        let (heap, names) = (&self.vm.heap, &self.vm.names);
        let Some(class) = names.behavior(heap, behavior) else {
            return 0;
        };
        let dictionary = MethodDictionary(heap.slot(class, behavior::METHOD_DICTIONARY));
        let found = (dictionary.entries(heap).into_iter())
            .find(|(known, _)| heap.has_text(*known, selector));
        found.map_or(0, |(_, method)| source_pointer_in(heap, names, method))
    }

    /// Builds an image of sources.
    ///
    /// # Errors
    /// Sources that do not compile, initialisers that fail.
    pub fn build(sources: &LoadedSources, command_line: CommandLine) -> Result<LiveImage> {
        let local = LocalOutside::new().context("cannot wait for events on this system")?;
        let reactor = local.reactor().clone();
        interrupts::stop_by(local.waker());
        let pruned = local.pruned_log();
        let book = Rc::new(RefCell::new(SourceBook::default()));
        let outside = Box::new(MasterOutside::new(local, book.clone()));
        let heap = Heap::new(builder_settings())?;
        let machine = |heap, names| machine_with(heap, names, outside, &reactor, command_line);
        let mut built = build(&sources.set, heap, machine)?;
        // A builder's heap never collects; what runs from now on needs that it does.
        built.vm.heap.set_collector(heap_settings().collector);
        *book.borrow_mut() = SourceBook::of(built.sources);
        Ok(LiveImage {
            vm: built.vm,
            book,
            built_in: Some(built.built_in),
            rehashed: 0,
            reactor,
            pruned,
        })
    }

    /// Opens an image file, with the changes file beside it where there is one.
    ///
    /// # Errors
    /// Where the file is no image that can be opened.
    pub fn open(path: &Path, command_line: CommandLine) -> Result<LiveImage> {
        LiveImage::open_with(path, command_line, Rc::default())
    }

    /// As [`LiveImage::open`], with its texts in a book that others read too.
    ///
    /// # Errors
    /// As [`LiveImage::open`].
    pub fn open_with(
        path: &Path,
        command_line: CommandLine,
        book: Rc<RefCell<SourceBook>>,
    ) -> Result<LiveImage> {
        let opened = match cache::folder() {
            Some(folder) => {
                let certificates = Certificates::in_folder(folder.join("certificates"));
                open_certified(path, heap_settings(), &certificates)?
            }
            None => open_image(path, heap_settings())?,
        };
        check_code(path, &opened.heap)?;
        let is_rekeyed = opened.is_rekeyed();
        let names = match &opened.bindings {
            Some(bindings) => Names::scan_knowing(&opened.heap, bindings),
            None => names_of(&opened),
        };
        *book.borrow_mut() = SourceBook::in_file(changes_path(path));
        let local = LocalOutside::new().context("cannot wait for events on this system")?;
        let reactor = local.reactor().clone();
        interrupts::stop_by(local.waker());
        let pruned = local.pruned_log();
        pruned.write_to(&path.with_extension("pruned.log"));
        let outside = Box::new(MasterOutside::new(local, book.clone()));
        let mut vm = machine_with(opened.heap, names, outside, &reactor, command_line);
        let rehashed = if is_rekeyed {
            rehash("master", &mut vm)
        } else {
            0
        };
        Ok(LiveImage {
            vm,
            book,
            built_in: None,
            rehashed,
            reactor,
            pruned,
        })
    }

    /// The bytes of it as it is now: what a pristine image is read from.
    ///
    /// # Errors
    /// Where it does not fit into an image.
    pub fn pristine_bytes(&mut self) -> Result<Vec<u8>> {
        self.vm.collect(imprint_heap::Collection::Full);
        spur_bytes(&self.vm.heap)
            .map_err(|problem| anyhow::anyhow!("cannot write the full image: {problem}"))
    }

    /// The texts of its methods.
    pub fn texts(&self) -> Vec<u8> {
        self.book.borrow().sources().as_bytes().to_vec()
    }

    /// Writes it as a Spur image, and the texts of its methods into the changes file beside it.
    ///
    /// # Errors
    /// Where the files cannot be written.
    pub fn write(&mut self, path: &Path) -> Result<()> {
        self.write_objects(path)?;
        self.write_texts(path)
    }

    /// As [`LiveImage::write`], without the texts.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_objects(&mut self, path: &Path) -> Result<()> {
        self.vm.collect(imprint_heap::Collection::Full);
        write_spur(&self.vm.heap, path).context("cannot write the image")
    }

    /// Writes the changes file beside an image.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_texts(&self, path: &Path) -> Result<()> {
        write_texts(&self.book.borrow(), path)
    }

    /// Runs an expression to its end.
    ///
    /// # Errors
    /// Its syntax errors, as they are shown.
    pub fn evaluate(&mut self, expression: &str, limits: RunLimits) -> Result<Outcome> {
        let nil = self.vm.heap.nil();
        self.run_on(nil, &self.for_this_image(expression), limits)
    }

    /// Runs an expression whose `self` is an object.
    ///
    /// # Errors
    /// As [`LiveImage::evaluate`].
    pub fn run_on(
        &mut self,
        receiver: Oop,
        expression: &str,
        limits: RunLimits,
    ) -> Result<Outcome> {
        let draft =
            compile_expression(&self.vm.names, expression).map_err(|text| anyhow::anyhow!(text))?;
        let placed = Placed::nowhere(Draft::Method(draft));
        let Draft::Method(method) = &placed.draft else {
            anyhow::bail!("an expression compiles to a method")
        };
        let mut installer = Installer {
            heap: &mut self.vm.heap,
            names: &mut self.vm.names,
            presence: &mut self.vm.presence,
            unbound: Unbound::Refuse,
        };
        let method = installer.make_method(method, &placed, 0)?;
        let process = self.vm.spawn(method, receiver, PRIORITY);
        let process =
            process.map_err(|failure| anyhow::anyhow!("cannot start a process: {failure:?}"))?;
        let begun = self.vm.standstill();
        let run = |vm: &mut Vm| {
            let outcome = vm.run_until(process, limits.clone());
            heed(vm, outcome, &limits, begun)
        };
        let outcome = run(&mut self.vm);
        self.saving(outcome, run)
    }

    /// Ends what a run whose time was up left running, with its unwind blocks where these come to an
    /// end.
    ///
    /// # Errors
    /// As [`LiveImage::evaluate`].
    pub fn end_late_process(&mut self) -> Result<()> {
        if let Some(late) = self.vm.late_process() {
            self.run_on(late, "self terminate", limits_of(UNWIND_LIMIT))?;
            self.vm.end_late_processes();
        }
        Ok(())
    }

    /// Lets the image go on where it was saved, until it ends: says how, and answers the exit code. Whatever
    /// its active process comes back with is shown. `go_on` carries out the orders that stop the machine.
    pub fn see_through(&mut self, mut go_on: impl FnMut(&mut Vm, Outcome) -> Outcome) -> u8 {
        let outcome = run_active(&mut self.vm);
        let code = see_through("master", &mut self.vm, outcome, |vm, outcome| {
            let mut outcome = go_on(vm, outcome);
            while let Some(next) = resumed(vm, &outcome) {
                outcome = go_on(vm, next);
            }
            outcome
        });
        code_where_pruned(code, &self.pruned)
    }

    /// Saves the image whenever it asks for that, and goes on.
    fn saving(
        &mut self,
        mut outcome: Outcome,
        mut go_on: impl FnMut(&mut Vm) -> Outcome,
    ) -> Result<Outcome> {
        while matches!(outcome, Outcome::Snapshot) {
            save(&mut self.vm)?;
            outcome = go_on(&mut self.vm);
        }
        Ok(outcome)
    }

    /// What an expression is to be compiled as: itself, or, in an image that has no full block
    /// closures, the question to the image's own compiler.
    fn for_this_image(&self, expression: &str) -> String {
        let has_blocks = (self.vm.heap.class_at(ClassIndex::FULL_BLOCK_CLOSURE)).is_some();
        let has_compiler = self.vm.names.global("Compiler").is_some();
        if has_blocks || !has_compiler {
            return expression.to_owned();
        }
        format!("Compiler evaluate: '{}'", expression.replace('\'', "''"))
    }

    /// Runs an expression and answers the text of its value as `printString` shows it, or how else
    /// it ended.
    ///
    /// # Errors
    /// As [`LiveImage::evaluate`].
    pub fn print(&mut self, expression: &str) -> Result<Result<String, Outcome>> {
        match self.evaluate(expression, RunLimits::default())? {
            Outcome::Returned(value) => self.text_of(value, "self printString"),
            other => Ok(Err(other)),
        }
    }

    /// The string that an expression answers of an object.
    fn text_of(&mut self, object: Oop, expression: &str) -> Result<Result<String, Outcome>> {
        match self.run_on(object, expression, RunLimits::default())? {
            Outcome::Returned(text) => Ok(Ok(self.vm.heap.string_text(text).unwrap_or_default())),
            other => Ok(Err(other)),
        }
    }
}

/// Writes the changes file beside an image.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_texts(book: &SourceBook, path: &Path) -> Result<()> {
    write_beside_and_rename(&changes_path(path), book.sources().as_bytes())
        .context("cannot write the texts of the methods")
}

/// Runs the process that is active, as long as it lasts.
fn run_active(vm: &mut Vm) -> Outcome {
    let active = vm.active_process_or_nil();
    vm.run_until(active, RunLimits::default())
}

/// How an image goes on behind an outcome that is not its end: it wants to be saved, or the process that
/// was active ended without a word, and the others live.
fn resumed(vm: &mut Vm, outcome: &Outcome) -> Option<Outcome> {
    match outcome {
        Outcome::Snapshot => Some(match save(vm) {
            Ok(()) => run_active(vm),
            Err(error) => Outcome::Terminated {
                error: Some(sentence_of(&error)),
            },
        }),
        Outcome::Terminated { error: None } => Some(vm.run(RunLimits::default())),
        _ => None,
    }
}

/// Writes the image, as a Spur image under the name that it has itself.
fn save(vm: &mut Vm) -> Result<()> {
    let path = PathBuf::from(&vm.settings.command_line.image_path);
    write_spur(&vm.heap, &path).context("cannot save the image")?;
    let is_fresh = vm.heap.false_object();
    vm.saved(is_fresh);
    Ok(())
}
