//! What is pushed into a master that serves: each push makes another pristine image of the one before.
//!
//! ```text
//!   edition 0 ── opened in a machine that nobody runs ── push ── written ──> edition 1 ── push ──> edition 2
//!      └── slaves that began before the push                        └── slaves that begin from then on
//!                                          rollback '#1' ───────────┴── serves that very edition again
//! ```
//!
//! So a pristine image never changes: who pulls keeps the view that it began with, and each slim image is a
//! function of the edition whose fingerprint its log names. A push is answered when it is served.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use imprint_heap::Collection;
use imprint_image::{PristineImage, Sources, changes_path, write_spur};
use imprint_loader::Project;
use imprint_slave::crash::outlived;
use imprint_slave::ending::sentence_of;
use imprint_slave::live::{Keeper, LiveDesk, LiveQueue, LiveRun, Pushes};
use imprint_trace::Marks;
use imprint_vm::install::Names;
use imprint_vm::{CommandLine, Vm};
use imprint_wire::log::LogWriter;
use imprint_wire::message::Plan;
use tracing::{error, info};

use super::desk::Pristine;
use super::plan::plan_of;
use super::shelves::{SHELVES_MAX, Shelves};
use crate::full_image::{LiveImage, write_texts};
use crate::image_sources::FullImageGiver;
use crate::outside::SourceBook;

/// A pristine image in a file, and what slaves may run of it.
#[derive(Clone)]
pub struct Edition {
    /// The file; its texts lie beside it.
    pub path: PathBuf,
    /// What slaves may run.
    pub plan: Plan,
}

impl Edition {
    /// Opens it, to be served; `foreseen` is what its slaves will miss.
    ///
    /// # Errors
    /// Where it is no image.
    pub fn open(&self, foreseen: Marks) -> Result<Pristine> {
        let image = PristineImage::open(&self.path).map_err(|error| anyhow!(error))?;
        let texts = std::fs::read(changes_path(&self.path)).map(Sources::from_bytes);
        let names = Names::scan(image.heap());
        let book = SourceBook::indexed(image.heap(), &names, texts.unwrap_or_default());
        Ok(Pristine {
            image,
            book,
            plan: self.plan.clone(),
            foreseen,
        })
    }
}

/// The file of the edition that is served; clones name the same.
pub type ServedFile = Arc<Mutex<PathBuf>>;

/// The editions of a master, on the thread that makes them.
pub struct Editions {
    /// Where they are written.
    pub folder: PathBuf,
    /// What the project says of what slaves may run.
    pub project: Project,
    /// Options of each plan besides.
    pub options: Vec<(String, String)>,
    /// Where they are served.
    pub shelves: Shelves,
    /// The file that is served.
    pub file: ServedFile,
    /// The first edition.
    pub first: Edition,
    /// Where pushes are written down.
    pub log: Option<LogWriter>,
}

impl Editions {
    /// Takes pushes on a thread of its own, until the desk is gone.
    pub fn begin(self) -> LiveDesk {
        let (wake, woken) = sync_channel(1);
        let (desk, queue) = LiveDesk::new(move || {
            // Where it was woken already it looks soon.
            let _ = wake.try_send(());
        });
        std::thread::spawn(move || Maker::new(self, queue).go_on(&woken));
        desk
    }
}

/// What keeper and owner of the machine know.
struct Kept {
    editions: Editions,
    /// The edition of each push that is in force, 0 for none; the last one is served.
    numbered: Vec<(u32, Edition)>,
    made: u32,
    /// Whether the machine holds what is not served any more.
    is_behind: bool,
    book: Rc<RefCell<SourceBook>>,
}

/// The owner of the machine.
struct Maker {
    kept: Rc<RefCell<Kept>>,
    live: LiveRun,
    image: Option<LiveImage>,
}

impl Maker {
    fn new(mut editions: Editions, queue: LiveQueue) -> Maker {
        let log = editions.log.take();
        let book = Rc::<RefCell<SourceBook>>::default();
        let texts = book.clone();
        let kept = Rc::new(RefCell::new(Kept {
            numbered: vec![(0, editions.first.clone())],
            editions,
            made: 0,
            is_behind: false,
            book: book.clone(),
        }));
        let mut pushes = Pushes::new(Box::new(move |method| {
            let mut texts = texts.borrow_mut();
            texts.add(&method.draft, &method.stamp, &method.source)
        }));
        pushes = pushes.kept_by(Box::new(EditionKeeper(kept.clone())));
        if let Some(log) = log {
            pushes = pushes.logged_in(log);
        }
        Maker {
            kept,
            live: LiveRun::new(queue, pushes, Box::new(FullImageGiver { book })),
            image: None,
        }
    }

    fn go_on(mut self, woken: &Receiver<()>) {
        while woken.recv().is_ok() {
            while self.live.has_orders() {
                if let Err(defect) = outlived(|| self.carry_out()) {
                    error!("{defect}");
                    self.image = None;
                }
            }
        }
    }

    /// Carries out one order, in a machine that holds the edition which is served.
    fn carry_out(&mut self) {
        match self.opened() {
            Ok(mut image) => {
                self.live.look_once(&mut image.vm);
                let is_behind = std::mem::take(&mut self.kept.borrow_mut().is_behind);
                self.image = (!is_behind).then_some(image);
            }
            Err(error) => self.live.do_without(&sentence_of(&error)),
        }
    }

    fn opened(&mut self) -> Result<LiveImage> {
        if let Some(image) = self.image.take() {
            return Ok(image);
        }
        let kept = self.kept.borrow();
        let path = kept.served().path.clone();
        let book = kept.book.clone();
        drop(kept);
        let image = LiveImage::open_with(&path, CommandLine::default(), book);
        image.context("cannot open the image that is served")
    }
}

impl Kept {
    fn served(&self) -> &Edition {
        let (_, edition) = self
            .numbered
            .last()
            .expect("the first one is never dropped");
        edition
    }

    /// Writes the machine's image as another edition, and serves it.
    fn make(&mut self, vm: &mut Vm, number: u32) -> Result<()> {
        self.made += 1;
        let path = self
            .editions
            .folder
            .join(format!("edition-{}.image", self.made));
        vm.collect(Collection::Full);
        write_spur(&vm.heap, &path).context("cannot write the image")?;
        write_texts(&self.book.borrow(), &path)?;
        let bytes = std::fs::read(&path).context("cannot read the image")?;
        // Looking for its tests runs it, so that is done to another one of the same file.
        let mut image = LiveImage::open(&path, CommandLine::default())?;
        let mut plan = plan_of(&mut image, &self.editions.project, &bytes)?;
        plan.options.extend(self.editions.options.iter().cloned());
        let edition = Edition { path, plan };
        self.serve(&edition)?;
        self.numbered.push((number, edition));
        if self.numbered.len() > SHELVES_MAX {
            // The first of all is gone back to by 0.
            self.numbered.remove(1);
        }
        Ok(())
    }

    fn serve(&self, edition: &Edition) -> Result<()> {
        let pristine = edition.open(Marks::default())?;
        let fingerprint = pristine.image.fingerprint();
        self.editions.shelves.put(pristine);
        let file = &self.editions.file;
        *file.lock().unwrap_or_else(PoisonError::into_inner) = edition.path.clone();
        info!(%fingerprint, "another image is served");
        Ok(())
    }

    fn go_back(&mut self, number: u32) -> Result<()> {
        let place = self.numbered.iter().position(|(it, _)| *it == number);
        let place = place.with_context(|| format!("no image was kept of push #{number}"))?;
        let edition = self.numbered[place].1.clone();
        self.serve(&edition)?;
        self.numbered.truncate(place + 1);
        self.is_behind = true;
        Ok(())
    }
}

/// Makes an edition of each push.
struct EditionKeeper(Rc<RefCell<Kept>>);

impl Keeper for EditionKeeper {
    fn keep(&mut self, vm: &mut Vm, number: u32) -> Result<(), String> {
        let made = self.0.borrow_mut().make(vm, number);
        made.map_err(|error| sentence_of(&error))
    }

    fn go_back(&mut self, number: u32) -> Result<(), String> {
        let done = self.0.borrow_mut().go_back(number);
        done.map_err(|error| sentence_of(&error))
    }
}
